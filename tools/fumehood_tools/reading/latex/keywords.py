"""Keywords that a paper declares with algorithm2e, such as `\\SetKwFunction{Train}{Train}`.

Each declaration teaches the composer a command.
"""

from collections.abc import Callable

from fumehood_tools.reading.latex.algorithms import (
    comment,
    input_line,
    one_line_block,
    open_block,
    repeat_block,
)
from fumehood_tools.reading.latex.composing import Composer, Handler
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.tokens import plain

Declaration = Callable[[Composer, str, list[str]], None]


def _declared(make: Declaration, count: int) -> Handler:
    """Return a handler that reads the name and `count` words of a keyword, and learns it."""

    def handler(composer: Composer, stream: Stream) -> None:
        name = plain(stream.argument()).strip().removeprefix("\\")
        words = [composer.inline(stream.argument()) for _ in range(count)]
        if name.isalpha():
            make(composer, name, words)

    return handler


def _function(brackets: str) -> Handler:
    """Declare `\\Name{arguments}`, which prints name(arguments)."""

    def make(composer: Composer, name: str, words: list[str]) -> None:
        def handler(composer: Composer, stream: Stream) -> None:
            composer.out.append(words[0])
            token = stream.pull()
            stream.push([token] if token else [])
            if token == "{":
                composer.out.append(brackets.format(composer.inline(stream.argument())))

        composer.learn(f"\\{name}", handler)

    return _declared(make, 1)


def _keyword(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", lambda composer, stream: composer.out.append(f"{words[0]} "))


def _declared_input(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", input_line(f"{words[0].rstrip(':')}:"))


def _program(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", open_block(f"{_escaped(words[0])} {{}}{_escaped(words[1])}"))


def _loop(composer: Composer, name: str, words: list[str]) -> None:
    form = f"{_escaped(words[0])} {{}} {_escaped(words[1])}"
    composer.learn(f"\\{name}", open_block(form))
    composer.learn(f"\\l{name}", one_line_block(form))


def _block(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", open_block(_escaped(words[0])))


def _declared_repeat(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", repeat_block(words[0], words[1]))


def _declared_comment(composer: Composer, name: str, words: list[str]) -> None:
    composer.learn(f"\\{name}", comment(ends_line=True))


def _escaped(word: str) -> str:
    return word.replace("{", "{{").replace("}", "}}")


def _condition(composer: Composer, stream: Stream) -> None:
    """Handle `\\SetKwIF{If}{ElseIf}{Else}{if}{then}{else if}{else}{end if}`."""
    names = [plain(stream.argument()).strip() for _ in range(3)]
    words = [_escaped(composer.inline(stream.argument())) for _ in range(5)]
    forms = (f"{words[0]} {{}} {words[1]}", f"{words[2]} {{}} {words[1]}", words[3])
    for name, form in zip(names, forms, strict=True):
        for prefix, block in (("", open_block), ("u", open_block), ("l", one_line_block)):
            composer.learn(f"\\{prefix}{name}", block(form))


def _switch(composer: Composer, stream: Stream) -> None:
    """Handle `\\SetKwSwitch{Switch}{Case}{Other}{switch}{do}{case}{otherwise}{…}{…}`."""
    names = [plain(stream.argument()).strip() for _ in range(3)]
    words = [_escaped(composer.inline(stream.argument())) for _ in range(6)]
    forms = (f"{words[0]} {{}} {words[1]}", f"{words[2]} {{}}", words[3])
    for name, form in zip(names, forms, strict=True):
        composer.learn(f"\\{name}", open_block(form))


KEYWORD_HANDLERS: dict[str, Handler] = {
    "\\SetKwFunction": _function("({})"),
    "\\SetKwArray": _function("[{}]"),
    **dict.fromkeys(("\\SetKw", "\\SetKwData"), _declared(_keyword, 1)),
    **dict.fromkeys(("\\SetKwInOut", "\\SetKwInput"), _declared(_declared_input, 1)),
    **dict.fromkeys(("\\SetKwProg", "\\SetKwHangingKw"), _declared(_program, 3)),
    "\\SetKwFor": _declared(_loop, 3),
    "\\SetKwBlock": _declared(_block, 2),
    "\\SetKwRepeat": _declared(_declared_repeat, 2),
    "\\SetKwComment": _declared(_declared_comment, 2),
    "\\SetKwIF": _condition,
    "\\SetKwSwitch": _switch,
}
