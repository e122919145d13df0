#!/usr/bin/env bash
# securesystemslib 1.6.0: a DSSE envelope verifies only when its `keyid` is the one the key object has, and an
# envelope without the field cannot be read.
#
# Expected: in DSSE keyid is optional and a hint only, and the specification names no way to make one; so a
# verifier that was handed the public key tries it on the signature, whatever the envelope calls it.
# Found: Envelope.verify skips every signature whose keyid is not that of the key. SSlibKey.from_crypto calls
# a key by a digest of its own metadata, so an envelope whose signer used another naming (here: sha256 of
# the DER form of the public key) fails with "Found: 0, Expected 1" although its signature is right, until
# the key is made with that keyid. An envelope without keyid raises KeyError in Envelope.from_dict.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  securesystemslib==1.6.0 cryptography==50.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import hashlib
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

private = Ed25519PrivateKey.generate()
public = private.public_key()
kind, body = "application/vnd.in-toto+json", b'{"a":1}'
signature = private.sign(f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode() + body)
key_id = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def envelope(**hint):
    sig = base64.b64encode(signature).decode()
    return {"payload": base64.b64encode(body).decode(), "payloadType": kind, "signatures": [{**hint, "sig": sig}]}


def verified(content, key):
    try:
        return sorted(Envelope.from_dict(content).verify([key], 1)) == [key.keyid]
    except (VerificationError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


print(f"securesystemslib {version('securesystemslib')}")
named = verified(envelope(keyid=key_id), SSlibKey.from_crypto(public, keyid=key_id))
other = verified(envelope(keyid=key_id), SSlibKey.from_crypto(public))
unnamed = verified(envelope(), SSlibKey.from_crypto(public))
print(f"same name: {named}; other name: {other}; no name: {unnamed}")
assert named is True, "an envelope with the key's own name no longer verifies"
assert str(other).startswith("VerificationError"), "the key's name is only a hint now"
assert str(unnamed) == "KeyError: 'keyid'", "an envelope without keyid can be read now"
PYTHON
