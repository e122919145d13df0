"""The forms of keys that are searched for: those of bc-detect-secrets that are certain, and ours.

bc-detect-secrets also guesses: by names such as `password =`, and by the randomness of strings.
These guesses are not used: on the sdists of mcp 2.3.0 and nnsight 0.8.1 they name 270 places, none
of which is a secret. Only its regular expressions are used, never its verification, which sends a
key to its service. It has no form for keys of Hugging Face, RunPod, Anthropic and W&B, and only an
old one for those of OpenAI.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class Form(NamedTuple):
    """A kind of secret with a known form.

    hints: bytes in lower case, one of which is in every match; empty if there is none to look for.
    The secret is the first group of the pattern if it is long, otherwise the whole match.
    whole_file: the file is left out, because the secret goes on for an unknown number of lines.
    """

    kind: str
    hints: tuple[bytes, ...]
    pattern: re.Pattern[str]
    whole_file: bool = False
    is_valid: Callable[[str], bool] = lambda _: True


def _form(kind: str, hints: str, pattern: str, *, whole_file: bool = False) -> Form:
    words = tuple(hint.encode() for hint in hints.split("|"))
    return Form(kind, words, re.compile(pattern), whole_file)


_BEGIN = r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BODY = r"[\s\S]{0,200}?[A-Za-z0-9+/]{40,}"

OWN_FORMS = (
    _form(
        "private key",
        "private key",
        rf"({_BEGIN}{_BODY}[\s\S]{{0,20000}}?-----END [A-Z0-9 ]+-----)",
    ),
    _form("private key without an end", "private key", rf"({_BEGIN}{_BODY})", whole_file=True),
    _form("PuTTY key", "putty-user-key-file-", r"(PuTTY-User-Key-File-\d: )", whole_file=True),
    _form("Hugging Face token", "hf_|api_org_", r"\b((?:hf|api_org)_[A-Za-z0-9]{30,})"),
    _form("RunPod key", "rpa_", r"\b(rpa_[A-Za-z0-9]{30,})"),
    _form("OpenAI key", "sk-", r"\b(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,})"),
    _form("OpenAI key", "t3blbkfj", r"\b(sk-[A-Za-z0-9_-]{10,}T3BlbkFJ[A-Za-z0-9_-]{10,})"),
    _form("Anthropic key", "sk-ant-", r"\b(sk-ant-[A-Za-z0-9_-]{20,})"),
    _form("W&B key", "wandb", r"(?i:wandb)[^\n]{0,40}?(?<![0-9a-fA-F])([0-9a-f]{40})(?![0-9a-f])"),
    _form("W&B key", "wandb_v1_", r"\b(wandb_v1_[A-Za-z0-9_-]{20,})"),
    _form("Perplexity key", "pplx-", r"\b(pplx-[A-Za-z0-9]{40,})"),
    _form("Groq key", "gsk_", r"\b(gsk_[A-Za-z0-9]{40,})"),
    _form("GitHub token", "github_pat_", r"\b(github_pat_[A-Za-z0-9_]{30,})"),
    _form("GitLab token", "glpat-", r"\b(glpat-[A-Za-z0-9_-]{20,})"),
    _form("Google API key", "aiza", r"\b(AIza[A-Za-z0-9_-]{35})"),
    _form("Azure storage key", "accountkey", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
)

# Module and class of each detector that is used -> its hints.
_DETECTORS = {
    ("artifactory", "ArtifactoryDetector"): "akc|artif|jfrog|buildkit",
    ("aws", "AWSKeyDetector"): "a3t|abia|acca|akia|asia|aws",
    ("basic_auth", "BasicAuthDetector"): "://",
    ("discord", "DiscordBotTokenDetector"): "",
    ("github_token", "GitHubTokenDetector"): "ghp_|gho_|ghu_|ghs_|ghr_",
    ("jwt", "JwtTokenDetector"): "eyj",
    ("mailchimp", "MailchimpDetector"): "-us",
    ("npm", "NpmDetector"): "npm_|_authtoken|npmtoken|npm token|npm-token",
    ("sendgrid", "SendGridDetector"): "sg.",
    ("slack", "SlackDetector"): "xox|hooks.slack.com",
    ("square_oauth", "SquareOAuthDetector"): "sq0csp-",
    ("stripe", "StripeDetector"): "k_live_",
    ("twilio", "TwilioKeyDetector"): "ac|sk",
}


def all_forms() -> tuple[Form, ...]:
    """Return all forms; ours come first. Imports bc-detect-secrets, which takes 0.3 s."""
    from importlib import import_module

    found = list(OWN_FORMS)
    for (module, name), hints in _DETECTORS.items():
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        words = tuple(hint.encode() for hint in hints.split("|") if hint)
        valid = _VALID.get(name, lambda _: True)
        if name == "JwtTokenDetector":
            valid = detector.is_formally_valid
        found += [Form(detector.secret_type, words, it, False, valid) for it in detector.denylist]
    return tuple(found)


def _is_no_example(password: str) -> bool:
    """Whether a password in an URL looks generated: most in code are like user:secret@host."""
    kinds = [any(map(kind, password)) for kind in (str.isalpha, str.isdigit)]
    return len(password) >= 8 and all(kinds) and not set(password) & set("<>{}$%[]")


_VALID = {"BasicAuthDetector": _is_no_example}
