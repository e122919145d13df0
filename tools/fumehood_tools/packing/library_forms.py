"""The certain regular expressions of bc-detect-secrets 1.5.52 (Apache License 2.0), as they are.

To import them from there takes 0.1 s, since its modules also import what sends a key to its
service. A test holds them equal to those of the installed version.
"""

import re
from typing import NamedTuple


class LibraryForm(NamedTuple):
    """A regular expression of one detector. sign: see `secret_forms.Form`."""

    module: str
    detector: str
    kind: str
    pattern: str
    sign: str = ""
    flags: int = 0


# Where a pattern contains \s, which means more characters to Python than to RE2, the sign is
# something that does not depend on it. Where a pattern counts characters from many possible starts,
# which takes an automaton of megabytes, the sign counts from few.
_NAME = "[a-zA-Z0-9_-]"
_AKC = r"""(?:\s|=|:|"|^)AKC[a-zA-Z0-9]{10,200}(?:\s|"|$)"""
_AP = (
    r"(?i:artif|jfrog|buildkit)(?:.{0,100}\n?){0,2}"
    r"""(?:\s|=|:|"|^)(AP[\dABCDEF][a-zA-Z0-9]{8,200})(?:\s|"|$)"""
)
_USER = r"://[^:/\?\#\[\]@!\$\&'\(\)\*\+,;=\s]+"
_PASSWORD = r":([^:/\?\#\[\]@!\$\&'\(\)\*\+,;=\s]+)@"
_AWS_ID = r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b"
_AWS_KEY = r"aws.{0,20}?(?:key|pwd|pw|password|pass|token).{0,20}?\b([0-9a-zA-Z/+]{40})\b"
_DISCORD = r"[MNO][a-zA-Z\d_-]{23,25}\.[a-zA-Z\d_-]{6}\.[a-zA-Z\d_-]{27}"
_NPM = (
    r"(?:npm_[A-Za-z0-9-]{36})|"
    r"(?:(?:_authToken|NPM[ _-]?TOKEN)[\s\S]{0,5}?(?:NpmToken\.)?([a-z0-9-]{36}).*)"
)
_WEB_TOKEN = r"eyJ[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.?[A-Za-z0-9-_.+/=]*"
_SLACK_HOOK = r"https://hooks\.slack\.com/services/T[a-zA-Z0-9_]+/B[a-zA-Z0-9_]+/[a-zA-Z0-9_]+"

LIBRARY_FORMS = (
    LibraryForm("artifactory", "ArtifactoryDetector", "Artifactory Credentials", _AKC, "AKC"),
    LibraryForm(
        *("artifactory", "ArtifactoryDetector", "Artifactory Credentials", _AP),
        sign="(?i:artif|jfrog|buildkit)",
    ),
    LibraryForm("aws", "AWSKeyDetector", "AWS Access Key", _AWS_ID),
    LibraryForm("aws", "AWSKeyDetector", "AWS Access Key", _AWS_KEY, flags=re.IGNORECASE),
    LibraryForm(
        *("basic_auth", "BasicAuthDetector", "Basic Auth Credentials", _USER + _PASSWORD),
        sign=r"://[^:/?#@\n]+:[^:/?#@\n]+@",
    ),
    LibraryForm(
        *("discord", "DiscordBotTokenDetector", "Discord Bot Token", _DISCORD),
        sign=rf"\.{_NAME}{{6}}\.{_NAME}{{27}}",
    ),
    LibraryForm(
        "github_token",
        "GitHubTokenDetector",
        "GitHub Token",
        r"(ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9_]{36}",
    ),
    LibraryForm("jwt", "JwtTokenDetector", "JSON Web Token", _WEB_TOKEN),
    LibraryForm(
        *("mailchimp", "MailchimpDetector", "Mailchimp Access Key", r"[0-9a-z]{32}-us[0-9]{1,2}"),
        sign="[0-9a-z]-us[0-9]",
    ),
    LibraryForm(
        *("npm", "NpmDetector", "NPM tokens", _NPM),
        sign="npm_[A-Za-z0-9-]{36}|_authToken|NPM[ _-]?TOKEN",
    ),
    LibraryForm(
        "sendgrid",
        "SendGridDetector",
        "SendGrid API Key",
        r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}",
    ),
    LibraryForm(
        *("slack", "SlackDetector", "Slack Token", r"xox(?:a|b|p|o|s|r)-(?:\d+-)+[a-z0-9]+"),
        flags=re.IGNORECASE,
    ),
    LibraryForm(
        "slack", "SlackDetector", "Slack Token", _SLACK_HOOK, flags=re.IGNORECASE | re.VERBOSE
    ),
    LibraryForm(
        "square_oauth",
        "SquareOAuthDetector",
        "Square OAuth Secret",
        r"sq0csp-[0-9A-Za-z\\\-_]{43}",
    ),
    LibraryForm("stripe", "StripeDetector", "Stripe Access Key", r"(?:r|s)k_live_[0-9a-zA-Z]{24}"),
    LibraryForm("twilio", "TwilioKeyDetector", "Twilio API Key", r"AC[a-z0-9]{32}"),
    LibraryForm("twilio", "TwilioKeyDetector", "Twilio API Key", r"SK[a-z0-9]{32}"),
)
