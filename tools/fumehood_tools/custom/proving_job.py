"""The job that validates a sandbox: `python -m fumehood_tools.custom.proving_job REQUEST`.

REQUEST is a ValidationRequest as JSON.
"""

import json
import signal
import sys

from fumehood_tools.custom.validating import validate_sandbox
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.proving.request import ValidationRequest
from fumehood_tools.proving.validate import write_sarif
from fumehood_tools.settings import load_settings


def main() -> None:
    """Validate the sandbox given on the command line."""
    # Turn SIGTERM into SystemExit, so that a canceled job unwinds and ends its children.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    request = ValidationRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        settings = load_settings()
        report = validate_sandbox(request, settings, context)
        written = write_sarif(report, settings) if request.sarif else None
        first = report.text().partition("\n")[0]
        faults = [f"{number} FAILED: {report.rules[number].says}" for number in report.failed()]
        context.finish(
            {
                "summary": [first, *faults],
                "sandbox": report.sandbox,
                "passes": report.passes,
                "counts": report.counts,
                "failed": report.failed(),
                "sarif": written,
                "next": f"validate_sandbox(sandbox={report.sandbox!r}, budget={report.budget!r}), "
                "which has the whole report",
            }
        )


if __name__ == "__main__":
    main()
