"""Turn pseudocode (algorithmic, algpseudocode and algorithm2e) into indented lines of text.

While an algorithm is composed, each line begins with LINE, its depth and a tab; `pseudocode`
replaces these marks with indentation. The packages use the same names: `\\If{condition}` is closed
by `\\EndIf` in two of them, and followed by its body in braces in algorithm2e.
"""

from fumehood_tools.reading.latex.composing import LINE, Composer, Handler, Target, tidy
from fumehood_tools.reading.latex.expansion import Stream

_BLOCKS = {
    "for": ("for {} do", "for"),
    "forall": ("for all {} do", "for"),
    "foreach": ("for each {} do", "for"),
    "while": ("while {} do", "while"),
    "if": ("if {} then", "if"),
    "switch": ("switch {} do", "switch"),
    "case": ("case {} do", "case"),
}
_LABELS = {
    **{"require": "Require:", "ensure": "Ensure:", "return": "return", "print": "print"},
    **{"inputs": "Inputs:", "outputs": "Outputs:"},
}
_INPUTS = {
    **{"Input": "Input:", "Output": "Output:", "KwIn": "Input:", "KwInput": "Input:"},
    **{"KwOut": "Output:", "KwOutput": "Output:", "KwData": "Data:", "KwResult": "Result:"},
    **{"INPUT": "Input:", "OUTPUT": "Output:", "KwRet": "return", "KwReturn": "return"},
}
_WORDS = "AND OR NOT XOR TO TRUE FALSE"
_MOST_DEEP = 20


def pseudocode(composer: Composer, tokens: list[str]) -> tuple[str, str]:
    """Return the caption ('Algorithm 1: …') and the indented lines of an algorithm."""
    before = composer.indent, composer.in_code
    composer.indent = 0
    caption, rest = _caption(composer, tokens)
    composer.in_code = True
    text = composer.inline_raw(rest)
    composer.indent, composer.in_code = before
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
    text = composer.here.title = composer.inline(stream.passage())
    rest = tokens[:at]
    while token := stream.pull():
        rest.append(token)
    return f"Algorithm {number}: {text}", rest


def _line(composer: Composer) -> None:
    composer.out.append(f"{LINE}{min(composer.indent, _MOST_DEEP)}\t")


def _put(composer: Composer, text: str) -> None:
    _line(composer)
    composer.out.append(text)


def _state(composer: Composer, stream: Stream) -> None:
    stream.optional()
    _line(composer)


def _group_follows(stream: Stream) -> bool:
    stream.skip_blank()
    token = stream.pull()
    stream.push([token] if token else [])
    return token == "{"


def _side_comment(composer: Composer, stream: Stream) -> str:
    """Return the comment in parentheses that algorithm2e allows before a condition."""
    stream.skip_blank()
    token = stream.pull()
    if not token.startswith("("):
        stream.push([token] if token else [])
        return ""
    inside, depth = [token[1:]] if token[1:] else [], 0
    while (token := stream.pull()) and not (depth == 0 and token.startswith(")")):
        depth += {"{": 1, "}": -1}.get(token, 0)
        inside.append(token)
    stream.push([token[1:]] if token[1:] else [])
    return composer.inline(inside)


def _body(composer: Composer, stream: Stream) -> None:
    """Compose the body of a block in braces, one level deeper."""
    composer.indent += 1
    _line(composer)
    composer.out.append(composer.inline_raw(stream.passage()))
    composer.indent -= 1
    _line(composer)


def open_block(form: str) -> Handler:
    """Handle a command that opens a block, such as `\\For{condition}`.

    algorithm2e passes the body of the block as one more argument, which is composed here. In the
    other packages a closing command such as `\\EndFor` reduces the indentation again.
    """

    def handler(composer: Composer, stream: Stream) -> None:
        stream.optional()
        aside = _side_comment(composer, stream)
        said = form.format(composer.inline(stream.passage()) if "{}" in form else "")
        _put(composer, said + (f" {aside}" if aside else ""))
        if _group_follows(stream):
            _body(composer, stream)
        else:
            composer.indent += 1
            _line(composer)

    return handler


