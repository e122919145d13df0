"""Lists of pods as text, for agents and for people."""

from fumehood_tools.pods.overview import PodRow, PodRows


def rows_text(found: PodRows, ended: bool, can_look: bool = True) -> str:
    """Return a list of pods as text. can_look: whether the provider was asked for orphans."""
    lines = [_line(one) for one in found.pods]
    if not lines:
        lines.append("No pod has ended yet." if ended else "No pod is rented.")
    if found.problem:
        lines.append(f"Pods that the journal lacks could not be looked for: {found.problem}")
    elif not can_look and not ended:
        lines.append("Without a key, pods that the journal lacks cannot be looked for.")
    return "\n".join(lines)


def _line(one: PodRow) -> str:
    said = [f"{one.pod_id or one.name} ({one.gpu}) {one.state}"]
    if one.place:
        said.append(f"for {one.place}")
    if one.job:
        said.append(f"job {one.job}")
    if one.age_s is not None:
        said.append(f"{_minutes(one.age_s)} old")
    if one.cost_usd is not None:
        said.append(f"${one.cost_usd:.4f} of at most ${one.reserved_usd or 0:.2f}")
    if one.usd_per_hour is not None and one.proof is None:
        said.append(f"${one.usd_per_hour:.2f} per hour")
    if one.left_s is not None:
        said.append(f"ends in {_minutes(one.left_s)}")
    if one.why:
        said.append(f"ended because {one.why}")
    if one.record:
        said.append(one.record)
    return ", ".join(said)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
