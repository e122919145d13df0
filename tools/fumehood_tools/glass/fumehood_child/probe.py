"""Run one forward and one backward pass of a variant with given weights, to check inertness.

The program `fumehood_child.probe`. Its spec has the keys of a training's spec.json (variant,
activation_dim, dict_size, steps, seed, …) and {"weights", "batch", "step", "fit": bool}. Without
`fit`, the names in the weights file must be exactly the variant's. With it (for a parent), each
weight is loaded into the weight of the same name, or of an alias in ALIASES, if the shapes agree;
weights without such a partner keep their initial values. "batch" is a file with x [B, D], and for a
transcoder also the targets y [B, D].

Writes two files into its working folder. probe.safetensors has the latents f [B, F] and x_hat
[B, D] in eval mode, and loss [] and grad.<name> in training mode, with the names and shapes of the
weights file. probe.json has {"missing": […], "added": […]}, the names without a partner.
B = rows, D = activation_dim, F = dict_size.

With {"ours", "variants": [path], "enough", "declared"} it compares instead: `ours` is the
probe.safetensors of a variant, and each of the packaged `variants` is run with the same weights.
All of them run in one process, in which no other code ever runs. probe.json then maps the name of
each to {"forward", "loss", "gradient", "missing", "added"}. To save time, loss and gradient are
computed only for variants whose forward pass differs by at most `enough`, and for `declared`.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import distances

if TYPE_CHECKING:
    from torch import Tensor

    Batch = tuple[Tensor, ...]

# Names that different base classes use for the same weight; "T": stored transposed there.
ALIASES = (
    (("encoder.weight", ""), ("W_enc", "T")),
    (("decoder.weight", ""), ("W_dec", "T")),
    (("encoder.bias", ""), ("b_enc", ""), ("mag_bias", "")),
    (("bias", ""), ("b_dec", ""), ("decoder_bias", "")),
)

LONG_AGO = 1 << 40
FEW = 4
SOME = 4
"""Use every SOME-th row for a first comparison; that is enough to tell different SAEs apart."""


class Partner(NamedTuple):
    """The weight in the file from which one of the SAE's weights is loaded."""

    name: str
    transposed: bool


def find_partners(own: "dict[str, Tensor]", given: "dict[str, Tensor]") -> dict[str, Partner]:
    """Map each own name to its partner among the given weights: same name, else an alias.

    A given weight is used at most once. Names without a partner of the same shape are left out.
    """
    partners: dict[str, Partner] = {}
    for name, weight in own.items():
        for partner in _candidates(name):
            found = given.get(partner.name)
            if found is None or partner.name in {other.name for other in partners.values()}:
                continue
            shape = (found.T if partner.transposed else found).shape
            if shape == weight.shape and found.is_complex() == weight.is_complex():
                partners[name] = partner
                break
    return partners


