"""DSSE envelopes, signed with Ed25519, around in-toto Statements (v1).

Envelope and signature: https://github.com/secure-systems-lab/dsse. Statement:
https://github.com/in-toto/attestation. Payloads are canonical JSON (RFC 8785), so the same
statement always has the same bytes. A file holds one envelope per line.
"""

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.receipts.key import write_secret
from fumehood_tools.receipts.signing import unambiguous

EXPORT_KEY_FILE = "export.key"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


class NoCanonicalForm(ValueError):
    """A statement contains a value that RFC 8785 cannot represent."""


class Envelope(NamedTuple):
    """One line of a file: a payload, the key id that it names, and its signature."""

    payload: bytes
    key_id: str
    signature: bytes


def signing_key(state: Path) -> Ed25519PrivateKey:
    """Return the workspace's private key for exports; create it (mode 0600) if there is none.

    Raises StorageFailed if it cannot be read or is not an Ed25519 key.
    """
    path = state / EXPORT_KEY_FILE
    if not path.exists():
        fresh = Ed25519PrivateKey.generate()
        write_secret(path, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading {EXPORT_KEY_FILE}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StorageFailed(_damaged_key()) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageFailed(_damaged_key())
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a PEM file. Raises StorageFailed, BadRequest."""
    try:
        return public_key_of(path.read_bytes(), path.name)
    except OSError as error:
        raise StorageFailed.from_os_error(error, f"Reading the public key {path.name}") from error


def public_key_of(pem: bytes, name: str) -> Ed25519PublicKey:
    """Return the public key in PEM form. name: of its file, for the message. Raises BadRequest."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadRequest(_no_public_key(name)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadRequest(_no_public_key(name))
    return key


def pem_of(key: Ed25519PublicKey) -> bytes:
    """Return a public key in PEM format."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return the id of a public key: the sha256 of its DER form, as 64 hex digits."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def statement(
    subject: list[dict[str, Any]], predicate_type: str, predicate: dict[str, Any]
) -> bytes:
    """Return an in-toto Statement as canonical JSON.

    Raises NoCanonicalForm for numbers beyond 2^53, and for those that are not finite.
    """
    content: dict[str, Any] = {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    try:
        return rfc8785.dumps(content)
    except rfc8785.CanonicalizationError as error:
        raise NoCanonicalForm(str(error)) from error


def sealed(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signed envelope of a payload, as one line of JSON."""
    signature = key.sign(_signed_bytes(payload))
    return written(Envelope(payload, key_id_of(key.public_key()), signature))


def written(envelope: Envelope) -> bytes:
    """Return an envelope as one line of JSON, in the only form in which we write it.

    What is outside of the payload is not signed, so a reader compares the bytes with this.
    """
    content = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(envelope.payload).decode("ascii"),
        "signatures": [
            {
                "keyid": envelope.key_id,
                "sig": base64.b64encode(envelope.signature).decode("ascii"),
            }
        ],
    }
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def opened(line: bytes) -> Envelope | None:
    """Return the envelope in a line, unverified; None if the line is not a valid envelope."""
    try:
        content = json.loads(line, object_pairs_hook=unambiguous)
        [signature] = content["signatures"]
        payload = base64.b64decode(content["payload"], validate=True)
        sig = base64.b64decode(signature["sig"], validate=True)
        if content["payloadType"] != PAYLOAD_TYPE:
            return None
        return Envelope(payload, str(signature.get("keyid", "")), sig)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
        return None


def is_signed_by(envelope: Envelope, key: Ed25519PublicKey) -> bool:
    """Return whether the key signed the payload."""
    try:
        key.verify(envelope.signature, _signed_bytes(envelope.payload))
    except InvalidSignature:
        return False
    return True


def _signed_bytes(payload: bytes) -> bytes:
    """Return the bytes that are signed for a payload: DSSE's pre-authentication encoding (PAE)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _damaged_key() -> str:
    return (
        f"{EXPORT_KEY_FILE} is not an Ed25519 private key. Restore it from a backup, or move it "
        "away: the next export then creates a new key, and needs the new public key to verify."
    )


def _no_public_key(name: str) -> str:
    what = f"{name} is not an Ed25519 public key in PEM form"
    return f"{what}. Pass the .pub file that was written with the export."
