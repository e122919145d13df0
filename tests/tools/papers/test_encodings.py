"""Text files are read in the encoding in which they were written."""

import pytest

from fumehood_tools.papers.encodings import decoded
from fumehood_tools.reading.latex.encodings import decode

RUSSIAN = "% Ключ\n@misc{лес, title = {Длинный лес за рекой}, author = {Анна Мосс}, year = 2030}\n"
FEW_LETTERS = "Łódź, a city.\n"


@pytest.mark.parametrize("text", [RUSSIAN, FEW_LETTERS, "a\n", RUSSIAN * 100])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read_by_both_readers(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    assert decoded(data) == (text, encoding)
    assert decode({"a.tex": data}) == {"a.tex": text}


@pytest.mark.parametrize("data", [b"", b"x", b"\0\0\0\0", b"text \0\0\0 of a " * 20])
def test_a_few_bytes_of_zero_do_not_make_a_file_utf_16(data: bytes) -> None:
    assert decoded(data)[0] == data.decode()
    assert decode({"a.tex": data}) == {"a.tex": data.decode()}
