"""Check one variant of a custom sandbox: its rules by reading, then one run behind the glass.

The run needs the activations of the inputs. Where no run has made them yet, which takes a minute,
only reading is done, and the report says so.
"""

import time

from fumehood_tools.custom.children import CustomChildren
from fumehood_tools.custom.inputs import kept_inputs
from fumehood_tools.custom.reading import variant_faults
from fumehood_tools.custom.sealed import custom_of
from fumehood_tools.errors import FumehoodError, VariantRejected
from fumehood_tools.glass import GlassLevel, scratch_folder
from fumehood_tools.plain_files import read_plain
from fumehood_tools.sandbox.check_report import CheckReport
from fumehood_tools.sandbox.complaints import Complaint, error, warning
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import list_variants

SEED = 0
_MOST_LISTED = 100
_SEE = "see AGENTS.md, and a file that comes with the sandbox"


def check_custom(box: Sandbox, name: str, level: GlassLevel) -> CheckReport:
    """Return the report on one variant. Raises UnknownName, StorageFailed."""
    started = time.monotonic()
    path = box.variant_path(name)
    source = read_plain(path)
    faults = variant_faults(path.stem, source, custom_of(box))
    found = [error("interface", fault.line, fault.why, _SEE) for fault in faults]
    if not found:
        found = _run(box, path.stem, source, level)
    ok = not any(one.severity == "error" for one in found)
    came = [one.name for one in list_variants(box, _MOST_LISTED).variants if one.is_baseline]
    beside = [one for one in came if one != path.stem]
    after = f"run_variants(sandbox={box.name!r}, variants={[path.stem, *beside]!r})"
    return CheckReport(
        variant=path.stem,
        ok=ok,
        findings=found,
        seconds=round(time.monotonic() - started, 2),
        next=after if ok else "Fix the errors, then call check_variant again.",
    )


def _run(box: Sandbox, name: str, source: bytes, level: GlassLevel) -> list[Complaint]:
    custom = custom_of(box)
    inputs = kept_inputs(box, custom)
    if inputs is None:
        said = "The file was only read: the inputs have not been made yet"
        return [warning("not_run", None, said, "go on; the first run_variants makes them")]
    try:
        with (
            scratch_folder(None, "fumehood-check-") as scratch,
            CustomChildren(box, custom, inputs, level, scratch) as children,
        ):
            children.produce(name, source, SEED)
    except VariantRejected as refused:
        return [error("produce", refused.line, refused.rule, refused.instead)]
    except FumehoodError as failed:
        return [error("produce", None, str(failed), _SEE)]
    return []
