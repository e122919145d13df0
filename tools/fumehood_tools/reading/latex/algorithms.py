"""Turn pseudocode (algorithmic, algpseudocode and algorithm2e) into indented lines of text.

While an algorithm is composed, each line begins with LINE, its depth and a tab; `pseudocode`
replaces these marks with indentation.
"""

from fumehood_tools.reading.latex.composing import LINE, Composer, Handler, Target, tidy
from fumehood_tools.reading.latex.expansion import Stream

_BLOCKS = {
    "for": ("for {} do", "for"),
    "forall": ("for all {} do", "for"),
    "foreach": ("for each {} do", "for"),
    "while": ("while {} do", "while"),
    "if": ("if {} then", "if"),
}
_LABELS = {
    **{"require": "Require:", "ensure": "Ensure:", "input": "Input:", "output": "Output:"},
    **{"kwin": "Input:", "kwinput": "Input:", "kwout": "Output:", "kwoutput": "Output:"},
    **{"kwdata": "Data:", "kwresult": "Result:", "return": "return", "print": "print"},
}


def pseudocode(composer: Composer, tokens: list[str]) -> tuple[str, str]:
    """Return the caption ('Algorithm 1: …') and the indented lines of an algorithm."""
    indent, composer.indent = composer.indent, 0
    caption, rest = _caption(composer, tokens)
    text = composer.inline_raw(rest)
    composer.indent = indent
    lines: list[str] = []
    for line in text.split(LINE):
        depth, _, said = line.partition("\t")
        words = tidy(said if depth.isdecimal() else line)
        if words:
            lines.append("  " * (int(depth) if depth.isdecimal() else 0) + words)
    return caption, "\n".join(lines)


def _caption(composer: Composer, tokens: list[str]) -> tuple[str, list[str]]:
    if "\\caption" not in tokens:
        return "", tokens
    at = tokens.index("\\caption")
    stream = Stream(composer.state, tokens[at + 1 :])
    stream.optional()
    number = composer.counters.step("algorithm")
    composer.here = Target("algorithm", number)
    text = composer.here.title = composer.inline(stream.argument())
    rest = tokens[:at]
    while token := stream.pull():
        rest.append(token)
    return f"Algorithm {number}: {text}", rest


def _line(composer: Composer) -> None:
    composer.out.append(f"{LINE}{min(composer.indent, 20)}\t")


def _state(composer: Composer, stream: Stream) -> None:
    stream.optional()
    _line(composer)


def _open(form: str) -> Handler:
    """Handle a command that opens a block, such as `\\For{condition}`.

    algorithm2e passes the body of the block as one more argument, which is composed here. In the
    other packages a closing command such as `\\EndFor` reduces the indentation again.
    """

    def handler(composer: Composer, stream: Stream) -> None:
        stream.optional()
        condition = composer.inline(stream.argument())
        _line(composer)
        composer.out.append(form.format(condition))
        composer.indent += 1
        stream.skip_blank()
        following = stream.pull()
        stream.push([following] if following else [])
        if following == "{":
            _body(composer, stream)
            composer.indent -= 1
        else:
            _line(composer)

    return handler


def _body(composer: Composer, stream: Stream) -> None:
    _line(composer)
    composer.out.append(composer.inline_raw(stream.argument()))
    _line(composer)


def _end(word: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.indent = max(0, composer.indent - 1)
        _line(composer)
        composer.out.append(f"end {word}")
        _line(composer)

    return handler


def _else(composer: Composer, stream: Stream) -> None:
    composer.indent = max(0, composer.indent - 1)
    _line(composer)
    composer.out.append("else ")
    composer.indent += 1
    _line(composer)


def _else_if(composer: Composer, stream: Stream) -> None:
    composer.indent = max(0, composer.indent - 1)
    _line(composer)
    composer.out.append(f"else if {composer.inline(stream.argument())} then")
    composer.indent += 1
    _line(composer)


def _if_else(composer: Composer, stream: Stream) -> None:
    """Handle `\\eIf{condition}{then}{else}` of algorithm2e."""
    _line(composer)
    composer.out.append(f"if {composer.inline(stream.argument())} then")
    composer.indent += 1
    _body(composer, stream)
    composer.indent -= 1
    _line(composer)
    composer.out.append("else")
    composer.indent += 1
    _body(composer, stream)
    composer.indent -= 1


def _labelled(label: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        _line(composer)
        composer.out.append(f"{label} ")

    return handler


def _comment(composer: Composer, stream: Stream) -> None:
    stream.starred()
    stream.optional()
    composer.out.append(f" ▷ {composer.inline(stream.argument())}")


def _procedure(word: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        name, arguments = composer.inline(stream.argument()), composer.inline(stream.argument())
        _line(composer)
        composer.out.append(f"{word} {name}({arguments})")
        composer.indent += 1
        _line(composer)

    return handler


def _call(composer: Composer, stream: Stream) -> None:
    name = composer.inline(stream.argument())
    composer.out.append(f"{name}({composer.inline(stream.argument())})")


def _cases(name: str) -> tuple[str, str]:
    return f"\\{name.upper()}", f"\\{name.capitalize()}"


ALGORITHM_HANDLERS: dict[str, Handler] = {
    **{cased: _open(form) for name, (form, _) in _BLOCKS.items() for cased in _cases(name)},
    **{f"\\End{name.capitalize()}": _end(word) for name, (_, word) in _BLOCKS.items()},
    **{f"\\END{name.upper()}": _end(word) for name, (_, word) in _BLOCKS.items()},
    **{cased: _labelled(label) for name, label in _LABELS.items() for cased in _cases(name)},
    **{f"\\Kw{name}": _labelled(f"{name}:") for name in ("Data", "Result")},
    **dict.fromkeys(("\\KwIn", "\\KwInput"), _labelled("Input:")),
    **dict.fromkeys(("\\KwOut", "\\KwOutput"), _labelled("Output:")),
    "\\ForAll": _open("for all {} do"),
    "\\ForEach": _open("for each {} do"),
    **dict.fromkeys(("\\State", "\\STATE", "\\Statex", "\\;"), _state),
    **dict.fromkeys(("\\Else", "\\ELSE"), _else),
    **dict.fromkeys(("\\ElsIf", "\\ELSIF", "\\ElseIf"), _else_if),
    "\\eIf": _if_else,
    **dict.fromkeys(("\\Comment", "\\COMMENT", "\\tcp", "\\tcc", "\\tcp*"), _comment),
    "\\Procedure": _procedure("procedure"),
    "\\Function": _procedure("function"),
    "\\EndProcedure": _end("procedure"),
    "\\EndFunction": _end("function"),
    "\\Call": _call,
}
