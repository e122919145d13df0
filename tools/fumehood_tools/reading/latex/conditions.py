"""Conditions, decided as TeX decides them: `\\ifx`, `\\ifnum`, etoolbox, ifthen and xparse.

`CONDITIONS` maps each command that ends with `\\fi` to a function that reads its question and
returns the answer; `BRANCHING` maps each command that takes its branches as arguments to a
function that pushes one of them. A question that depends on the printed page (the width of a box,
say) counts as true.
"""

from collections.abc import Callable

from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.macros import Macro
from fumehood_tools.reading.latex.meanings import (
    command_named,
    expanded_letter,
    is_defined,
    meaning,
    read_length,
    read_number,
    skip_spaces,
)
from fumehood_tools.reading.latex.tokens import plain

_DEEPEST = 20
_MOST_CASES = 200
NO_VALUE = "\\NoValue "
"""The argument that xparse passes if an optional argument is absent."""
Question = Callable[[Stream], bool]


def _same(stream: Stream) -> bool:
    first, second = stream.letter(), stream.letter()
    return meaning(stream, first) == meaning(stream, second)


def _same_letter(stream: Stream) -> bool:
    first, second = (expanded_letter(stream) for _ in range(2))
    return first == second or (first[:1] == second[:1] == "\\")


def _same_category(stream: Stream) -> bool:
    first, second = (expanded_letter(stream) for _ in range(2))
    kinds = ["\\" if token[:1] == "\\" else token.isalpha() for token in (first, second)]
    specials = {"{", "}", "$", "&", "#", "^", "_", " ", "~"} & {first, second}
    return first == second if specials else kinds[0] == kinds[1]


def _compared(stream: Stream, read: Callable[[Stream], float | None]) -> bool:
    left = read(stream)
    skip_spaces(stream)
    sign = stream.pull()
    if sign[:1] not in ("<", ">", "="):
        stream.push([sign] if sign else [])
        return True
    stream.push([sign[1:]] if sign[1:] else [])
    return _holds(left, sign[0], read(stream))


def _holds(left: float | None, sign: str, right: float | None) -> bool:
    if left is None or right is None:
        return True
    return {"<": left < right, ">": left > right, "=": left == right}[sign]


def _number(stream: Stream) -> bool:
    return _compared(stream, read_number)


def _length(stream: Stream) -> bool:
    return _compared(stream, read_length)


def _odd(stream: Stream) -> bool:
    value = read_number(stream)
    return value is None or value % 2 == 1


def _case(stream: Stream) -> None:
    """Handle `\\ifcase`: skip as many branches as the number says."""
    value = read_number(stream)
    wanted = 0 if value is None else value if 0 <= value < _MOST_CASES else _MOST_CASES
    for _ in range(wanted):
        if stream.skip_branch(("\\or", "\\else")) != "\\or":
            return
    stream.state.cases += 1


def _end_case(stream: Stream) -> None:
    """Handle `\\or`, which ends the branch that an `\\ifcase` has taken."""
    if stream.state.cases:
        stream.state.cases -= 1
        stream.skip_branch()


def _unless(stream: Stream) -> None:
    token = stream.pull()
    if stream.state.is_condition(token):
        stream.condition(token, unless=True)
    else:
        stream.push([token] if token else [])


# -- questions that are followed by their branches ------------------------------------------------


def _branching(question: Question, wanted: bool = True) -> Callable[[Stream], None]:
    """Return a function that pushes the first of two arguments if the question holds."""

    def handle(stream: Stream) -> None:
        holds = question(stream) == wanted
        yes, no = stream.argument(), stream.argument()
        stream.push(yes if holds else no)

    return handle


def _only(question: Question, wanted: bool = True) -> Callable[[Stream], None]:
    def handle(stream: Stream) -> None:
        holds = question(stream) == wanted
        branch = stream.argument()
        stream.push(branch if holds else [])

    return handle


def _text(stream: Stream) -> str:
    return plain(stream.argument()).strip()


def _token(stream: Stream) -> str:
    return next((token for token in stream.argument() if token != " "), "")


def _body(stream: Stream, token: str) -> str | None:
    meant = meaning(stream, token)
    return plain(meant.body).strip() if isinstance(meant, Macro) else None


def _numbers(stream: Stream) -> bool:
    left = read_number(Stream(stream.state, stream.argument()))
    sign = _text(stream)[:1]
    right = read_number(Stream(stream.state, stream.argument()))
    return sign not in ("<", ">", "=") or _holds(left, sign, right)


