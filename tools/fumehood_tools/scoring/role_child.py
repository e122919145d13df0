"""One child that answers requests for one method of a variant: encode, decode or skip.

Tensors cross in two buffers of shared memory, copied before they are looked at; words cross in
short lines. Nothing that a child says is believed: answers are bounded in length, must carry the
request's ticket, and the buffer is checked whatever the answer says.
"""

import json
import mmap
import os
import secrets
import select
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from fumehood_tools.errors import IntegrityFailed, RunFailed
from fumehood_tools.glass import ChildLimits, ChildOutcome, Nursery, shared_buffer
from fumehood_tools.scoring.latents import Latents, pack

if TYPE_CHECKING:
    from torch import Tensor

Role = Literal["encode", "decode", "skip"]

MOST_ROWS = 2048
MOST_BYTES = 64 << 20
LONGEST_ANSWER = 4096
MOST_QUOTED = 200
LOOK_SECONDS = 0.1
# Activations have unit mean square norm, BOS some hundred times that. Squares stay in float32.
LARGEST = 1e12
# Words that the child's own service may use for a result that it does not hand over.
REFUSALS = ("output_shape", "output_dtype")


class Given(NamedTuple):
    """What a child is given: a file of code and a file of numbers, both checked.

    screening: the arithmetic in which kernels may leave latents out; their results are exact.
    """

    variant: Path
    weights: Path
    activation_dim: int
    dict_size: int
    screening: str = "float32"


