#!/usr/bin/env bash
# in-toto-attestation 0.9.3 (the bindings of the in-toto project): a Statement whose predicate is empty does
# not validate, and whole numbers of a predicate come back as floats.
#
# Expected: the specification of Statement v1 calls `predicate` optional, "unset is treated the same as
# set-but-empty", so a statement that only ties a predicateType to its subjects validates; and a record
# that is read into the message and written out again says `"seeds": 3` as before.
# Found: validate() raises ValueError("Predicate object required") for {} as for a predicate that is not
# there. The predicate is a protobuf Struct, in which every number is a double: 3 is written out as 3.0,
# and 2^53 + 1 as 9007199254740992.0. Whoever signs a payload must keep its bytes; what was read into the
# message has no longer the digest that was signed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  in-toto-attestation==0.9.3 protobuf==7.36.2
"$folder/venv/bin/python" - <<'PYTHON'
import json
from importlib.metadata import version

from google.protobuf.json_format import MessageToDict, Parse
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message

CONTENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "sae.safetensors", "digest": {"sha256": "0" * 64}}],
    "predicateType": "urn:example:score:v1",
}


def message(**more):
    return Parse(json.dumps({**CONTENT, **more}), Message())


def complaint(**more):
    try:
        Statement.copy_from_pb(message(**more)).validate()
    except ValueError as error:
        return str(error)
    return None


print(f"in-toto-attestation {version('in-toto-attestation')}, protobuf {version('protobuf')}")
said = {name: complaint(**more) for name, more in (("unset", {}), ("empty", {"predicate": {}}))}
print(f"predicate unset: {said['unset']}; empty: {said['empty']}")
assert set(said.values()) == {"Predicate object required"}, "an empty predicate validates now"
assert complaint(predicate={"seeds": 3}) is None, "a predicate with content no longer validates"
back = MessageToDict(message(predicate={"seeds": 3, "tokens": 2**53 + 1}))["predicate"]
print(f"read and written again: {json.dumps(back, sort_keys=True)}")
assert json.dumps(back["seeds"]) == "3.0", "whole numbers stay whole now"
assert back["tokens"] != 2**53 + 1, "numbers above 2^53 are kept now"
PYTHON
