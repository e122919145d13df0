"""Run the shipped guides and write the records beside them: `python -m … [name …]`.

For those who change a guide: `make guides`. Costs the run of every block, about a minute each.
Returns 1 if a block fails; its record is written all the same, so that the guide is marked.
"""

import sys

from fumehood_tools.files import data_path, write_json
from fumehood_tools.guides.environments import open_environment
from fumehood_tools.guides.report import Checked
from fumehood_tools.guides.request import CheckRequest, environment_of, read_target
from fumehood_tools.guides.run_check import check_text
from fumehood_tools.guides.shelf import record_path
from fumehood_tools.settings import Settings, load_settings


def record(name: str, settings: Settings) -> Checked:
    """Run one shipped guide and write its record. Raises FumehoodError."""
    path = data_path("guides") / f"{name}.md"
    target = read_target(path, f"guides/{path.name}")
    request = CheckRequest(guide=name)
    environment = open_environment(environment_of(request, target), settings)
    checked = check_text(target, environment, request, settings, lambda done, total: None)
    write_json(record_path(path), checked.model_dump(mode="json"))
    return checked


def main() -> int:
    """Record the guides that are named, or all of them. Returns the exit code."""
    names = sys.argv[1:] or sorted(path.stem for path in data_path("guides").glob("*.md"))
    failed = False
    for name in names:
        checked = record(name, load_settings())
        print(f"{name}: {checked.counts}", *(b.row() for b in checked.blocks if not b.is_good))
        failed = failed or not checked.passes
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