def _number_pair(sign: str) -> Question:
    def ask(stream: Stream) -> bool:
        left = read_number(Stream(stream.state, stream.argument()))
        return _holds(left, sign, read_number(Stream(stream.state, stream.argument())))

    return ask


def _toggle(stream: Stream) -> bool:
    return stream.state.flags.get(f"toggle {_text(stream)}", False)


def _boolean(stream: Stream) -> bool:
    return stream.state.flags.get(f"if{_text(stream)}", False)


def _empty_body(stream: Stream) -> bool:
    token = _token(stream)
    return not is_defined(stream, token) or _body(stream, token) == ""


def _name_empty(stream: Stream) -> bool:
    token = f"\\{_text(stream)}"
    return not is_defined(stream, token) or _body(stream, token) == ""


def _expression(stream: Stream) -> bool:
    """Answer the first argument of `\\ifthenelse`."""
    return _joined(Stream(stream.state, stream.argument()), 0)


def _joined(stream: Stream, depth: int) -> bool:
    """Answer questions joined by \\and and \\or, which ifthen evaluates from left to right."""
    answer = _single(stream, depth)
    while token := stream.pull():
        if token in ("\\and", "\\AND"):
            answer = _single(stream, depth) and answer
        elif token in ("\\or", "\\OR"):
            answer = _single(stream, depth) or answer
        elif token == "\\)":
            break
    return answer


def _single(stream: Stream, depth: int) -> bool:
    stream.skip_blank()
    token = stream.pull()
    if token in ("\\not", "\\NOT"):
        return not _single(stream, depth)
    if token == "\\(" and depth < _DEEPEST:
        return _joined(stream, depth + 1)
    if (question := _IFTHEN.get(token)) is not None:
        return question(stream)
    stream.push([token] if token else [])
    return _number(stream)


def _equal(stream: Stream) -> bool:
    said = [Stream(stream.state, stream.argument()) for _ in range(2)]
    first, second = ("".join(iter(inner.next, "")).strip() for inner in said)
    return first == second


def _length_test(stream: Stream) -> bool:
    return _length(Stream(stream.state, stream.argument()))


def _boolean_expression(stream: Stream) -> bool:
    """Answer etoolbox's `\\ifboolexpr`: bool, togl and test, joined by and, or, not."""
    inner = Stream(stream.state, stream.argument())
    answer, negated, joined = True, False, "and"
    while token := inner.pull():
        word = token.strip()
        if word in ("and", "or"):
            joined = word
        elif word == "not":
            negated = not negated
        elif (question := _EXPRESSIONS.get(word)) is not None:
            said = question(inner) != negated
            answer = (answer and said) if joined == "and" else (answer or said)
            negated = False
    return answer


def _test(stream: Stream) -> bool:
    inner = Stream(stream.state, [*stream.argument(), "{", "1", "}", "{", "0", "}"])
    return inner.next() != "0"


def _set_flag(prefix: str, value: bool | None = None) -> Callable[[Stream], None]:
    """Return a function that sets a flag, to the word true or false if no value is given."""

    def handle(stream: Stream) -> None:
        name = _text(stream).removeprefix("\\")
        said = _text(stream) == "true" if value is None else value
        stream.state.flags[prefix + name] = said

    return handle


def _declare_flag(prefix: str) -> Callable[[Stream], None]:
    def handle(stream: Stream) -> None:
        stream.state.flags.setdefault(prefix + _text(stream).removeprefix("\\"), False)

    return handle


def _in_formula(stream: Stream) -> bool:
    return stream.state.in_formula


def _package_loaded(stream: Stream) -> bool:
    return _text(stream) in stream.state.packages


def _one_word(stream: Stream) -> bool:
    stream.pull()
    return True


_IFTHEN: dict[str, Question] = {
    "\\equal": _equal,
    "\\boolean": _boolean,
    "\\isodd": lambda stream: _odd(Stream(stream.state, stream.argument())),
    "\\isundefined": lambda stream: not is_defined(stream, _token(stream)),
    "\\lengthtest": _length_test,
}
_EXPRESSIONS: dict[str, Question] = {"bool": _boolean, "togl": _toggle, "test": _test}

