"""Signatures of functions and classes as text, from griffe's objects.

The first parameter of a method is left out. A class shows what its __init__ or __new__ takes, or
else its fields where it is a pydantic model, a TypedDict or a NamedTuple (griffe writes the
__init__ of dataclasses).
"""

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import griffe

from fumehood_tools.surveys.tree import ODD

LONGEST = 8_000
_PYDANTIC = (
    *("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.RootModel"),
    *("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings"),
)
_FORMS = {
    "pydantic": frozenset(_PYDANTIC),
    "TypedDict": frozenset({"typing.TypedDict", "typing_extensions.TypedDict"}),
    "NamedTuple": frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"}),
    "enum": frozenset(f"enum.{it}" for it in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")),
    "protocol": frozenset({"typing.Protocol", "typing_extensions.Protocol"}),
    "exception": frozenset({"Exception", "BaseException", "ValueError", "RuntimeError"}),
}
# Decorators that make an __init__ of a class's fields, beside dataclasses.dataclass.
_FIELD_MAKERS = frozenset(
    {
        *("pydantic.dataclasses.dataclass", "attrs.define", "attrs.mutable", "attrs.frozen"),
        *("attr.define", "attr.mutable", "attr.frozen"),
    }
)
_FIELD_CALLS = frozenset({"Field", "field", "ib", "attrib"})
_DEFAULTS = ("default", "default_factory", "factory")
_NOT_FIELDS = ("ClassVar", "typing.ClassVar", "typing_extensions.ClassVar")


class _Part(NamedTuple):
    text: str
    kind: griffe.ParameterKind | None


def signature_of(function: griffe.Function) -> str:
    """Return "(x: int, *, y=1) -> str", without the first parameter of a method."""
    parameters = list(function.parameters)
    if _is_bound(function) and parameters:
        first = parameters[0].kind
        if first in (
            griffe.ParameterKind.positional_only,
            griffe.ParameterKind.positional_or_keyword,
        ):
            parameters = parameters[1:]
    text = f"({', '.join(_rendered(parameters))})"
    if function.returns is not None:
        text += f" -> {function.returns}"
    return text[:LONGEST]


def class_signature(found: griffe.Class) -> str:
    """Return what a call of the class takes, or "" if the source does not tell."""
    own = lineage(found)
    for form in ("TypedDict", "NamedTuple"):
        if form in forms_of(found):
            return f"({', '.join(_fields(own, star=form == 'TypedDict'))})"[:LONGEST]
    for number, cls in enumerate(own):
        if "__init__" not in cls.members and _makers(cls) & _FIELD_MAKERS:
            above = [it for it in own[number:] if _makers(it) & _FIELD_MAKERS]
            return f"({', '.join(_fields(above, star=False, calls=True))})"[:LONGEST]
        for name in ("__init__", "__new__"):
            maker = cls.members.get(name)
            if isinstance(maker, griffe.Function):
                return signature_of(maker).partition(" -> ")[0]
    if "pydantic" in forms_of(found):
        return f"({', '.join(_fields(own, star=True))})"[:LONGEST]
    return ""


def forms_of(found: griffe.Class) -> list[str]:
    """Return which special forms a class is: pydantic, TypedDict, NamedTuple, enum, protocol."""
    bases = {path for cls in lineage(found) for path in base_paths(cls)}
    return [form for form, roots in _FORMS.items() if bases & roots]


def base_paths(found: griffe.Class) -> list[str]:
    """Return the paths of the bases of a class, as far as its imports tell them."""
    paths = []
    for base in found.bases:
        try:
            paths.append(base if isinstance(base, str) else base.canonical_path)
        except ODD:
            paths.append(str(base))
    return [path.partition("[")[0] for path in paths]


def lineage(found: griffe.Class) -> list[griffe.Class]:
    """Return a class and its bases within the package, in the order of attribute look-up."""
    try:
        above = [it for it in found.mro() if isinstance(it, griffe.Class)]
    except (ValueError, *ODD):
        above = []
    return [found, *above]


def _is_bound(function: griffe.Function) -> bool:
    parent = function.parent
    return parent is not None and parent.is_class and "staticmethod" not in function.labels


def _rendered(parameters: Iterable[griffe.Parameter]) -> Iterator[str]:
    kinds = griffe.ParameterKind
    only_before, starred = False, False
    for parameter in parameters:
        if parameter.kind is kinds.positional_only:
            only_before = True
        elif only_before:
            only_before = False
            yield "/"
        if parameter.kind is kinds.keyword_only and not starred:
            starred = True
            yield "*"
        mark = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(
            parameter.kind or kinds.positional_or_keyword, ""
        )
        starred = starred or mark == "*"
        yield mark + _parameter(parameter, bool(mark))
    if only_before:
        yield "/"


def _parameter(parameter: griffe.Parameter, variadic: bool) -> str:
    text = parameter.name
    if parameter.annotation is not None:
        text += f": {parameter.annotation}"
    if parameter.default is not None and not variadic:
        equals = " = " if parameter.annotation is not None else "="
        text += f"{equals}{parameter.default}"
    return text


def _field(name: str, value: str) -> tuple[str, bool]:
    """Return (the name that a call passes, whether it is required) for a field of a model.

    A value of Field(…), field(…) or attr.ib(…) may say that there is no default.
    """
    try:
        call = ast.parse(value, mode="eval").body if value else None
    except (SyntaxError, ValueError, RecursionError):
        return name, False
    if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] not in _FIELD_CALLS:
        return name, call is None
    given = {it.arg: it.value for it in call.keywords if it.arg}
    for key in ("validation_alias", "alias"):
        alias = given.get(key)
        if isinstance(alias, ast.Constant) and str(alias.value).isidentifier():
            name = str(alias.value)
            break
    default = (
        call.args[0] if call.args else next((given[it] for it in _DEFAULTS if it in given), None)
    )
    return name, default is None or ast.unparse(default) == "..."


def _makers(found: griffe.Class) -> set[str]:
    """Return the paths of the decorators of a class."""
    paths = set()
    for decorator in found.decorators:
        try:
            paths.add(decorator.callable_path)
        except ODD:
            continue
    return paths


def _fields(own: list[griffe.Class], *, star: bool, calls: bool = False) -> Iterator[str]:
    """Yield the annotated fields of a class and its bases, those of the bases first."""
    fields: dict[str, str] = {}
    for cls in reversed(own):
        for name, member in cls.members.items():
            if not isinstance(member, griffe.Attribute) or name.startswith("_"):
                continue
            if member.annotation is None or "property" in member.labels:
                continue
            annotation = str(member.annotation)
            if annotation.startswith(_NOT_FIELDS) or name == "model_config":
                continue
            value = "" if member.value is None else str(member.value)
            shown, is_required = _field(name, value) if star or calls else (name, not value)
            fields[name] = f"{shown}: {annotation}" + ("" if is_required else f" = {value}")
    # pydantic allows a field without default after one that has one; then only names are clear.
    texts = list(fields.values())
    optional = [" = " in text.partition(": ")[2] for text in texts]
    names_only = (
        0
        if star
        else next((n + 1 for n in range(len(texts)) if optional[n : n + 2] == [True, False]), -1)
    )
    for number, text in enumerate(texts):
        if number == names_only:
            yield "*"
        yield text
