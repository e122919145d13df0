"""What a machine needs before it can train: our code, and the packages that it lacks."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import bare_machine

from fumehood_tools.files import data_path
from fumehood_tools.kinds import kinds, template_folder
from fumehood_tools.runs.remote import harvest_there, scoring_desk, serving, sky_batch
from fumehood_tools.runs.remote.code import ALONE, INSTALL, NEEDED, TEMPLATE, wanted_packages
from fumehood_tools.runs.remote.harvest_checks import harvest_packages
from fumehood_tools.runs.remote.scoring_checks import scoring_packages
from fumehood_tools.scoring.__main__ import HEAVY
from fumehood_tools.spec import SandboxSpec

HARVESTS = ["fumehood_tools.harvest.probing", "transformers"]
PIP = "import json, sys; print(json.dumps(sys.argv[1:]))\n"


@pytest.mark.child
def test_what_is_missing_is_installed_and_what_asks_for_too_much_alone(tmp_path: Path) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text(PIP, encoding="utf-8")
    asked = ["json=json", "no_such_one=one>=2,<3", "-no_such_other=other==1", "-ast=ast"]
    done = subprocess.run(
        [sys.executable, "-c", INSTALL, *asked],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    calls = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert calls == [
        ["install", "--quiet", "one>=2,<3"],
        ["install", "--quiet", "--no-deps", "other==1"],
    ]


def test_everything_that_the_packaged_variants_import_is_installed_on_a_bare_machine() -> None:
    imported: set[str] = set()
    # Sandboxes with an evaluation of their own do not train elsewhere.
    trained = [data_path(TEMPLATE) / "core", *(template_folder(kind) for kind in kinds())]
    for path in (path for folder in trained for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    # The kernels do without their compilers.
    foreign = imported - sys.stdlib_module_names - {"core", "numba", "triton"}
    assert "dictionary_learning" in foreign
    assert foreign <= {*NEEDED, *ALONE}


@pytest.mark.child
def test_a_node_of_skypilot_that_has_all_packages_needs_no_environment_of_its_own() -> None:
    command = [sys.executable, "-c", sky_batch.IS_READY, *wanted_packages()]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    lacking = [*command, "-no_such_module=none"]
    assert subprocess.run(lacking, check=False, timeout=60).returncode == 1


def imports(packages: list[str], modules: list[str]) -> str:
    """Import modules where there are only these packages; return what failed."""
    program = [sys.executable, "-P", str(Path(bare_machine.__file__))]
    words = [*program, *packages, "--", *modules]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.child
def test_a_bare_machine_gets_everything_that_the_trainer_imports() -> None:
    modules = [serving.TRAINER, "fumehood_tools.runs.remote.node"]
    assert imports(wanted_packages(), modules) == ""


@pytest.mark.child
@pytest.mark.slow
def test_a_bare_machine_gets_everything_that_harvesting_and_scoring_import() -> None:
    spec = SandboxSpec()
    assert imports(harvest_packages(spec), [harvest_there.HARVESTER, *HARVESTS]) == ""
    modules = [*HEAVY, "fumehood_tools.scoring.scorer", "transformer_lens.model_bridge"]
    modules += [scoring_desk.SERVER]
    assert imports(scoring_packages(spec), modules) == ""
    lacking = [word for word in scoring_packages(spec) if "beartype" not in word]
    assert "No module named 'beartype'" in imports(lacking, modules)
