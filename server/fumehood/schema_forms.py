"""Publish a tool's schemas in the form that most hosts understand.

Pydantic writes an optional argument as a choice between its type and null, and a model as a
reference to a definition. Some hosts refuse an integer that is a choice, others lose its
description, and some do not follow references. So an optional argument is published as its bare
type (it is optional because it is not required), and references are replaced by what they refer to.
"""

import json
from collections.abc import Callable, Collection
from typing import Any

NULL = {"type": "null"}
# An output schema with more characters names only the fields of the result, or of them and of the
# objects in them: all tools together must leave room for what the agent works on.
MOST_OUTPUT = 700
# What says how an argument must be written tells nobody how to read a result.
_FOR_ARGUMENTS = frozenset(
    {
        *("default", "minLength", "maxLength", "minItems", "maxItems", "pattern"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
# What an agent that writes a sensible argument never meets; the server checks it all the same.
_UNSAID = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
Node = dict[str, Any]


def without(keywords: Collection[str], schema: Node) -> Node:
    """Return a JSON schema without some keywords. Properties with such a *name* are kept."""

    def clean(node: Node) -> Node:
        return {key: value for key, value in node.items() if key not in keywords}

    cleaned: Node = _rewritten(schema, clean)
    return cleaned


def input_form(schema: Node) -> Node:
    """Return an input schema with bare optional types, closed objects and no references.

    The lengths of texts and lists are left out, and so are the docstrings of inner objects, whose
    argument has a description of its own.
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

    return without(("$defs", "title", *_UNSAID), _rewritten(schema, simple))


def output_form(schema: Node) -> Node:
    """Return an output schema without texts, limits, references, tuples and lists of what is there.

    A result explains itself, and its descriptions took a fifth of the tool list. A tuple becomes a
    list of its length, whose items may have any of the types in the tuple. A long schema describes
    inner objects only as objects.
    """
    definitions = schema.get("$defs", {})

    def simple(node: Node) -> Node:
        node = _resolved(node, definitions)
        if node.get("additionalProperties") is False or "properties" in node:
            node = {key: value for key, value in node.items() if key != "additionalProperties"}
        if "prefixItems" in node:
            types = [
                one
                for n, one in enumerate(node["prefixItems"])
                if one not in node["prefixItems"][:n]
            ]
            rest = {key: value for key, value in node.items() if key != "prefixItems"}
            node = {**rest, "items": types[0] if len(types) == 1 else {"anyOf": types}}
        return _brief_optional(node)

    whole = without(
        ("$defs", "title", "description", "required", *_FOR_ARGUMENTS), _rewritten(schema, simple)
    )
    forms = [whole, _shallow(whole, 2), _shallow(whole, 1)]
    return next((form for form in forms if len(json.dumps(form)) <= MOST_OUTPUT), forms[-1])


def _brief_optional(node: Node) -> Node:
    """Return a choice between one plain type and null as a list of two types."""
    options = node.get("anyOf", [])
    if len(options) != 2 or options[1] != NULL or "enum" in options[0]:
        return node
    if not isinstance(options[0].get("type"), str):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**options[0], **rest, "type": [options[0]["type"], "null"]}


def _shallow(node: Any, depth: int) -> Any:
    """Return a schema in which objects that are nested deeper are described only as objects."""
    if isinstance(node, list):
        return [_shallow(item, depth) for item in node]
    if not isinstance(node, dict):
        return node
    if "properties" not in node:
        return {key: _shallow(value, depth) for key, value in node.items()}
    if depth == 0:
        return {"type": "object"}
    fields = {name: _shallow(field, depth - 1) for name, field in node["properties"].items()}
    return {**node, "properties": fields}


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
