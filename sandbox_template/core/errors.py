"""What is said to the author of a variant: what broke, on which line, what to write instead."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path


class VariantError(Exception):
    """A variant does not do what the sandbox asks of it.

    rule: what happened, one sentence without the final stop. instead: what to write, likewise.
    line: in the variant's file, None when it cannot be known. kind: "variant", or "data" when the
    variant is not to blame.
    """

    def __init__(
        self, rule: str, instead: str, line: int | None = None, kind: str = "variant"
    ) -> None:
        super().__init__(f"line {line or '?'}: {rule}. Instead: {instead}.")
        self.rule, self.instead, self.line, self.kind = rule, instead, line, kind

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the content of error.json."""
        return {
            "rule": self.rule,
            "instead": self.instead,
            "line": self.line,
            "kind": self.kind,
        }


# Part of a message -> what to do about it. The first that fits is taken.
REMEDIES = (
    (
        "got an unexpected keyword argument",
        "take *args, **kwargs and pass them on to super().__init__",
    ),
    ("missing 1 required positional", "give every further argument a default value"),
    ("does not require grad", "compute the loss from self.ae(x), without .detach() or no_grad"),
    ("inplace operation", "do not change tensors in place (+=, [...] =); make new ones"),
    ("can't allocate memory", "compute on active latents or a sample, never an F x F matrix"),
    ("not enough memory", "compute on active latents or a sample, never an F x F matrix"),
    ("cannot assign module before Module.__init__", "call super().__init__ first"),
    ("cannot assign parameters before Module.__init__", "call super().__init__ first"),
    ("mat1 and mat2 shapes", "check the shapes: x is [B, D], latents [B, F]"),
    ("shape", "check the shapes: x is [B, D], latents [B, F]"),
    ("size of tensor", "check the shapes: x is [B, D], latents [B, F]"),
    ("k must be from 1 to", "set K to at least 1 and at most dict_size, or raise dict_size"),
    ("out of range", "check the shapes: x is [B, D], latents [B, F]; k is at most F"),
    (
        "unsupported operand type(s) for *: 'NoneType'",
        "compute the loss from self.ae(x): now no gradient reaches the decoder",
    ),
    ("has no attribute", "set it in the class's __init__ before it is used, or check its name"),
    ("No module named", "import only torch, numpy, einops, dictionary_learning and core"),
)


def remedy_for(message: str) -> str:
    """Return what to do about an exception with this message."""
    found = (cure for part, cure in REMEDIES if part in message)
    return next(found, "mend that line; check_variant tries it in seconds")


def line_of(error: BaseException, path: Path | str) -> int | None:
    """Return the innermost line of the file `path` that an exception came through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return lines[-1] if lines else None


@contextlib.contextmanager
def blaming(path: Path | str, doing: str, line: int | None = None) -> Iterator[None]:
    """Turn whatever a variant's code raises while `doing` into a VariantError with its line.

    `line` is used when the exception passed through no line of the file.
    """
    try:
        yield
    except VariantError:
        raise
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {error}".strip().rstrip(".")[:400]
        rule = f"{doing} raised {' '.join(text.split())}"
        raise VariantError(rule, remedy_for(text), line_of(error, path) or line) from error