def one_line_block(form: str) -> Handler:
    """Handle `\\lIf{condition}{body}` of algorithm2e, which stays on one line."""

    def handler(composer: Composer, stream: Stream) -> None:
        aside = _side_comment(composer, stream)
        said = form.format(composer.inline(stream.passage()) if "{}" in form else "")
        _put(composer, f"{said} {composer.inline(stream.passage())}")
        composer.out.append(f" {aside}" if aside else "")
        _line(composer)

    return handler


def _end(word: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.indent = max(0, composer.indent - 1)
        _put(composer, f"end {word}")
        _line(composer)

    return handler


def _else(composer: Composer, stream: Stream) -> None:
    aside = _side_comment(composer, stream)
    braced = _group_follows(stream)
    if not braced:
        composer.indent = max(0, composer.indent - 1)
    _put(composer, "else " + aside)
    if braced:
        _body(composer, stream)
    else:
        composer.indent += 1
        _line(composer)


def _else_if(composer: Composer, stream: Stream) -> None:
    aside = _side_comment(composer, stream)
    condition = composer.inline(stream.passage())
    braced = _group_follows(stream)
    if not braced:
        composer.indent = max(0, composer.indent - 1)
    _put(composer, f"else if {condition} then {aside}")
    if braced:
        _body(composer, stream)
    else:
        composer.indent += 1
        _line(composer)


def _if_else(composer: Composer, stream: Stream) -> None:
    """Handle `\\eIf{condition}{then}{else}` of algorithm2e."""
    aside = _side_comment(composer, stream)
    _put(composer, f"if {composer.inline(stream.passage())} then {aside}")
    _body(composer, stream)
    aside = _side_comment(composer, stream)
    _put(composer, "else " + aside)
    _body(composer, stream)


def _if_else_on_one_line(composer: Composer, stream: Stream) -> None:
    said = [composer.inline(stream.passage()) for _ in range(3)]
    _put(composer, f"if {said[0]} then {said[1]} else {said[2]}")
    _line(composer)


def repeat_block(begin: str, until: str) -> Handler:
    """Handle `\\Repeat{condition}{body}`, or `\\Repeat`, which ends with `\\Until{condition}`."""

    def handler(composer: Composer, stream: Stream) -> None:
        aside = _side_comment(composer, stream)
        if not _group_follows(stream):
            _put(composer, begin)
            composer.indent += 1
            _line(composer)
            return
        condition = composer.inline(stream.passage())
        _put(composer, f"{begin} {aside}")
        _body(composer, stream)
        _put(composer, f"{until} {condition}")
        _line(composer)

    return handler


def _repeat_on_one_line(composer: Composer, stream: Stream) -> None:
    condition = composer.inline(stream.passage())
    _put(composer, f"repeat {composer.inline(stream.passage())} until {condition}")
    _line(composer)


def _until(composer: Composer, stream: Stream) -> None:
    composer.indent = max(0, composer.indent - 1)
    _put(composer, f"until {composer.inline(stream.passage())}")


def _labelled(label: str, redefined: str = "") -> Handler:
    """Handle a label such as `\\Require`, whose text ends with the next statement."""

    def handler(composer: Composer, stream: Stream) -> None:
        own = composer.inline([redefined]) if redefined in composer.state.macros else ""
        _put(composer, f"{own or label} ")

    return handler


def input_line(label: str) -> Handler:
    """Handle `\\KwIn{text}` of algorithm2e, which is a line of its own."""

    def handler(composer: Composer, stream: Stream) -> None:
        _put(composer, f"{label} ")
        if _group_follows(stream):
            composer.out.append(composer.inline_raw(stream.passage()))
            _line(composer)

    return handler


def comment(ends_line: bool) -> Handler:
    """Handle a comment. In algorithm2e it ends its line."""

    def handler(composer: Composer, stream: Stream) -> None:
        starred = stream.starred()
        stream.optional()
        composer.out.append(f" ▷ {composer.inline(stream.passage())}")
        if (ends_line or starred) and composer.in_code:
            _line(composer)

    return handler


def _procedure(word: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        name, arguments = composer.inline(stream.passage()), composer.inline(stream.passage())
        _put(composer, f"{word} {name}({arguments})")
        composer.indent += 1
        _line(composer)

    return handler


def _call(composer: Composer, stream: Stream) -> None:
    name = composer.inline(stream.passage())
    composer.out.append(f"{name}({composer.inline(stream.passage())})")


def _word(word: str) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.out.append(f" {word} " if composer.in_code else "")

    return handler


def _indented(by: int) -> Handler:
    def handler(composer: Composer, stream: Stream) -> None:
        composer.indent = max(0, composer.indent + by)
        _line(composer)

    return handler


def _cases(name: str) -> tuple[str, str]:
    return f"\\{name.upper()}", f"\\{name.capitalize()}"


_ENDS = {"loop": "loop", "procedure": "procedure", "function": "function"}
ALGORITHM_HANDLERS: dict[str, Handler] = {
    **{cased: open_block(form) for name, (form, _) in _BLOCKS.items() for cased in _cases(name)},
    **{f"\\u{name.capitalize()}": open_block(form) for name, (form, _) in _BLOCKS.items()},
    **{f"\\l{name.capitalize()}": one_line_block(form) for name, (form, _) in _BLOCKS.items()},
    **{f"\\End{name.capitalize()}": _end(word) for name, (_, word) in _BLOCKS.items()},
    **{f"\\END{name.upper()}": _end(word) for name, (_, word) in _BLOCKS.items()},
    **{f"\\End{name.capitalize()}": _end(word) for name, word in _ENDS.items()},
    **{f"\\END{name.upper()}": _end(word) for name, word in _ENDS.items()},
    **{
        cased: _labelled(label, f"\\algorithmic{name}")
        for name, label in _LABELS.items()
        for cased in _cases(name)
    },
    **{f"\\{name}": input_line(label) for name, label in _INPUTS.items()},
    **{f"\\{word}": _word(word.lower()) for word in _WORDS.split()},
    "\\KwTo": _word("to"),
    **dict.fromkeys(("\\ForAll", "\\lForAll"), open_block("for all {} do")),
    **dict.fromkeys(("\\ForEach", "\\Foreach"), open_block("for each {} do")),
    "\\lForEach": one_line_block("for each {} do"),
    **dict.fromkeys(("\\Loop", "\\LOOP"), open_block("loop")),
    "\\Begin": open_block("begin"),
    **dict.fromkeys(("\\Other", "\\uOther"), open_block("otherwise")),
    "\\lOther": one_line_block("otherwise"),
    **dict.fromkeys(("\\Repeat", "\\REPEAT"), repeat_block("repeat", "until")),
    "\\lRepeat": _repeat_on_one_line,
    **dict.fromkeys(("\\Until", "\\UNTIL"), _until),
    **dict.fromkeys(("\\State", "\\STATE", "\\Statex", "\\;", "\\BlankLine"), _state),
    **dict.fromkeys(("\\Else", "\\ELSE", "\\uElse"), _else),
    "\\lElse": one_line_block("else"),
    **dict.fromkeys(("\\ElsIf", "\\ELSIF", "\\ElseIf", "\\uElseIf"), _else_if),
    "\\lElseIf": one_line_block("else if {} then"),
    "\\eIf": _if_else,
    "\\leIf": _if_else_on_one_line,
    **dict.fromkeys(("\\Comment", "\\COMMENT", "\\algorithmiccomment"), comment(False)),
    **dict.fromkeys(("\\tcp", "\\tcc"), comment(True)),
    **dict.fromkeys(("\\Procedure", "\\PROCEDURE"), _procedure("procedure")),
    **dict.fromkeys(("\\Function", "\\FUNCTION"), _procedure("function")),
    **dict.fromkeys(("\\Call", "\\CALL"), _call),
    "\\Indp": _indented(1),
    "\\Indm": _indented(-1),
}
