"""The forms of keys that are searched for: those of bc-detect-secrets that are certain, and ours.

bc-detect-secrets also guesses: by names such as `password =`, and by the randomness of strings.
These guesses are not used: on the sdists of mcp 2.3.0 and nnsight 0.8.1 they name 270 places, none
of which is a secret. Only its regular expressions are used, never its verification, which sends a
key to its service, and they are kept in `library_forms`, because to import it takes longer than to
search. It has no form for keys of Hugging Face, RunPod, Anthropic and W&B, and only an
old one for those of OpenAI.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from fumehood_tools.packing.library_forms import LIBRARY_FORMS


class Form(NamedTuple):
    """A kind of secret with a known form.

    sign: an expression for RE2 that matches wherever the pattern does, "" for the pattern itself.
    The secret is the first group of the pattern if it is long, otherwise the whole match.
    whole_file: the file is left out, because the secret goes on for an unknown number of lines.
    """

    kind: str
    pattern: re.Pattern[str]
    sign: str = ""
    whole_file: bool = False
    is_valid: Callable[[str], bool] = lambda _: True


def _form(kind: str, pattern: str, *, sign: str = "", whole_file: bool = False) -> Form:
    return Form(kind, re.compile(pattern), sign, whole_file)


_BEGIN = r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BODY = r"[\s\S]{0,200}?[A-Za-z0-9+/]{40,}"

_KEY = "PRIVATE KEY"

OWN_FORMS = (
    _form(
        "private key", rf"({_BEGIN}{_BODY}[\s\S]{{0,20000}}?-----END [A-Z0-9 ]+-----)", sign=_KEY
    ),
    _form("private key without an end", rf"({_BEGIN}{_BODY})", sign=_KEY, whole_file=True),
    _form("PuTTY key", r"(PuTTY-User-Key-File-\d: )", whole_file=True),
    _form("Hugging Face token", r"\b((?:hf|api_org)_[A-Za-z0-9]{30,})"),
    _form("RunPod key", r"\b(rpa_[A-Za-z0-9]{30,})"),
    _form("OpenAI key", r"\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,})"),
    _form("OpenAI key", r"\b(sk-[A-Za-z0-9_-]{10,}T3BlbkFJ[A-Za-z0-9_-]{10,})"),
    _form("Anthropic key", r"\b(sk-ant-[A-Za-z0-9_-]{20,})"),
    _form(
        "W&B key",
        r"(?i:wandb)[^\n]{0,40}?(?<![0-9a-fA-F])([0-9a-f]{40})(?![0-9a-f])",
        sign=r"(?i:wandb)[^\n]{0,40}[0-9a-f]{40}",
    ),
    _form("W&B key", r"\b(wandb_v1_[A-Za-z0-9_-]{20,})"),
    _form("Perplexity key", r"\b(pplx-[A-Za-z0-9]{40,})"),
    _form("Groq key", r"\b(gsk_[A-Za-z0-9]{40,})"),
    _form("GitHub token", r"\b(github_pat_[A-Za-z0-9_]{30,})"),
    _form("GitLab token", r"\b(glpat-[A-Za-z0-9_-]{20,})"),
    _form("Google API key", r"\b(AIza[A-Za-z0-9_-]{35})"),
    _form("Azure storage key", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
)


def all_forms() -> tuple[Form, ...]:
    """Return all forms; ours come first."""
    return OWN_FORMS + tuple(
        Form(
            it.kind, re.compile(it.pattern, it.flags), it.sign, False, _VALID.get(it.detector, _any)
        )
        for it in LIBRARY_FORMS
    )


def _any(secret: str) -> bool:
    return True


def _is_no_example(password: str) -> bool:
    """Whether a password in an URL looks generated: most in code are like user:secret@host."""
    kinds = [any(map(kind, password)) for kind in (str.isalpha, str.isdigit)]
    return len(password) >= 8 and all(kinds) and not set(password) & set("<>{}$%[]")


def _is_web_token(token: str) -> bool:
    """Whether a text has the parts of a JSON web token. Imports bc-detect-secrets: 0.1 s."""
    from detect_secrets.plugins.jwt import JwtTokenDetector

    return bool(JwtTokenDetector.is_formally_valid(token))


_VALID: dict[str, Callable[[str], bool]] = {
    "BasicAuthDetector": _is_no_example,
    "JwtTokenDetector": _is_web_token,
}
