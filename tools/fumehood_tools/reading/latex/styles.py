"""Read the definitions in the classes and packages that come with a source.

Only what defines something is carried out: macros, environments, operators, theorems, options,
flags, and further files. Where a style decides between definitions, the branch that TeX takes
counts; what only the other branch defines is learned too, as it does no harm where it is not used.
Not read: the classes of publishers that the reader knows by name, and the code of a style that
places text on the page. A macro of a class, or an internal one (its name has an @), that uses
internals which nobody here knows is left undefined, so that its arguments are read as text.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from fumehood_tools.reading.latex.conditions import BRANCHING
from fumehood_tools.reading.latex.expansion import Stream
from fumehood_tools.reading.latex.inclusion import INCLUDING, style_file
from fumehood_tools.reading.latex.programs import pass_over
from fumehood_tools.reading.latex.quantities import QUANTITIES
from fumehood_tools.reading.latex.state import State
from fumehood_tools.reading.latex.theorems import theorems_of
from fumehood_tools.reading.latex.tokens import plain, tokenize

Defining = Mapping[str, Callable[[Stream], None]]

_LARGEST = 400_000
_MOST_DEEP = 12
_KNOWN_CLASSES = re.compile(
    r"(?:article|report|book|letter|amsart|amsbook|memoir|scr(?:artcl|reprt|book)|acmart|sigconf"
    r"|ieeetran|ieeeconf|llncs|svjour|svmult|svmono|lncs|elsarticle|els-cas|cas-|revtex|aastex"
    r"|mnras|aa|jmlr|colt|lipics|oasics|siam|sn-jnl|wlscirep|imsart|iopart|jhep|osa|rsc|apa)"
    r"[\w.-]*",
    re.I,
)
_SETS_FLAGS = (
    "setboolean setbool newboolean newbool providebool provideboolean booltrue boolfalse newtoggle "
    "providetoggle settoggle toggletrue togglefalse ifthenelse ifbool iftoggle ifboolexpr"
)
_CARRIED_OUT = {
    **{f"\\{name}": BRANCHING[f"\\{name}"] for name in _SETS_FLAGS.split()},
    **{name: INCLUDING[name] for name in ("\\input", "\\@input", "\\@@input", "\\include")},
    "\\endinput": Stream.end_file,
    **{name: QUANTITIES[name] for name in QUANTITIES if name.startswith("\\Declare")},
    "\\sisetup": QUANTITIES["\\sisetup"],
}
_PASSED_ON = {
    **{"\\numberwithin": "smm", "\\counterwithin": "smm", "\\setcounter": "mm"},
    "\\newcounter": "mo",
}
_HARMLESS = {
    *("\\@plus", "\\@minus", "\\p@", "\\z@", "\\@ne", "\\tw@", "\\m@ne", "\\@m", "\\@M"),
    *("\\@empty", "\\@undefined", "\\@xspace"),
}


def read_style(
    state: State, name: str, ending: str, options: Iterable[str], defining: Defining
) -> None:
    """Learn what a class (`.cls`) or package (`.sty`) of the source defines; each is read once.

    defining: how to carry out the commands that define something.
    """
    if ending == ".cls":
        state.classes.append(name)
        state.theorems = theorems_of(name, ",".join(options)) | state.theorems
        if _KNOWN_CLASSES.fullmatch(posixpath.basename(name)):
            return
    file = style_file(state, f"{name}{ending}")
    if not file or file in state.styles_read or len(state.open_packages) >= _MOST_DEEP:
        return
    state.styles_read.add(file)
    text = state.files[file]
    if len(text) > _LARGEST:
        return
    state.open_packages.append(f"{name}{ending}")
    learner = _Learner(state, [*options, *state.passed.pop(name, ())], defining)
    learner.learn(Stream(state, tokenize(text, at_is_letter=True).tokens))
    state.open_packages.pop()


class _Learner:
    """Reads one style. The definitions themselves are stored in the state of the paper."""

    def __init__(self, state: State, options: list[str], defining: Defining) -> None:
        self._state = state
        self._given = [option.strip() for option in options]
        self._options: dict[str, list[str]] = {}
        self._carried_out = {**defining, **_CARRIED_OUT} | {
            "\\DeclareOption": self._declare_option,
            "\\ExecuteOptions": self._execute_options,
            "\\ProcessOptions": self._process_options,
            **dict.fromkeys(("\\PassOptionsToPackage", "\\PassOptionsToClass"), _pass_options),
            "\\LoadClass": self._load_class,
            "\\LoadClassWithOptions": self._load_class,
            "\\ExplSyntaxOn": pass_over(defining),
            **dict.fromkeys(("\\ProvidesExplPackage", "\\ProvidesExplClass"), pass_over(defining)),
        }

    def learn(self, stream: Stream) -> None:
        """Carry out the definitions among the tokens of a stream."""
        state = self._state
        while token := stream.pull():
            if token[0] != "\\":
                continue
            if (carry_out := self._carried_out.get(token)) is not None:
                carry_out(stream)
            elif (signature := _PASSED_ON.get(token)) is not None:
                _pass_on(stream, token, signature)
            elif state.is_condition(token):
                self._decide(stream, token)
            elif (macro := state.macros.get(token)) and macro.body[:1] in _SET:
                Stream(state, macro.body).next()

    def _fill_in(self, tokens: list[str]) -> None:
        """Learn what only these tokens define, and change nothing that is known."""
        state = self._state
        macros, environments = dict(state.macros), dict(state.environments)
        flags, theorems = dict(state.flags), state.theorems
        self.learn(Stream(state, tokens))
        state.macros.update(macros)
        state.environments.update(environments)
        state.flags.update(flags)
        state.theorems = state.theorems | theorems

    def _decide(self, stream: Stream, token: str) -> None:
        """Learn both branches of a condition; the one that TeX takes has the last word."""
        state = self._state
        flag = token[1:]
        known = flag in state.flags or token in state.conditions
        if token == "\\iffalse":
            stream.skip_branch(("\\else",))
            return
        holds = (
            state.flags[flag]
            if flag in state.flags
            else state.conditions[token](stream)
            if known
            else False
        )
        first, second = _branches(stream)
        if not known:
            stream.push([*first, *second])
            return
        self._fill_in(second if holds else first)
        stream.push(first if holds else second)

    def _declare_option(self, stream: Stream) -> None:
        if stream.starred():
            stream.argument()
            return
        name, code = plain(stream.argument()).strip(), stream.argument()
        self._options[name] = code
        self._fill_in(code)

    def _execute(self, stream: Stream, names: Iterable[str]) -> None:
        stream.push([token for name in names for token in self._options.get(name.strip(), ())])

    def _execute_options(self, stream: Stream) -> None:
        self._execute(stream, plain(stream.argument()).split(","))

    def _process_options(self, stream: Stream) -> None:
        stream.starred()
        given = dict.fromkeys([*self._state.class_options, *self._given])
        # Options are carried out in the order in which the style declares them.
        self._execute(stream, [name for name in self._options if name in given])
        self._options = {}

    def _load_class(self, stream: Stream) -> None:
        options = plain(stream.optional() or []).split(",")
        name = plain(stream.argument()).strip()
        read_style(self._state, name, ".cls", options, self._carried_out)


def _pass_options(stream: Stream) -> None:
    options, name = plain(stream.argument()).split(","), plain(stream.argument()).strip()
    stream.state.passed.setdefault(name, []).extend(options)


def _pass_on(stream: Stream, token: str, signature: str) -> None:
    """Keep a command for the composer, which carries it out after the style has been read."""
    taken: list[str] = []
    for kind in signature:
        if kind == "s":
            taken += ["*"] * stream.starred()
        elif kind == "o":
            options = stream.optional()
            taken += ["[", *options, "]"] if options is not None else []
        else:
            taken += ["{", *stream.argument(), "}"]
    stream.state.passed_on += [token, *taken]


def _branches(stream: Stream) -> tuple[list[str], list[str]]:
    """Return the two branches of a condition whose question was read, without its `\\fi`."""
    branches: list[list[str]] = [[]]
    depth = 0
    while token := stream.pull():
        if token == "\\fi":
            if depth == 0:
                break
            depth -= 1
        elif token == "\\else" and depth == 0:
            branches.append([])
            continue
        elif stream.state.is_condition(token):
            depth += 1
        branches[-1].append(token)
    return branches[0], [token for branch in branches[1:] for token in branch]


def forget_unreadable(state: State) -> None:
    """Leave undefined what uses internals that nobody here knows, or what would never end."""
    waiting = {
        name: {token for token in state.macros[name].body if _is_internal(state, token)}
        for name in state.judged
        if name in state.macros
    }
    readable: set[str] = set()
    while True:
        more = {name for name, needs in waiting.items() if needs <= readable} - readable
        if not more:
            break
        readable |= more
    for name in waiting.keys() - readable:
        del state.macros[name]
    state.judged &= readable


def _is_internal(state: State, token: str) -> bool:
    """Whether a token in the body of a macro must be known for the macro to be readable."""
    if token[0] != "\\" or len(token) < 2:
        return False
    if token in state.judged:
        return True
    return "@" in token and not (
        token in state.macros
        or token in state.known
        or token in state.primitives
        or token in state.conditions
        or token in state.registers
        or token[1:] in state.flags
        or token in _HARMLESS
    )


_SET = (["\\settrue "], ["\\setfalse "])
