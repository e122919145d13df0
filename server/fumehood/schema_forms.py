"""Publish a tool's schemas in the form that most hosts understand.

Pydantic writes an optional argument as a choice between its type and null, and a model as a
reference to a definition. Some hosts refuse an integer that is a choice, others lose its
description, and some do not follow references. So an optional argument is published as its bare
type (it is optional because it is not required), and references are replaced by what they refer to.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

NULL = {"type": "null"}
# What an agent that writes a sensible argument never meets; the server checks it all the same.
_UNSAID = frozenset({"minLength", "maxLength", "minItems", "maxItems", "pattern"})
_OBVIOUS: dict[str, tuple[Any, ...]] = {
    "minimum": (0, 1),
    "exclusiveMinimum": (0,),
    "default": (False, ""),
}
Node = dict[str, Any]


def without(keywords: Collection[str], schema: Node) -> Node:
    """Return a JSON schema without some keywords. Properties with such a *name* are kept."""

    def clean(node: Node) -> Node:
        return {key: value for key, value in node.items() if key not in keywords}

    cleaned: Node = _rewritten(schema, clean)
    return cleaned


def whole_input(schema: Node) -> Node:
    """Return an input schema with bare optional types, closed objects and no references.

    The docstrings of inner objects are left out, as their argument has a description of its own.
    """
    definitions = {
        name: {key: value for key, value in node.items() if key != "description"}
        for name, node in schema.get("$defs", {}).items()
    }

    def simple(node: Node) -> Node:
        node = _resolved(node, definitions)
        if NULL in node.get("anyOf", []):
            node = _resolved(_without_null(node), definitions)
        if "properties" in node:
            node = {**node, "additionalProperties": False}
        return node

    return without(("$defs", "title"), _rewritten(schema, simple))


def input_form(schema: Node) -> Node:
    """Return an input schema as it is published: the whole one without what goes without saying.

    That is: the lengths of texts and lists, patterns, bounds that exclude only zero and negative
    numbers, the defaults false and "", and integers where any number is accepted.
    """

    def brief(node: Node) -> Node:
        if {"type": "number"} in node.get("anyOf", []):
            options = [option for option in node["anyOf"] if option != {"type": "integer"}]
            node = {**node, "anyOf": options}
        return {
            key: value
            for key, value in node.items()
            if key not in _UNSAID and not _says_the_obvious(key, value)
        }

    published: Node = _rewritten(whole_input(schema), brief)
    return published


def _says_the_obvious(keyword: str, value: Any) -> bool:
    # 0 == False in Python, and a default of 0 is not obvious.
    return any(value == one and type(value) is type(one) for one in _OBVIOUS.get(keyword, ()))


def whole_output(schema: Node) -> Node:
    """Return an output schema without references and titles."""
    definitions = schema.get("$defs", {})
    return without(
        ("$defs", "title"), _rewritten(schema, lambda node: _resolved(node, definitions))
    )


def output_form(schema: Node) -> Node:
    """Return an output schema that names the fields of the result and their types, no more.

    A client needs it to check a result, and a result explains itself: whole output schemas took
    more than a quarter of the tool list. `docs/tools.md` has what is in lists and objects.
    """
    whole = whole_output(schema)
    fields = {name: _type_alone(field) for name, field in whole.get("properties", {}).items()}
    return {"type": "object", "properties": fields}


def _type_alone(node: Node) -> Node:
    """Return a schema that says nothing but the types of a value; empty if it may have any."""
    types = list(dict.fromkeys(_types(node)))
    if not types or None in types:
        return {}
    return {"type": types[0] if len(types) == 1 else types}


def _types(node: Node) -> Iterator[str | None]:
    """Yield the types that a value may have; None if the schema does not say."""
    if "anyOf" in node:
        for option in node["anyOf"]:
            yield from _types(option)
    else:
        yield node.get("type")


def open_form(schema: Node) -> Node:
    """Return a schema without the keyword `additionalProperties`, on which some hosts fail."""
    return without(("additionalProperties",), schema)


def _resolved(node: Node, definitions: Node) -> Node:
    """Return what the node refers to, with the other keywords of the node; else the node."""
    if "$ref" not in node:
        return node
    rest = {key: value for key, value in node.items() if key != "$ref"}
    return {**definitions[node["$ref"].removeprefix("#/$defs/")], **rest}


def _without_null(node: Node) -> Node:
    """Return a node that is a choice with null as a choice without it."""
    rest = [option for option in node["anyOf"] if option != NULL]
    kept = {key: value for key, value in node.items() if key != "anyOf"}
    if kept.get("default", ...) is None:
        del kept["default"]
    return {**rest[0], **kept} if len(rest) == 1 else {**kept, "anyOf": rest}


def _rewritten(node: Any, rewrite: Callable[[Node], Node], *, names: bool = False) -> Any:
    """Return a schema in which every node was rewritten, from the outside in.

    names: the keys of this node are names of properties or definitions, not keywords.
    """
    if isinstance(node, list):
        return [_rewritten(item, rewrite) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _rewritten(value, rewrite, names=not names and key in ("properties", "$defs"))
        for key, value in (node if names else rewrite(node)).items()
    }
