"""The job that checks a guide: `python -m fumehood_tools.guides.worker '{"guide": …}'`."""

import json
import sys

from fumehood_tools.guides.changes import changes_from_index
from fumehood_tools.guides.request import CheckRequest
from fumehood_tools.guides.run_check import check_guide, write_sarif
from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.settings import load_settings


def main() -> None:
    """Check the guide given on the command line."""
    request = CheckRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        settings = load_settings()

        def report(done: int, total: int) -> None:
            context.report(Progress(done=done, total=total, phase="run blocks"))

        context.report(Progress(done=0, total=0, phase="prepare the environment"))
        checked = check_guide(request, settings, report, changes_from_index(settings))
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
