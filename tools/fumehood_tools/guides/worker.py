"""The job that checks a guide: `python -m fumehood_tools.guides.worker '{"guide": …}'`."""

import json
import sys
from functools import partial

from fumehood_tools.errors import FumehoodError
from fumehood_tools.guides.request import CheckRequest
from fumehood_tools.guides.run_check import check_guide, write_sarif
from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.settings import Settings, load_settings
from fumehood_tools.surveys.surveying import changed_names


def _changes(settings: Settings, package: str, old: str, new: str) -> dict[str, str]:
    """Return what changed in a package; nothing where its versions cannot be had, as offline."""
    try:
        return changed_names(package, old, new, settings=settings)
    except FumehoodError:
        return {}


def main() -> None:
    """Check the guide given on the command line."""
    request = CheckRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        settings = load_settings()

        def report(done: int, total: int) -> None:
            context.report(Progress(done=done, total=total, phase="run blocks"))

        context.report(Progress(done=0, total=0, phase="prepare the environment"))
        checked = check_guide(request, settings, report, partial(_changes, settings))
        if request.sarif:
            write_sarif(checked, settings)
        context.finish(
            {
                "check": checked.check,
                "guide": checked.guide,
                "passes": checked.passes,
                "counts": checked.counts,
                "next": "check_guide with the same arguments shows the blocks.",
            }
        )


if __name__ == "__main__":
    main()
