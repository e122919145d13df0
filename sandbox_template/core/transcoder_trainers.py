"""Trainers of transcoders: what a variant's CustomTrainer starts from.

`update` does one step: loss(x, y, step), backward, Adam, schedule. x [B, D] is read, y [B, D] is to
be predicted. Schedules and step functions are dictionary_learning's, and dead latents of TopK are
revived as in SAEs; only the target differs. B = tokens, D = activation_dim, F = dict_size.
"""

from typing import Any

import torch
from dictionary_learning.trainers.jumprelu import JumpReLUFunction, StepFunction
from dictionary_learning.trainers.trainer import get_lr_schedule, get_sparsity_warmup_fn
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from core.baselines import FollowsThreshold, threshold_keywords
from core.kernels import Latents, batch_topk_encode, sparse_decode
from core.kernels.adam import UnitNormAdam
from core.kernels.functions import decode_error
from core.revival import RevivesLatents
from core.transcoder import BaseTranscoder


class BaseTranscoderTrainer:
    """Trains a CustomTranscoder with ReLU latents.

    loss = mean_B |y - y_hat|^2 + l1_penalty * warmup(step) * mean_B |f|_1, with decoder columns at
    unit norm (Dunefsky et al. 2024, arXiv 2406.11944, who divide |y - y_hat|^2 by |y|; here y has
    unit mean square instead).

    Made with the same keywords as trainers of SAEs: a subclass passes **kwargs on. For use in a
    loss: self.ae (the transcoder), self.l1_penalty, self.steps, self.sparsity_warmup_fn(step).
    """

    unit_columns = True
    """Whether decoder columns are kept at norm 1: a penalty on |f| needs it."""
    betas = (0.9, 0.999)
    most_norm: float | None = None
    """The largest norm of all gradients together, None for no limit."""

    def __init__(
        self,
        *,
        steps: int,
        activation_dim: int,
        dict_size: int,
        dict_class: type[BaseTranscoder],
        lr: float,
        l1_penalty: float = 0.06,
        warmup_steps: int = 0,
        sparsity_warmup_steps: int = 0,
        decay_start: int | None = None,
        seed: int | None = None,
        device: str = "cpu",
        **_: Any,
    ) -> None:
        if seed is not None:
            torch.manual_seed(seed)
        self.steps, self.seed, self.device = steps, seed, device
        self.lr, self.l1_penalty = lr, l1_penalty
        self.ae: Any = dict_class(activation_dim, dict_size).to(device)
        self.sparsity_warmup_fn = get_sparsity_warmup_fn(steps, sparsity_warmup_steps)
        unit_norm: dict[Any, int] = {self.ae.decoder.weight: 0} if self.unit_columns else {}
        self.optimizer = UnitNormAdam(
            self.ae.parameters(),
            unit_norm,
            lr=lr,
            betas=self.betas,
            most_norm=self.most_norm,
        )
        schedule = get_lr_schedule(steps, warmup_steps, decay_start, None, sparsity_warmup_steps)
        self.scheduler = LambdaLR(self.optimizer, lr_lambda=schedule)

    def prepare(self, x: Tensor, y: Tensor) -> None:
        """Set what depends on data, once, before step 0: here the biases, from the first batch."""
        self.ae.centre(x, y)

    def loss(self, x: Tensor, y: Tensor, step: int, **_: Any) -> Tensor:
        """Return a scalar for activations x [B, D] and targets y [B, D]."""
        y_hat, f = self.ae(x, output_features=True)
        wrong: Tensor = (y - y_hat).pow(2).sum(dim=-1).mean()
        sparsity: Tensor = f.norm(p=1, dim=-1).mean()
        loss: Tensor = wrong + self.l1_penalty * self.sparsity_warmup_fn(step) * sparsity
        return loss

    def update(self, step: int, x: Tensor, y: Tensor) -> float:
        """Do one step on a batch; return the loss."""
        loss = self.differentiated(x, y, step=step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.scheduler.step()
        return loss.item()

    def differentiated(self, x: Tensor, y: Tensor, /, *, step: int) -> Tensor:
        """Return the loss of a batch. Its gradients are in the parameters then."""
        loss = self.loss(x, y, step=step)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss


class TopKTranscoderTrainer(RevivesLatents, BaseTranscoderTrainer):
    """Trains a TopKTranscoder, with a skip path or without, on active latents only.

    loss = mean_B |y - y_hat|^2 + auxk_alpha * what dead latents leave of the error + `penalty`. The
    first is the fraction of variance unexplained that sparsify takes, times the variance of y; the
    second is that of TopK SAEs (Gao et al. 2024, arXiv 2406.04093, A.2). Columns are free.
    """

    unit_columns = False
    most_norm = 1.0

    def __init__(self, **kwargs: Any) -> None:
        """Take the keywords that all trainers are made with."""
        super().__init__(**kwargs)
        self.start_counting(kwargs["activation_dim"], kwargs["dict_size"], self.device)

    def encoder(self) -> tuple[Tensor, Tensor]:
        """Return W_enc [F, D] and b_enc [F]."""
        return self.ae.encoder.weight, self.ae.encoder.bias

    def decoder(self) -> Tensor:
        """Return W_dec [D, F]."""
        weight: Tensor = self.ae.decoder.weight
        return weight

    def select(self, x: Tensor) -> Latents:
        """Return the latents of x [B, D] that a training step uses: what the transcoder keeps."""
        latents: Latents = self.ae.select(x)
        return latents

    def follow(self, f: Latents, step: int) -> None:
        """Note the latents of a step. TopK has nothing to note."""

    def predict(self, x: Tensor, f: Latents) -> Tensor:
        """Return y_hat [B, D] as the loss takes it: decode of active latents, and skip."""
        y_hat: Tensor = sparse_decode(f, self.decoder()) + self.ae.decoder.bias
        skip = getattr(self.ae, "skip", None)
        return y_hat if skip is None else y_hat + skip(x)

    def loss(self, x: Tensor, y: Tensor, step: int, **_: Any) -> Tensor:
        """Return a scalar for activations x [B, D] and targets y [B, D]."""
        f = self.select(x)
        self.follow(f, step)
        wrong, error_BD = self._judged(x, y, f)
        return wrong + self.revival(f, error_BD, x) + self.penalty(x, y, f, step)

    def _judged(self, x: Tensor, y: Tensor, f: Latents) -> tuple[Tensor, Tensor]:
        """Return the mean over tokens of |y - y_hat|^2, and y - y_hat [B, D]."""
        is_plain = getattr(self.predict, "__func__", None) is TopKTranscoderTrainer.predict
        if is_plain and getattr(self.ae, "skip", None) is None:
            return decode_error(y, f, self.decoder(), self.ae.decoder.bias)
        error_BD = y - self.predict(x, f)
        return torch.linalg.vector_norm(error_BD).square() / len(x), error_BD

    def penalty(self, x: Tensor, y: Tensor, f: Latents, step: int) -> Tensor | float:
        """Return what a variant asks for besides prediction: a scalar, 0 here."""
        return 0.0


class BatchTopKTranscoderTrainer(FollowsThreshold, TopKTranscoderTrainer):
    """Trains a BatchTopKTranscoder: its threshold follows the smallest value that is kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        numbers = threshold_keywords(self.steps)
        self.threshold_start_step = numbers["threshold_start_step"]
        self.threshold_beta = numbers["threshold_beta"]

    def select(self, x: Tensor) -> Latents:
        """Return the k * B largest latents of the batch x [B, D]."""
        return batch_topk_encode(x, *self.encoder(), int(self.ae.k))

    def follow(self, f: Latents, step: int) -> None:
        """Let the threshold of evaluation follow, from a tenth of the steps on."""
        if step > self.threshold_start_step:
            self.update_threshold(f.value_A.detach())


class JumpReluTranscoderTrainer(BaseTranscoderTrainer):
    """Trains a JumpReluTranscoder.

    loss = mean_B |y - y_hat|^2 + sparsity_penalty * warmup(step) * (L0 / target_l0 - 1)^2, with
    dictionary_learning's step functions, whose gradients reach thresholds within `bandwidth`
    (Rajamanoharan et al. 2024, arXiv 2407.14435).
    """

    target_l0 = 32.0
    sparsity_penalty = 1.0
    bandwidth = 0.001
    betas = (0.0, 0.999)
    most_norm = 1.0

    def loss(self, x: Tensor, y: Tensor, step: int, **_: Any) -> Tensor:
        """Return a scalar for activations x [B, D] and targets y [B, D]."""
        ae = self.ae
        f = JumpReLUFunction.apply(ae.encoder(x), ae.threshold, self.bandwidth)
        y_hat = ae.decode(f)
        if (skip := getattr(ae, "skip", None)) is not None:
            y_hat = y_hat + skip(x)
        wrong: Tensor = (y - y_hat).pow(2).sum(dim=-1).mean()
        l0 = StepFunction.apply(f, ae.threshold, self.bandwidth).sum(dim=-1).mean()
        apart: Tensor = (l0 / self.target_l0 - 1).pow(2)
        loss: Tensor = wrong + self.sparsity_penalty * self.sparsity_warmup_fn(step) * apart
        return loss
