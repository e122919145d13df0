"""Data in a file are found in whatever form they are written; honest files contain little."""

import base64
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.errors import IntegrityFailed
from fumehood_tools.files import data_path
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.sandbox.constants import (
    START_BYTES,
    judge_source,
    measure_constants,
    why_not_trained_here,
)
from fumehood_tools.spec import LimitsSpec

HONEST = [
    *(template_folder(SAE) / "variants").glob("*.py"),
    *(data_path("examples") / "variants").glob("*.py"),
    *data_path("tests/redteam/honest").glob("*.py"),
    *Path(__file__).parent.glob("pilot/*.py"),
    *Path(__file__).parent.glob("honest/*.py"),
]
HEAD = (template_folder(SAE) / "variants" / "topk.py").read_text(encoding="utf-8")
GUIDES = "".join(path.read_text(encoding="utf-8") for path in template_folder(SAE).glob("*.md"))
PLAIN = sorted({word for word in GUIDES.split() if word.isalpha() and len(word) > 3})[:256]


def chunks(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def syllables(raw: bytes) -> str:
    said = ["bcdfghjklmnprstv"[byte // 16] + "aeiou"[byte % 5] for byte in raw]
    return " ".join(chunks("".join(said), 8))


def letter_pairs(raw: bytes) -> str:
    return " ".join(chr(97 + byte // 16) + chr(97 + byte % 16) for byte in raw)


def plain_words(count: int) -> str:
    return " ".join(PLAIN[byte] for byte in random.Random(1).randbytes(count))


WRITTEN: dict[str, Callable[[bytes], str]] = {
    "hex": lambda raw: f'W = "{raw.hex()}"',
    "base64": lambda raw: f'W = "{base64.b64encode(raw).decode()}"',
    "base85": lambda raw: f'W = """{base64.b85encode(raw).decode()}"""',
    "numbers": lambda raw: f"W = {list(raw)}",
    "decimals": lambda raw: f"W = {[round(byte / 37 - 3, 2) for byte in raw]}",
    "one number": lambda raw: f"W = {int.from_bytes(raw[:1500], 'big'):#x}",
    "comments": lambda raw: "\n".join(f"# {line}" for line in chunks(raw.hex(), 60)),
    "docstring": lambda raw: f'def f():\n    """{" ".join(chunks(raw.hex(), 2))}"""',
    "names": lambda raw: "\n".join(f"w_{part} = 0" for part in chunks(raw.hex(), 20)),
    "letters": lambda raw: f'W = "{letter_pairs(raw)}"',
    "syllables": lambda raw: f'W = "{syllables(raw)}"',
    "chinese": lambda raw: f'W = "{"".join(chr(0x4E00 + 64 * byte) for byte in raw)}"',
    "words": lambda raw: f'"""{plain_words(3 * len(raw))}"""',
}


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.stem)
def test_an_honest_file_brings_next_to_nothing_along(path: Path) -> None:
    source = path.read_bytes()
    judge_source(source, LimitsSpec())
    assert measure_constants(source).constants < START_BYTES
    assert (why_not_trained_here(source) is None) == (b"TRAIN = False" not in source)


@pytest.mark.parametrize("form", WRITTEN)
def test_data_in_a_file_are_seen_in_any_form(form: str) -> None:
    few, many = (random.Random(0).randbytes(size) for size in (1_600, 16_000))
    source = f"{HEAD}\n{WRITTEN[form](few)}\n".encode()
    assert measure_constants(source).source == len(source)
    assert "neither as code nor as prose" in (why_not_trained_here(source) or "")
    if form != "one number":
        with pytest.raises(IntegrityFailed, match=r"limits\.(constants|source)_kb raised") as told:
            judge_source(f"{HEAD}\n{WRITTEN[form](many)}\n".encode(), LimitsSpec())
        assert told.value.check == "source_budget"


def test_a_file_that_is_too_large_is_refused_whatever_is_in_it() -> None:
    source = HEAD.encode() + b"\n# nothing" * 10_000
    with pytest.raises(IntegrityFailed, match=r"101\.\d kB \(allowed: 64\)"):
        judge_source(source, LimitsSpec())
    judge_source(source, LimitsSpec(source_kb=200))


@pytest.mark.parametrize("said", ["False", "0", "bool(0)", "K > 99"])
def test_a_file_that_says_anything_but_true_of_its_training_was_not_trained_here(
    said: str,
) -> None:
    assert "TRAIN" in (why_not_trained_here(f"{HEAD}\nTRAIN = {said}\n".encode()) or "")
    assert why_not_trained_here(f"{HEAD}\nTRAIN = True\n".encode()) is None


@pytest.mark.parametrize("source", [b"\xff\x00" * 400, b"'''", b"def f(:\n" * 900, b"", b"(" * 999])
def test_what_is_no_python_is_measured_too(source: bytes) -> None:
    found = measure_constants(source)
    assert 0 <= found.constants <= found.compressed + START_BYTES
