"""The job that reads one paper: `python -m fumehood_tools.reading.worker '{"paper": …}'`.

It tries the text sources in order and stores the document. Files that were fetched before an
interruption stay in the cache.
"""

import json
import sys

from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.papers.library import Library
from fumehood_tools.papers.services import Services
from fumehood_tools.reading.reader import read_now
from fumehood_tools.reading.reading import ReadRequest
from fumehood_tools.settings import load_keys, load_settings
from fumehood_tools.web.service import Keys


def main() -> None:
    """Read the paper given on the command line."""
    request = ReadRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        settings = load_settings()
        library = Library(settings.state)
        services = Services(settings, Keys(load_keys()))
        steps = 0

        def tell(text: str) -> None:
            nonlocal steps
            steps += 1
            context.report(Progress(done=steps, total=0, phase="read", message=text))

        reading = read_now(settings, library, services, request, on_step=tell)
        context.finish(
            {
                "paper": reading.paper,
                "source": reading.source,
                "next": f"read_paper(paper={reading.paper!r}) shows it.",
            }
        )


if __name__ == "__main__":
    main()
