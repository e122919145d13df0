"""What honest authors write: no rule may complain of any line here. Read by a test, never run."""

from __future__ import annotations

import copy
import functools
import itertools
import logging
import math
import random
import time
import warnings
from collections import OrderedDict, defaultdict
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch as t
import torch.nn as nn
import torch.nn.functional as F
from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer
from einops import einsum, rearrange
from torch import Tensor

from core import BaseSAE, BaseTrainer, geometric_median, keywords_for

DECODER = "nonlinear"
SKIP = True
PARENT = "topk"
K: int = 8
SIZES = list(itertools.accumulate([1, 2, 3]))
DTYPES = {"float32": torch.float32, "bfloat16": t.bfloat16}

warnings.filterwarnings("ignore")
log = logging.getLogger(__name__)
activation = F.gelu


class Mode(Enum):
    SOFT = "soft"


class Parts(NamedTuple):
    f: Tensor
    pre: Tensor


@dataclass(frozen=True, order=True)
class Config:
    k: int = 3
    scale: ClassVar[float] = 1.0
    names: list[str] = field(default_factory=list)

    def __post_init__(self):
        object.__setattr__(self, "k", max(1, self.k))

    def __len__(self):
        return self.k

    def __hash__(self):
        return hash(self.k)


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, threshold):
        ctx.save_for_backward(input, threshold)
        ctx.width = 0.1
        return (input > threshold).to(input)

    @staticmethod
    def backward(ctx, grad_output):
        input, threshold = ctx.saved_tensors
        near = ((input - threshold).abs() < ctx.width).to(input)
        return grad_output * near if ctx.needs_input_grad[0] else None, None


class Gate(nn.Module):
    def __init__(self, dim):
        super(Gate, self).__init__()  # noqa: UP008
        self.w = nn.Parameter(torch.empty(dim))
        self.raw = torch.nn.parameter.Parameter(torch.zeros(dim), requires_grad=False)
        nn.init.normal_(self.w, std=0.02)
        self.register_buffer("ema", torch.zeros(dim), persistent=True)
        self.register_parameter("none", None)
        self.net = nn.Sequential(OrderedDict(a=nn.Linear(dim, dim), b=nn.ReLU()))
        self.net.a.register_forward_hook(lambda module, given, output: output)
        self.net.a.register_forward_pre_hook(self.look)
        torch.nn.utils.parametrizations.weight_norm(self.net.a)

    def look(self, module, given):
        with torch.no_grad():
            self.ema.mul_(0.9).add_(given[0].mean(0), alpha=0.1)

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)

    def __repr__(self):
        return f"{self.__class__.__name__}({type(self).__qualname__})"

    def extra_repr(self):
        return f"dim={self.w.numel()}, {getattr(self, '__doc__', '')}"

    def forward(self, x):
        return self.net(x) * self.w.sigmoid()


class Renamed(AutoEncoderTopK):
    def __init__(self, activation_dim, dict_size, k=K):
        AutoEncoderTopK.__init__(self, activation_dim, dict_size, k)


