"""The call that follows a check."""

from fumehood_tools.records.levels import usual_targets
from fumehood_tools.sandbox.create import Sandbox

SEEDS = "[0, 1, 2]"
CONTROL = "untrained"


def next_step(
    sandbox: Sandbox,
    name: str,
    parent: str | None,
    *,
    width: int,
    ok: bool,
    inert: bool,
    aims: bool,
) -> str:
    """Return what to do after a check, with the call that does it.

    width: dimensions of the activations. aims: whether the file has a knob. inert: whether it
    computes the same as its parent.
    """
    again = f'check_variant(sandbox="{sandbox.name}", variant="{name}")'
    if not ok:
        return f"Fix the errors, then {again}."
    wanted = dict.fromkeys(one for one in (name, parent, "topk", CONTROL) if one is not None)
    there = [one for one in wanted if (sandbox.variants / f"{one}.py").is_file()]
    names = ", ".join(f'"{one}"' for one in there)
    call = f'run_variants(sandbox="{sandbox.name}", variants=[{names}], seeds={SEEDS}'
    levels = usual_targets(width, sandbox.spec.dict_size)
    if inert:
        runs = f"{call}, l0_targets={levels})" if aims else f"{call})"
        return (
            f"If the change is meant to act here, change the file and {again}. If it only guards "
            f"against rare cases: {runs}."
        )
    if aims:
        return f"{call}, l0_targets={levels})."
    return f"{call}), and with a knob l0_targets={levels} too."
