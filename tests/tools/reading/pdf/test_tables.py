"""Tables and algorithms of PDFs: their rows, and which is which."""

from pathlib import Path

import pytest
from fakes.set_pdf import Sheet, front, read_sheets

from fumehood_tools.reading.document import Block, Document

TEXTS = {
    "stitch": "appends the attributes time, flux and error of otherwise unrelated letters to it",
    "flatten": "applies a smoothing filter that is wide enough for all of the letters we read",
    "fold": "folds a letter at a given hour of the day and lays it upon those of the day before",
}


def _start() -> Sheet:
    sheet = front()
    sheet.text("1 Introduction", 72, 560, 12, "bold").prose(72, 540, lines=6)
    return sheet


def _only(document: Document, kind: str) -> Block:
    (block,) = (block for block in document.blocks if block.kind == kind)
    return block


def _rule(y: float, x0: float = 72, x1: float = 400) -> str:
    return f"{x0} {y} m {x1} {y} l S"


def _ruled(heights: list[float], x1: float) -> str:
    return " ".join(_rule(y, 72, x1) for y in heights)


@pytest.mark.parametrize("width", [100, 120, 150, 190])
def test_words_of_a_justified_cell_keep_their_order(tmp_path: Path, width: float) -> None:
    sheet = _start().text("Table 1: What each method does.", 72, 440)
    sheet.text("Method", 74, 418).text("Description", 150, 418)
    y = 402.0
    for name, text in TEXTS.items():
        sheet.text(name, 74, y)
        y = sheet.prose(150, y, width, lines=20, text=text)
    sheet.draw(_ruled([430, 414, y + 8], 160 + width)).prose(72, y - 30, lines=5)
    table = _only(read_sheets(tmp_path, sheet), "table")
    assert table.rows == [["Method", "Description"], *map(list, TEXTS.items())]


def test_two_justified_columns_side_by_side_are_told_apart(tmp_path: Path) -> None:
    sheet = _start().text("Table 1: What each method does.", 72, 440)
    for x, head in ((74, "Method"), (150, "Description"), (282, "Use"), (412, "Score")):
        sheet.text(head, x, 418)
    y, uses = 402.0, list(reversed(TEXTS.values()))
    for (name, text), use in zip(TEXTS.items(), uses, strict=True):
        sheet.text(name, 74, y).text("0.71", 412, y)
        low = sheet.prose(150, y, 120, lines=20, text=text)
        y = min(low, sheet.prose(282, y, 120, lines=20, text=use))
    sheet.draw(_ruled([430, 414, y + 8], 440)).prose(72, y - 30, lines=5)
    rows = _only(read_sheets(tmp_path, sheet), "table").rows
    wanted = zip(TEXTS.items(), uses, strict=True)
    assert rows[1:] == [[name, text, use, "0.71"] for (name, text), use in wanted]


def test_a_head_over_two_columns_does_not_join_them(tmp_path: Path) -> None:
    sheet = _start().text("Table 1: Scores.", 72, 440).text("Scores of all clerks", 150, 418)
    for x, word in ((74, "Clerk"), (150, "Early"), (230, "Late")):
        sheet.text(word, x, 404)
    for at, name in enumerate(("Alpha", "Beta", "Gamma")):
        sheet.text(name, 74, 388 - 12 * at).text("good", 150, 388 - 12 * at)
        sheet.text("poor", 230, 388 - 12 * at)
    sheet.draw(_ruled([430, 400, 356], 300)).prose(72, 330, lines=5)
    rows = _only(read_sheets(tmp_path, sheet), "table").rows
    assert rows[-3:] == [[name, "good", "poor"] for name in ("Alpha", "Beta", "Gamma")]


STATEMENTS = [
    ("Input:", 0, "letters x, delay t"),
    ("for", 0, "each letter in x do"),
    ("", 1, "g := gradient of the loss"),
    ("", 1, "x := x - a g + m"),
    ("end for", 0, ""),
    ("return", 0, "x"),
]


def _algorithm(sheet: Sheet, y: float, x: float = 74, *, numbered: bool = True) -> float:
    for number, (keyword, depth, rest) in enumerate(STATEMENTS, 1):
        if numbered:
            sheet.text(f"{number}:", x + 6, y)
        runs = [(keyword, "bold"), (rest, "roman")] if keyword else [(rest, "roman")]
        sheet.runs(runs, x + 22 + 15 * depth, y)
        y -= 12
    return y


WANTED = [
    "Input: letters x, delay t",
    "for each letter in x do",
    "g := gradient of the loss",
    "x := x - a g + m",
    "end for",
    "return x",
]


def _lines(block: Block) -> list[str]:
    return [" ".join(line.split()) for line in block.text.splitlines()]


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("caption", ["Algorithm 1: Reading a letter", "Procedure for a letter"])
def test_an_algorithm_between_rules_is_code_line_by_line(
    tmp_path: Path, numbered: bool, caption: str
) -> None:
    sheet = _start().text(caption, 72, 440)
    low = _algorithm(sheet, 420, numbered=numbered)
    sheet.draw(_ruled([450, 434, low + 8], 400)).prose(72, low - 30, lines=8)
    document = read_sheets(tmp_path, sheet)
    assert not any(block.kind == "table" for block in document.blocks)
    lines = _lines(_only(document, "code"))
    numbers = [f"{at}: " if numbered else "" for at in range(1, 7)]
    assert lines[-6:] == [f"{at}{line}" for at, line in zip(numbers, WANTED, strict=True)]