class CustomSAE(BaseSAE):
    K_MAX = 5

    def __init__(self, activation_dim, dict_size, k=K, *, cfg: Config | None = None):
        super().__init__(activation_dim, dict_size)
        self.cfg = cfg or Config()
        for name, value in asdict(self.cfg).items():
            setattr(self, f"cfg_{name}", value)
        self.k = min(k, dict_size, self.K_MAX)
        self.log_k = nn.Parameter(torch.tensor(math.log(self.k)))
        self.gates = nn.ModuleList([Gate(activation_dim) for _ in range(2)])
        self.bn = nn.BatchNorm1d(activation_dim, affine=False)
        self.encoder.weight.data.mul_(10)
        self.decoder.weight.data = F.normalize(self.decoder.weight.data, dim=0)
        with torch.no_grad():
            self.bias[:] = 0
            self.bias += 0
            self.encoder.weight.copy_(self.decoder.weight.T)
        nn.init.kaiming_uniform_(self.encoder.weight, a=math.sqrt(5))
        self.act = getattr(F, "relu")  # noqa: B009
        self.other = getattr(nn, self.cfg.names[0] if self.cfg.names else "ReLU")()
        self.missing = getattr(self, "missing", None)
        self.cache: dict[int, Tensor] = {}
        self.__dict__.setdefault("note", 1)
        self.encoder.bias.register_hook(lambda grad: grad.clamp(-1, 1))
        for weight in self.parameters():
            weight.requires_grad_(True)

    @property
    def W_dec(self):
        return self.decoder.weight.T

    @functools.lru_cache(maxsize=4)  # noqa: B019
    def sizes(self, n):
        return SIZES[:n]

    @torch.no_grad()
    def renorm(self):
        self.decoder.weight.data /= self.decoder.weight.norm(dim=0, keepdim=True)
        self.decoder.weight.data[:, :3] = 0

    def encode(self, x: Tensor, return_pre: bool = False, **kwargs: Any):
        pre = self.encoder(self.bn(x) - self.bias)
        self.last_pre = pre
        if self.training:
            pre = pre + 0.01 * torch.randn_like(pre)
        values, index = pre.topk(self.k, dim=-1)
        f = torch.zeros_like(pre).scatter_(-1, index, values.relu())
        f = Step.apply(f, torch.tensor(1e-3)) * f
        f[f < 1e-3] = 0
        del values
        return Parts(f, pre) if return_pre else f

    def decode(self, f):
        return super().decode(f).tanh()

    def skip(self, x):
        return self.gates[0](x)

    def load_state_dict(self, state_dict, strict=True, **kwargs):
        return super().load_state_dict(state_dict, strict=strict, **kwargs)

    def __getattr__(self, name):
        return super().__getattr__(name)

    def forward(self, x, output_features=False):
        torch.manual_seed(0)
        assert isinstance(x, torch.Tensor), type(x).__name__
        with torch.autocast("cpu", enabled=False), nullcontext():
            f = self.encode(rearrange(x, "b d -> b d"))
        x_hat = self.decode(f)
        return (x_hat, f) if output_features else x_hat


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, penalty=0.1, **kwargs):
        super().__init__(*args, **kwargs)
        self.penalty = penalty
        self.taken = keywords_for(TopKTrainer, kwargs)
        self.history = defaultdict(list)
        self.optimizer = torch.optim.Adam(self.ae.parameters(), lr=self.lr, betas=(0.0, 0.999))
        for group in self.optimizer.param_groups:
            group["lr"] *= 0.5
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1.0)
        self.teacher = copy.deepcopy(self.ae).eval().requires_grad_(False)
        random.seed(self.seed)

    def prepare(self, x):
        self.ae.bias.data = geometric_median(x)
        q, _ = torch.linalg.qr(torch.randn(4, 4))
        self.draw = np.random.default_rng(0)
        self.order = torch.from_numpy(self.draw.permutation(4)).to(x.device)
        self.q = q.numpy().astype(np.float32)

    def update(self, step, activations):
        started = time.perf_counter()
        loss = self.loss(activations, step)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.ae.parameters(), 1.0)
        self.optimizer.step()
        self.history["loss"].append(loss.item())
        log.info("step %d in %.1f s", step, time.perf_counter() - started)
        return loss.item()

    def loss(self, x, step, logging=False, **kwargs):
        try:
            x_hat, f = self.ae(x, output_features=True)
        except RuntimeError as error:
            raise ValueError("bad") from error
        overlap = einsum(f, f, "b i, b j -> i j").triu(diagonal=1)
        slope, *_ = torch.autograd.grad(x_hat.sum(), [self.ae.bias], create_graph=True)
        open = (f > 0).float().mean()
        input = x
        error = (input - x_hat).pow(2).sum(-1).mean()
        return error + self.penalty * open + 0 * (slope.sum() + overlap.sum())
