"""TopK as one writes it down: dense pre-activations, torch.topk, a dense product to decode."""

import torch

from core import BaseSAE, geometric_median

K = 32


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size):
        super().__init__(activation_dim, dict_size)
        self.W_enc = torch.nn.Parameter(torch.randn(activation_dim, dict_size))
        self.W_enc.data /= self.W_enc.data.norm(dim=0, keepdim=True)
        self.W_dec = torch.nn.Parameter(self.W_enc.data.T.clone())
        self.b_enc = torch.nn.Parameter(torch.zeros(dict_size))
        del self.encoder, self.decoder

    def encode(self, x):
        a = torch.relu((x - self.bias) @ self.W_enc + self.b_enc)
        values, index = torch.topk(a, K, dim=-1)
        mask = torch.zeros_like(a).scatter_(-1, index, 1.0)
        return a * mask

    def decode(self, f):
        return f @ self.W_dec + self.bias


class CustomTrainer:
    """A plain loop: Adam over all parameters, columns of unit norm after each step."""

    def __init__(self, dict_class, activation_dim, dict_size, steps, **unused):
        self.ae, self.steps = dict_class(activation_dim, dict_size), steps
        self.adam = torch.optim.Adam(self.ae.parameters(), lr=3e-3)

    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def update(self, step, x):
        for group in self.adam.param_groups:
            group["lr"] = 3e-3 * min(1.0, 5 * (1 - step / self.steps))
        self.adam.zero_grad()
        loss = (x - self.ae(x)).pow(2).sum(dim=-1).mean()
        loss.backward()
        self.adam.step()
        with torch.no_grad():
            self.ae.W_dec /= self.ae.W_dec.norm(dim=1, keepdim=True)
        return float(loss)
