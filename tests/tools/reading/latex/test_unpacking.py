"""Malicious archives: nothing is written, nothing hangs, and every skipped member is reported."""

import gzip
import io
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.latex import unpacking
from fumehood_tools.reading.latex.unpacking import unpack

GOOD = {"main.tex": b"\\documentclass{article}", "sub/a.tex": b"A", "figure.png": b"\x89PNG"}


def _tar(
    files: dict[str, bytes] = GOOD,
    change: Callable[[tarfile.TarInfo], None] = lambda member: None,
    mode: str = "w:gz",
    **options: object,
) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            change(member)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _with(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    def change(member: tarfile.TarInfo) -> None:
        if member.name == name:
            member.type, member.linkname = kind, target
            member.size = 0 if kind != tarfile.REGTYPE else member.size

    return _tar({name: b"evil", **GOOD}, change)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_text_files_of_a_source_are_given_by_name(mode: str, form: int) -> None:
    sources = unpack(_tar(mode=mode, format=form))
    assert sources.files == {"main.tex": GOOD["main.tex"], "sub/a.tex": b"A"}
    assert sources.warnings == []


def test_a_single_gzipped_file_is_the_paper() -> None:
    assert unpack(gzip.compress(b"\\section{One}")).files == {"main.tex": b"\\section{One}"}
    assert unpack(b"\\section{One}").files == {"main.tex": b"\\section{One}"}


def test_a_source_that_is_a_pdf_is_named_as_one() -> None:
    with pytest.raises(Unreadable, match="is a PDF"):
        unpack(b"%PDF-1.7 ...")


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (_with("link.tex", tarfile.SYMTYPE, "/etc/passwd"), "link"),
        (_with("hard.tex", tarfile.LNKTYPE, "main.tex"), "link"),
        (_with("device.tex", tarfile.CHRTYPE), "not a file"),
        (_with("pipe.tex", tarfile.FIFOTYPE), "not a file"),
        (_with("/etc/cron.d/x.tex"), "absolute"),
        (_with("C:\\windows\\x.tex"), "absolute"),
        (_with("~/x.tex"), "absolute"),
        (_with("../../x.tex"), "leads out"),
        (_with("a/../../x.tex"), "leads out"),
        (_with("a\\..\\x.tex"), "leads out"),
        (_with("n" * 600 + ".tex"), "can't be one"),
    ],
)
def test_a_member_that_attacks_is_left_out_and_the_rest_is_read(
    archive: bytes, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sources = unpack(archive)
    assert set(sources.files) == {"main.tex", "sub/a.tex"}
    assert len(sources.warnings) == 1
    assert why in sources.warnings[0]
    assert list(tmp_path.iterdir()) == []


def test_bombs_are_stopped_while_they_unpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 5_000_000)
    zeros = bytes(20_000_000)
    for bomb in (
        gzip.compress(b"\\a" + zeros),
        _tar({"a.png": zeros, "main.tex": b"x"}),
        gzip.compress(gzip.compress(b"\\a" + zeros) * 300),
    ):
        with pytest.raises(Unreadable):
            unpack(bomb)


def test_limits_of_members_and_bytes_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 10)
    many = unpack(_tar({f"{n}.tex": b"x" for n in range(50)}))
    assert len(many.files) == 10
    assert "only the first 10" in many.warnings[0]
    monkeypatch.setattr(unpacking, "MOST_MEMBER", 1000)
    assert set(unpack(_tar({"big.tex": bytes(2000), "a.tex": b"x"})).files) == {"a.tex"}
    monkeypatch.setattr(unpacking, "MOST_TEXT", 1500)
    three = unpack(_tar({f"{n}.tex": b"x" * 700 for n in range(4)}))
    assert len(three.files) == 2


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 600, gzip.compress(b""), b"\x1f\x8b", b"\x1f\x8b\x08"]
)
def test_what_is_empty_or_cut_off_is_told_apart_from_a_paper(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpack(data)


def test_an_archive_without_latex_says_so() -> None:
    with pytest.raises(Unreadable, match="no LaTeX file"):
        unpack(_tar({"figure.png": b"x"}))


def _mutated(chance: random.Random) -> bytes:
    """Return an archive with random faults, determined by the seed."""
    form = chance.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    names = [
        "".join(chance.choices("ab/.\\~:\u00e9\u202e", k=chance.randrange(1, 120))) + ".tex"
        for _ in range(chance.randrange(1, 20))
    ]

    def change(member: tarfile.TarInfo) -> None:
        member.type = chance.choice([tarfile.REGTYPE] * 6 + [bytes([chance.randrange(128)])])
        member.linkname = chance.choice(["", "/etc/passwd", "../x"])
        if chance.random() < 0.2 and form == tarfile.PAX_FORMAT:
            member.pax_headers = {"path": "../" * 9 + "x.tex", "GNU.sparse.major": "1"}

    tar = bytearray(_tar({name: chance.randbytes(90) for name in names}, change, "w", format=form))
    for _ in range(chance.randrange(0, 40)):
        tar[chance.randrange(len(tar))] = chance.randrange(256)
    if chance.random() < 0.3:  # an impossible size, in octal or in base 256
        tar[124:136] = chance.choice([b"77777777777\0", b"\x80" + b"\xff" * 11, b"-0000000001\0"])
        total = sum(tar[:148]) + 8 * 32 + sum(tar[156:512])
        tar[148:156] = b"%06o\0 " % total
    data = gzip.compress(bytes(tar)) if chance.random() < 0.7 else bytes(tar)
    if chance.random() < 0.4:
        data = data[: chance.randrange(1, len(data))]
    return data


@pytest.mark.parametrize("seed", range(60))
def test_a_hostile_archive_is_read_or_refused_and_writes_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = _mutated(random.Random(seed))
    began = time.process_time()
    try:
        sources = unpack(archive)
    except Unreadable as refused:
        assert str(refused)
    else:
        assert all(".." not in name.split("/") for name in sources.files)
        assert not any(name.startswith(("/", "~")) for name in sources.files)
    assert time.process_time() - began < 30
    assert list(tmp_path.iterdir()) == []
