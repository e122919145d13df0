"""The job that packs a repository: `python -m fumehood_tools.packing.worker '{"source": …}'`."""

import json
import sys

from fumehood_tools.jobs.models import Progress
from fumehood_tools.jobs.worker import JobContext
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.tokens import installed_tokenizer
from fumehood_tools.repositories import open_checkout
from fumehood_tools.settings import load_settings


def main() -> None:
    """Pack the repository given on the command line."""
    request = PackRequest.model_validate(json.loads(sys.argv[1]))
    context = JobContext.from_environment()
    with context.guard():
        settings = load_settings()

        def report(phase: str, done: int, total: int) -> None:
            context.report(Progress(done=done, total=total, phase=phase))

        def tell(text: str) -> None:
            report(text, 0, 0)

        tell("find the files")
        checkout = open_checkout(request.source, settings=settings, tell=tell)
        tools = Tools(SecretScan(), installed_tokenizer(), settings.cache / "packing")
        pack = pack_checkout(checkout, request, settings.workspace, tools, report)
        context.finish({"pack": pack.pack, "next": f"read_pack(pack={pack.pack!r}) reads it."})


if __name__ == "__main__":
    main()
