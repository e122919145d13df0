"""One forward and one backward pass of a variant with given weights: what inertness compares.

The program `inside.probe`. Its spec: the keys of a training's spec.json (variant, activation_dim,
dict_size, steps, seed, …) and {"weights", "batch", "step", "fit": bool}. Without `fit` the weights
must be the variant's own, to the last name; with it (the parent) they are given to the weights they
fit, by name or by one of ALIASES, and what finds no partner stays as it was initialised.

Writes into its working folder probe.safetensors (latents f [B, F], x_hat [B, D] in eval mode; in
training mode loss [] and grad.<name>, names and shapes those of the weights file) and probe.json
{"missing": […], "added": […]}. B = rows, D = activation_dim, F = dict_size.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

# What different base classes call the same thing; "T": transposed there.
ALIASES = (
    (("encoder.weight", ""), ("W_enc", "T")),
    (("decoder.weight", ""), ("W_dec", "T")),
    (("encoder.bias", ""), ("b_enc", ""), ("mag_bias", "")),
    (("bias", ""), ("b_dec", ""), ("decoder_bias", "")),
)

LONG_AGO = 1 << 40
FEW = 4


class Partner(NamedTuple):
    """The weight of the file that one of the SAE's weights is given."""

    name: str
    transposed: bool


def find_partners(own: "dict[str, Tensor]", given: "dict[str, Tensor]") -> dict[str, Partner]:
    """Return own name -> its partner among the given weights: same name first, then an alias."""
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
    """Return the weights that training can change: a k or another size stays each SAE's own."""
    return {name: weight for name, weight in weights.items() if can_be_learned(weight)}


def can_be_learned(weight: "Tensor") -> bool:
    """Return whether a weight is one of real or complex numbers."""
    return weight.is_floating_point() or weight.is_complex()


def _candidates(name: str) -> list[Partner]:
    found = [Partner(name, transposed=False)]
    for group in ALIASES:
        turned = dict(group)
        if name in turned:
            found += [Partner(n, turned[n] != turned[name]) for n, _ in group if n != name]
    return found


def load_weights(sae: Any, spec: dict[str, Any]) -> tuple[dict[str, Partner], list[str], list[str]]:
    """Give the SAE its weights; return partners, the SAE's names without one, unused names."""
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
    """Return latents and reconstruction as the scorer would get them, a skip path included."""
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
    trainer: Any, x_BD: "Tensor", spec: dict[str, Any], partners: dict[str, Partner]
) -> "dict[str, Tensor]":
    """Return the training loss and its gradients; nothing for a trainer without loss()."""
    import torch

    if not callable(getattr(trainer, "loss", None)):
        return {}
    torch.manual_seed(spec["seed"])
    sae = trainer.ae.train()
    sae.zero_grad(set_to_none=True)
    # The few rows are there for the loss of dead latents: whatever fires is alive again.
    losses = []
    for rows in (x_BD, x_BD[:FEW]):
        pretend_dead_latents(trainer)
        loss = trainer.loss(rows.clone(), spec["step"])
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
    """Return complex numbers as pairs, in a last dimension of its own; others as they are."""
    import torch

    # A view that is conjugated only when it is read has no pairs yet.
    return torch.view_as_real(value.resolve_conj()) if value.is_complex() else value


def pretend_dead_latents(trainer: Any) -> None:
    """Have TopK's trainers take every other latent for dead, so that their loss counts too."""
    import torch

    silent = getattr(trainer, "num_tokens_since_fired", None)
    if isinstance(silent, torch.Tensor) and not silent.is_floating_point():
        silent[1::2] = LONG_AGO


def main(spec: dict[str, Any]) -> int:
    """Probe what spec describes."""
    import torch
    from safetensors.torch import load_file, save_file

    from core.loading import build_trainer, load_variant
    from core.run import TrainingRun
    from core.stubs import postpone_compiler

    postpone_compiler()
    run = TrainingRun.from_spec(spec)
    module = load_variant(run.variant)
    trainer = build_trainer(module, run)
    x_BD = load_file(spec["batch"])["x"]
    if callable(getattr(trainer, "prepare", None)):
        trainer.prepare(x_BD.clone())
    partners, missing, added = load_weights(trainer.ae, spec)
    found = forward(module, trainer.ae, x_BD, run.seed)
    found |= backward(trainer, x_BD, spec, partners)
    # Cloned: what shares memory, as views of one tensor do, cannot be saved.
    plain = {
        name: as_real(torch.as_tensor(value).detach()).float().contiguous().clone()
        for name, value in found.items()
    }
    save_file(plain, "probe.safetensors")
    Path("probe.json").write_text(json.dumps({"missing": missing, "added": added}), "utf-8")
    print(f"probed {len(plain)} tensors", file=sys.stderr)
    return 0