def only_learned(weights: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Return the weights that training can change; integers such as k are not transferred."""
    return {name: weight for name, weight in weights.items() if can_be_learned(weight)}


def can_be_learned(weight: "Tensor") -> bool:
    """Return True for floating point and complex weights."""
    return weight.is_floating_point() or weight.is_complex()


def _candidates(name: str) -> list[Partner]:
    found = [Partner(name, transposed=False)]
    for group in ALIASES:
        turned = dict(group)
        if name in turned:
            found += [Partner(n, turned[n] != turned[name]) for n, _ in group if n != name]
    return found


def load_weights(sae: Any, spec: dict[str, Any]) -> tuple[dict[str, Partner], list[str], list[str]]:
    """Load the weights into the SAE.

    Returns the partner of each loaded name, the SAE's names without a partner, and the names in the
    file that were not used.
    """
    import torch
    from safetensors.torch import load_file

    given, own = load_file(spec["weights"]), sae.state_dict()
    if not spec["fit"]:
        sae.load_state_dict(given, strict=True)
        return {name: Partner(name, transposed=False) for name in own}, [], []
    given, own = only_learned(given), only_learned(own)
    partners = find_partners(own, given)
    with torch.no_grad():
        fitting = {
            name: (given[found.name].T if found.transposed else given[found.name]).contiguous()
            for name, found in partners.items()
        }
        sae.load_state_dict(fitting, strict=False)
    used = {found.name for found in partners.values()}
    return partners, sorted(own.keys() - partners.keys()), sorted(given.keys() - used)


def forward(module: Any, sae: Any, x_BD: "Tensor", seed: int) -> "dict[str, Tensor]":
    """Return latents and reconstruction in eval mode, including the skip path if there is one."""
    import torch

    torch.manual_seed(seed)
    sae.eval()
    with torch.no_grad():
        f_BF = sae.encode(x_BD.clone())
        x_hat_BD = sae.decode(f_BF.clone())
        if getattr(module, "SKIP", False) is True:
            x_hat_BD = x_hat_BD + sae.skip(x_BD.clone())
    return {"f": f_BF, "x_hat": x_hat_BD}


def backward(
    trainer: Any, batch: "Batch", spec: dict[str, Any], partners: dict[str, Partner]
) -> "dict[str, Tensor]":
    """Return the training loss and its gradients, or {} for a trainer without loss()."""
    import torch

    if not callable(getattr(trainer, "loss", None)):
        return {}
    torch.manual_seed(spec["seed"])
    sae = trainer.ae.train()
    sae.zero_grad(set_to_none=True)
    # The second batch has only FEW rows, so most latents do not fire on it. Latents that fire count
    # as alive again; with the whole batch, the loss of dead latents would never be computed.
    losses = []
    for rows in (batch, tuple(part[:FEW] for part in batch)):
        pretend_dead_latents(trainer)
        loss = trainer.loss(*(part.clone() for part in rows), spec["step"])
        loss.backward()
        losses.append(loss.detach().reshape(()))
    found = {"loss": torch.stack(losses).sum()}
    for name, weight in sae.named_parameters():
        if weight.grad is None:
            continue
        partner = partners.get(name, Partner(f"parent:{name}", transposed=False))
        found[f"grad.{partner.name}"] = weight.grad.T if partner.transposed else weight.grad
    return found


def as_real(value: "Tensor") -> "Tensor":
    """Return complex values as (real, imaginary) pairs in a new last dimension; others as is."""
    import torch

    # view_as_real refuses lazily conjugated tensors.
    return torch.view_as_real(value.resolve_conj()) if value.is_complex() else value


def pretend_dead_latents(trainer: Any) -> None:
    """Mark every other latent as dead in TopK trainers, so that their auxiliary loss runs too."""
    import torch

    silent = getattr(trainer, "num_tokens_since_fired", None)
    if isinstance(silent, torch.Tensor) and not silent.is_floating_point():
        silent[1::2] = LONG_AGO


class Probe:
    """One SAE with the given weights loaded, and the batch to run it on: x, or x and targets y."""

    def __init__(self, spec: dict[str, Any], batch: "Batch") -> None:
        from core.loading import build_trainer, load_variant
        from core.run import TrainingRun

        self.spec, self.batch, self.x_BD = spec, batch, batch[0]
        run = TrainingRun.from_spec(spec)
        self.module = load_variant(run.variant, run.form)
        self.trainer = build_trainer(self.module, run)
        if callable(getattr(self.trainer, "prepare", None)):
            self.trainer.prepare(*(part.clone() for part in batch))
        self.partners, self.missing, self.added = load_weights(self.trainer.ae, spec)

    def forward(self, step: int = 1) -> "dict[str, Tensor]":
        """Return latents and reconstruction of every step-th row."""
        return plain(forward(self.module, self.trainer.ae, self.x_BD[::step], self.spec["seed"]))

    def backward(self) -> "dict[str, Tensor]":
        """Return the training loss and the gradients, by name."""
        return plain(backward(self.trainer, self.batch, self.spec, self.partners))

    def weights_said(self) -> dict[str, list[str]]:
        """Return the names of weights without a partner, on either side."""
        return {"missing": self.missing, "added": self.added}


def plain(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Return float32 copies: safetensors cannot save tensors that share memory."""
    import torch

    return {
        name: as_real(torch.as_tensor(value).detach()).float().contiguous().clone()
        for name, value in tensors.items()
    }


def compare_with(
    variant: str, spec: dict[str, Any], batch: "Batch", ours: "dict[str, Tensor]"
) -> dict[str, Any]:
    """Return the differences between a packaged variant and `ours`, with the same weights."""
    probe = Probe({**spec, "variant": variant, "fit": True}, batch)
    declared = Path(variant).stem == spec["declared"]
    some = {name: ours[name][::SOME] for name in ("f", "x_hat")}
    found: dict[str, Any] = {"loss": None, "gradient": None, **probe.weights_said()}
    found["forward"] = distances.forward_difference(some, probe.forward(SOME))
    if found["forward"] <= spec["enough"] or declared:
        theirs = probe.forward()
        found["forward"] = distances.forward_difference(ours, theirs)
        theirs |= probe.backward()
        found["loss"] = distances.loss_difference(ours, theirs)
        found["gradient"] = distances.gradient_difference(ours, theirs)
    return found


def main(spec: dict[str, Any]) -> int:
    """Run the probe or the comparison that `spec` describes (see the module's docstring)."""
    from safetensors.torch import load_file, save_file

    from core.stubs import postpone_compiler

    postpone_compiler()
    given = load_file(spec["batch"])
    batch = tuple(given[name] for name in ("x", "y") if name in given)
    said: dict[str, Any]
    if "variants" in spec:
        ours = load_file(spec["ours"])
        said = {
            Path(variant).stem: compare_with(variant, spec, batch, ours)
            for variant in spec["variants"]
        }
    else:
        probe = Probe(spec, batch)
        save_file({**probe.forward(), **probe.backward()}, "probe.safetensors")
        said = probe.weights_said()
    Path("probe.json").write_text(json.dumps(said), "utf-8")
    print(f"probed {', '.join(said)}", file=sys.stderr)
    return 0
