"""Eight steps of matching pursuit with the decoder's columns."""

from core import BaseSAE, BaseTrainer, geometric_median

STEPS = 8


class CustomSAE(BaseSAE):
    def encode(self, x):
        columns = self.decoder.weight.T / self.decoder.weight.T.norm(dim=-1, keepdim=True)
        lengths = self.decoder.weight.norm(dim=0)
        rest, f = x - self.bias - self.decoder.bias, x.new_zeros(len(x), self.dict_size)
        for _ in range(STEPS):
            match, best = (rest @ columns.T).max(dim=-1, keepdim=True)
            match = match.relu()
            f = f.scatter_add(-1, best, match / lengths[best])
            rest = rest - match * columns[best[:, 0]]
        return f


class CustomTrainer(BaseTrainer):
    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat = self.ae(x)
        return (x - x_hat).pow(2).sum(dim=-1).mean()