_ETOOLBOX: dict[str, tuple[Question, str]] = {
    "blank": (lambda stream: not _text(stream), "notblank"),
    "strempty": (lambda stream: not plain(stream.argument()), "notstrempty"),
    "empty": (lambda stream: not _text(stream), "notempty"),
    "strequal": (lambda stream: plain(stream.argument()) == plain(stream.argument()), ""),
    "def": (lambda stream: is_defined(stream, _token(stream)), "ifundef"),
    "csdef": (lambda stream: is_defined(stream, f"\\{_text(stream)}"), "ifcsundef"),
    "defempty": (lambda stream: _body(stream, _token(stream)) == "", ""),
    "defvoid": (_empty_body, "notdefvoid"),
    "csempty": (lambda stream: _body(stream, f"\\{_text(stream)}") == "", ""),
    "csvoid": (_name_empty, "ifcsnotvoid"),
    "defstring": (lambda stream: _body(stream, _token(stream)) == _text(stream), ""),
    "csstring": (lambda stream: _body(stream, f"\\{_text(stream)}") == _text(stream), ""),
    "defequal": (lambda stream: _same(Stream(stream.state, [_token(stream), _token(stream)])), ""),
    "numcomp": (_numbers, ""),
    "numequal": (_number_pair("="), ""),
    "numgreater": (_number_pair(">"), ""),
    "numless": (_number_pair("<"), ""),
    "numodd": (_IFTHEN["\\isodd"], ""),
    "bool": (_boolean, "notbool"),
    "toggle": (_toggle, "nottoggle"),
    "boolexpr": (_boolean_expression, ""),
}
_XPARSE: dict[str, Question] = {
    "\\IfNoValue": lambda stream: stream.argument() == [NO_VALUE],
    "\\IfValue": lambda stream: stream.argument() != [NO_VALUE],
    "\\IfBoolean": lambda stream: _text(stream) in ("*", "\\BooleanTrue"),
    "\\IfBlank": lambda stream: not _text(stream),
}
BRANCHING: dict[str, Callable[[Stream], None]] = {
    **{f"\\if{name}": _branching(ask) for name, (ask, _) in _ETOOLBOX.items()},
    **{f"\\{name}": _branching(ask, False) for ask, name in _ETOOLBOX.values() if name},
    **{f"{name}TF": _branching(ask) for name, ask in _XPARSE.items()},
    **{f"{name}T": _only(ask) for name, ask in _XPARSE.items()},
    **{f"{name}F": _only(ask, False) for name, ask in _XPARSE.items()},
    "\\ifthenelse": _branching(_expression),
    "\\@ifundefined": _branching(lambda stream: not is_defined(stream, f"\\{_text(stream)}")),
    "\\@ifpackageloaded": _branching(_package_loaded),
    "\\@ifclassloaded": _branching(_package_loaded),
    "\\ifcase": _case,
    "\\or": _end_case,
    "\\unless": _unless,
    **dict.fromkeys(("\\setboolean", "\\setbool"), _set_flag("if")),
    **dict.fromkeys(("\\newboolean", "\\newbool", "\\providebool"), _declare_flag("if")),
    "\\provideboolean": _declare_flag("if"),
    "\\booltrue": _set_flag("if", True),
    "\\boolfalse": _set_flag("if", False),
    **dict.fromkeys(("\\newtoggle", "\\providetoggle"), _declare_flag("toggle ")),
    "\\settoggle": _set_flag("toggle "),
    "\\toggletrue": _set_flag("toggle ", True),
    "\\togglefalse": _set_flag("toggle ", False),
}
CONDITIONS: dict[str, Question] = {
    "\\iffalse": lambda stream: False,
    "\\iftrue": lambda stream: True,
    "\\ifx": _same,
    "\\if": _same_letter,
    "\\ifcat": _same_category,
    "\\ifnum": _number,
    "\\ifodd": _odd,
    "\\ifdim": _length,
    "\\ifdefined": lambda stream: is_defined(stream, stream.pull()),
    "\\ifcsname": lambda stream: is_defined(stream, command_named(stream)),
    "\\ifmmode": _in_formula,
    **dict.fromkeys(("\\ifhbox", "\\ifvbox", "\\ifvoid", "\\ifeof"), _one_word),
    **dict.fromkeys(
        ("\\ifpdf", "\\ifvmode", "\\ifhmode", "\\ifinner", "\\iftutex", "\\ifpdftex"),
        lambda stream: True,
    ),
    **dict.fromkeys(
        ("\\ifxetex", "\\ifluatex", "\\ifXeTeX", "\\ifLuaTeX", "\\if@twocolumn", "\\if@twoside"),
        lambda stream: False,
    ),
}