def test_the_indentation_of_numbered_statements_is_kept(tmp_path: Path) -> None:
    sheet = _start().text("Algorithm 1: Reading a letter", 72, 440)
    low = _algorithm(sheet, 420)
    sheet.draw(_ruled([450, 434, low + 8], 400)).prose(72, low - 30, lines=8)
    lines = _only(read_sheets(tmp_path, sheet), "code").text.splitlines()[1:]
    indents = [len(line[2:]) - len(line[2:].lstrip()) for line in lines]
    assert indents[2] == indents[3] > indents[1] == indents[4]


def test_a_numbered_algorithm_without_rules_is_code(tmp_path: Path) -> None:
    sheet = _start().text("Algorithm 1: Reading a letter", 72, 440)
    low = _algorithm(sheet, 420)
    sheet.prose(72, low - 20, lines=8)
    assert len(_lines(_only(read_sheets(tmp_path, sheet), "code"))) == 7


def test_algorithms_beside_each_other_are_two(tmp_path: Path) -> None:
    sheet = _start()
    for number, x in ((1, 74), (2, 324)):
        sheet.text(f"Algorithm {number}: Reading a letter", x, 440)
        low = _algorithm(sheet, 420, x)
        sheet.draw(" ".join(_rule(y, x - 2, x + 220) for y in (450, 434, low + 8)))
    sheet.prose(72, low - 30, lines=8)
    blocks = [block for block in read_sheets(tmp_path, sheet).blocks if block.kind == "code"]
    assert [block.number for block in blocks] == ["1", "2"]
    assert all(len(_lines(block)) == 7 for block in blocks)


def test_a_table_with_numbered_rows_is_no_algorithm(tmp_path: Path) -> None:
    sheet = _start().text("Table 1: The clerks.", 72, 440)
    for at, (name, score) in enumerate([("Quill", "0.91"), ("Reed", "0.87"), ("Vale", "0.85")], 1):
        sheet.text(str(at), 74, 418 - 12 * at).text(name, 130, 418 - 12 * at)
        sheet.text(score, 230, 418 - 12 * at)
    sheet.text("Rank", 74, 418).text("Clerk", 130, 418).text("Score", 230, 418)
    sheet.draw(_ruled([430, 414, 374], 300)).prose(72, 340, lines=5)
    rows = _only(read_sheets(tmp_path, sheet), "table").rows
    assert rows[1] == ["1", "Quill", "0.91"] and len(rows) == 4


ON_ITS_SIDE = [
    ["Model", "Tokens", "Score"],
    ["Alpha", "1,111,111", "71.3"],
    ["Beta", "4,000,000", "11.1"],
    ["Gamma", "1,234,567", "1.11"],
]


@pytest.mark.parametrize("turn", ["0 1 -1 0 500 100", "0 -1 1 0 100 700"])
def test_numbers_of_a_table_on_its_side_are_whole(tmp_path: Path, turn: str) -> None:
    side = Sheet().draw(f"q {turn} cm").text("Table 1: A table on its side.", 0, 0)
    side.draw(f"{_rule(-8, 0, 420)} {_rule(-24, 0, 420)} {_rule(-74, 0, 420)}")
    for at, row in enumerate(ON_ITS_SIDE):
        for x, word in zip((4, 170, 330), row, strict=True):
            side.text(word, x, -20 - 14 * at, 9)
    side.draw("Q")
    assert _only(read_sheets(tmp_path, _start(), side), "table").rows == ON_ITS_SIDE


@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (0, -1, 1, 0)])
@pytest.mark.parametrize("stub", ["Clerk", ""])
def test_turned_heads_of_columns_are_read(
    tmp_path: Path, turn: tuple[int, int, int, int], stub: str
) -> None:
    sheet = _start().text("Table 1: The clerks.", 72, 440)
    heads = ["Letters read", "Lost", "Hours a day"]
    for at, head in enumerate(heads):
        up = turn[1] == 1
        x, y = 140 + 60 * at + (8 if up else 0), 364 if up else 425
        sheet.draw(f"q {' '.join(map(str, turn))} {x} {y} cm").text(head, 0, 0).draw("Q")
    if stub:
        sheet.text(stub, 74, 364)
    for row, name in enumerate(("Quill", "Reed", "Vale")):
        sheet.text(name, 74, 344 - 12 * row)
        for at in range(3):
            sheet.text(f"{row}.{at}", 136 + 60 * at, 344 - 12 * row)
    sheet.draw(_ruled([430, 360, 312], 330)).prose(72, 280, lines=5)
    rows = _only(read_sheets(tmp_path, sheet), "table").rows
    assert rows == [
        [stub, *heads], *([name, *(f"{row}.{at}" for at in range(3))]
                          for row, name in enumerate(("Quill", "Reed", "Vale")))
    ]  # fmt: skip