def rows_per_request(dict_size: int) -> int:
    """Return how many rows a request holds at most, so that its latents fit into 64 MiB."""
    return max(1, min(MOST_ROWS, MOST_BYTES // (2 * dict_size)))


class RoleChild:
    """A running child with one role. Answers float32 or bfloat16 rows, one request at a time."""

    def __init__(
        self, nursery: Nursery, role: Role, given: Given, scratch: Path, limits: ChildLimits
    ) -> None:
        import torch

        self.role, self.given, self.limits = role, given, limits
        self.rows = rows_per_request(given.dict_size)
        wide = (given.dict_size, torch.bfloat16)
        narrow = (given.activation_dim, torch.float32)
        sides = {"encode": (narrow, wide), "decode": (wide, narrow), "skip": (narrow, narrow)}
        handles, buffers = [], []
        for columns, dtype in sides[role]:
            size = self.rows * columns * dtype.itemsize
            handles.append(shared_buffer(size))
            memory = mmap.mmap(handles[-1], size)
            buffers.append(torch.frombuffer(memory, dtype=dtype).view(self.rows, columns))
        self._input, self._output = buffers
        try:
            self._child = nursery.start(
                "fumehood_child.serve",
                self._spec(*handles),
                scratch=scratch,
                limits=limits,
                readable=[given.variant, given.weights],
                pipes=True,
                pass_fds=handles,
            )
        finally:
            for handle in handles:
                os.close(handle)
        self._rest = b""
        self._ready = False
        self._asked: tuple[int, str] | None = None

    def _spec(self, input_fd: int, output_fd: int) -> dict[str, Any]:
        """Return what the child is told: see fumehood_child/serve.py."""
        return {
            "role": self.role,
            "variant": str(self.given.variant),
            "weights": str(self.given.weights),
            "activation_dim": self.given.activation_dim,
            "dict_size": self.given.dict_size,
            "rows": self.rows,
            "screening": self.given.screening,
            "input": input_fd,
            "output": output_fd,
        }

    def __call__(self, rows_ND: "Tensor") -> "Tensor":
        """Return the child's answer to at most `self.rows` rows: a copy, checked.

        Latents come back bfloat16, not negative, -0.0 as 0.0. Raises RunFailed, IntegrityFailed.
        """
        self.ask(rows_ND)
        return self.checked(self.answer())

    def ask(self, rows_ND: "Tensor", order: "Tensor | None" = None) -> None:
        """Send a request of at most `self.rows` rows; `answer` must be called before the next.

        order: the numbers of the rows in the order in which they are shown; None: as they are.
        """
        import torch

        count = len(rows_ND)
        assert count <= self.rows and self._asked is None
        if not self._ready:
            self._expect("ready", True)
            self._ready = True
        if order is None:
            self._input[:count] = rows_ND
        else:
            torch.index_select(rows_ND, 0, order, out=self._input[:count])
        ticket = secrets.token_hex(8)
        self._asked = count, ticket
        try:
            self._child.stdin.write(f"{count} {ticket}\n".encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            self._raise_end()

    def answer(self, place: "Tensor | None" = None) -> "Tensor":
        """Return a copy of the answer to the last request, to be looked at by `checked`.

        place: the rows of the request in the order in which they are wanted; None: as asked for.
        """
        assert self._asked is not None
        count, ticket = self._asked
        self._expect("done", ticket)
        self._asked = None
        # Copied first: the child can still write into the buffer while it is looked at.
        answer = self._output[:count]
        return answer.clone() if place is None else answer.index_select(0, place)

    def checked(self, answer: "Tensor") -> "Tensor":
        """Return an answer that holds nothing it may not hold. Raises IntegrityFailed."""
        check_values(answer, self.role)
        return answer.abs_() if self.role == "encode" else answer

    def packed(self, answer: "Tensor") -> Latents:
        """Return the latents of an answer that holds nothing it may not hold, packed.

        As pack(checked(answer)), but where no sign is set only the active latents are looked at.
        """
        import torch

        if answer.numel() and answer.view(torch.int16).numpy().min() < 0:
            return pack(self.checked(answer))
        f = pack(answer)
        check_values(f.value_A if f.dense_NF is None else f.dense_NF, self.role)
        return f

    def all(self, rows: "Tensor") -> Iterator["Tensor"]:
        """Yield the answers to any number of rows, request by request, in order."""
        for start in range(0, len(rows), self.rows):
            yield self(rows[start : start + self.rows])

    def _expect(self, key: str, value: Any) -> None:
        """Read one answer. Raises RunFailed with what is known when it is not the one expected."""
        line = self._line()
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise self._garbled(f"an answer of {self.role} is not a JSON object")
        if "error" in content:
            text, kind = quoted(content["error"]), content.get("kind")
            if kind in REFUSALS:
                cure = "x is [B, D], latents are [B, F]; return one float32 tensor."
                raise IntegrityFailed(str(kind), text, cure)
            raise RunFailed(f"{self.role} failed: {text}. Fix it; check_variant helps.")
        if content != {key: value}:
            raise self._garbled(f"{self.role} answered something that was not asked")

    def _line(self) -> bytes:
        """Return the next line of the child. Raises RunFailed at its end or at its limits."""
        handle = self._child.stdout.fileno()
        while b"\n" not in self._rest:
            if not select.select([handle], [], [], LOOK_SECONDS)[0]:
                if (outcome := self._child.poll()) is not None:
                    self._raise_end(outcome)
                continue
            chunk = os.read(handle, LONGEST_ANSWER)
            if not chunk:
                self._raise_end()
            self._rest += chunk
            if len(self._rest) > LONGEST_ANSWER:
                raise self._garbled(f"an answer of {self.role} is longer than any can be")
        line, self._rest = self._rest.split(b"\n", 1)
        if self._rest:
            raise self._garbled(f"{self.role} answered twice")
        return line

    def _garbled(self, measured: str) -> IntegrityFailed:
        cure = "Only the evaluator's service may write there: leave file descriptors alone."
        return IntegrityFailed("protocol", measured, cure)

    def _raise_end(self, outcome: ChildOutcome | None = None) -> NoReturn:
        """Raise the reason why the child is gone."""
        if outcome is None:
            outcome = self._child.poll()
        self._child.end()
        if self.limits.cpu_seconds is not None and self._child.outcome().limit == "cpu":
            raise IntegrityFailed(
                "work_budget",
                f"{self.role} used more than {self.limits.cpu_seconds:.0f} s of processor time: "
                "what it computes there would be more work than the training has left",
                "Let decode use the weights as they are: what has to be computed once belongs "
                "into the training.",
            )
        error = RunFailed(self._why(outcome or self._child.outcome()))
        error.limit = outcome.limit if outcome else None
        raise error

    def _why(self, outcome: ChildOutcome) -> str:
        if outcome.timed_out:
            return (
                f"{self.role} did not answer within {outcome.seconds:.0f} s. Look for a loop that "
                "does not end, or raise limits.score_minutes in sandbox.toml."
            )
        if outcome.out_of_memory:
            return (
                f"{self.role} used more than {self.limits.memory_gb:g} GiB. Use smaller tensors, "
                "or raise limits.memory_gb in sandbox.toml."
            )
        if outcome.limit is not None:
            return f"{self.role} was ended at its limit of {outcome.limit}. Use less of it."
        return (
            f"The {self.role} child died. Its last words (quoted, untrusted): "
            f"{outcome.output_tail[-600:]!r}. Leave out exits of its own; call check_variant."
        )

    def end(self) -> float:
        """Kill the child and wait for its end; return its processor seconds. Safe to call twice."""
        self._child.end()
        return self._child.outcome().processor_seconds or 0.0


def quoted(said: object) -> str:
    """Return what a child says of its failure, too short to hand a row of activations on."""
    text = str(said).encode("ascii", "replace").decode("ascii")
    return text if len(text) <= MOST_QUOTED else f"{text[: MOST_QUOTED - 30]} ... {text[-25:]}"


def check_values(result: "Tensor", role: Role) -> None:
    """Raise IntegrityFailed for values that are not finite or huge, and for negative latents."""
    import math

    if result.numel() == 0:
        return
    low, high = (float(bound) for bound in result.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)) or max(-low, high) > LARGEST:
        raise IntegrityFailed(
            "output_finite",
            f"{role} returned NaN, infinite or huge values ({low:.3g} to {high:.3g})",
            "Look for a division by 0, a log of 0 or an overflow; check_variant shows the line.",
        )
    if role == "encode" and low < 0:
        raise IntegrityFailed(
            "output_sign",
            f"encode returned negative latents (the lowest is {low:.3g})",
            "Latents are not negative here: end encode with relu, and use two latents for a "
            "direction and its opposite.",
        )
