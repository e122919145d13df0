"""One child that answers requests for one method of a variant: encode, decode or skip.

Tensors are exchanged in two buffers of shared memory, which are copied before they are used.
Messages are short lines of JSON. Nothing that a child sends is trusted: its lines are bounded in
length and must repeat the request's ticket, and the buffer is checked whatever its message says.
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
from fumehood_tools.quoting import quoted
from fumehood_tools.scoring.latents import Latents, pack

if TYPE_CHECKING:
    from torch import Tensor

Role = Literal["encode", "decode", "skip"]

MOST_ROWS = 2048
MOST_BYTES = 64 << 20
LONGEST_ANSWER = 4096
LOOK_SECONDS = 0.1
# Normalized activations have a mean square norm of 1, BOS about a hundred times that. The limit
# leaves room for squares in float32.
LARGEST = 1e12
# Kinds of errors that our service inside the child may send instead of a result.
REFUSALS = ("output_shape", "output_dtype")


class Given(NamedTuple):
    """The checked files that a child may read: the variant's code and its weights.

    screening: the arithmetic in which kernels preselect latents. Results are exact in any case.
    """

    variant: Path
    weights: Path
    activation_dim: int
    dict_size: int
    screening: str = "float32"


def rows_per_request(dict_size: int) -> int:
    """Return the largest number of rows of a request. Their latents fit into 64 MiB."""
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
                # A new file gets a number, and its neighbours on the disk get others than without
                # it. So no child that has seen evaluation rows may make files.
                writes=False,
            )
        finally:
            for handle in handles:
                os.close(handle)
        self._rest = b""
        self._ready = False
        self._asked: tuple[int, str] | None = None

    def _spec(self, input_fd: int, output_fd: int) -> dict[str, Any]:
        """Return the child's arguments; fumehood_child/serve.py reads them."""
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
        """Return a checked copy of the child's answer to at most `self.rows` rows.

        Latents are bfloat16 and not negative, and -0.0 becomes 0.0. Raises RunFailed,
        IntegrityFailed.
        """
        self.ask(rows_ND)
        return self.checked(self.answer())

    def ask(self, rows_ND: "Tensor", order: "Tensor | None" = None) -> None:
        """Send a request of at most `self.rows` rows. Call `answer` before the next request.

        order: row numbers, in the order in which the child gets them; None: unchanged.
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
        """Return a copy of the answer to the last request. It still has to be `checked`.

        place: row numbers of the answer, in the order in which they are returned; None: unchanged.
        """
        assert self._asked is not None
        count, ticket = self._asked
        self._expect("done", ticket)
        self._asked = None
        # Copied first, because the child can still write to the buffer while we check it.
        answer = self._output[:count]
        return answer.clone() if place is None else answer.index_select(0, place)

    def checked(self, answer: "Tensor") -> "Tensor":
        """Return the answer after checking its values. Raises IntegrityFailed."""
        check_values(answer, self.role)
        return answer.abs_() if self.role == "encode" else answer

    def packed(self, answer: "Tensor") -> Latents:
        """Return the packed latents of an answer after checking its values.

        The same as pack(checked(answer)), but faster: if no sign bit is set, only active latents
        are checked. Raises IntegrityFailed.
        """
        import torch

        if answer.numel() and answer.view(torch.int16).numpy().min() < 0:
            return pack(self.checked(answer))
        f = pack(answer)
        check_values(f.value_A if f.dense_NF is None else f.dense_NF, self.role)
        return f

    def all(self, rows: "Tensor") -> Iterator["Tensor"]:
        """Yield the answers to any number of rows, one per request, in order."""
        for start in range(0, len(rows), self.rows):
            yield self(rows[start : start + self.rows])

    def _expect(self, key: str, value: Any) -> None:
        """Read one answer, which must be {key: value}. Raises RunFailed, IntegrityFailed."""
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
            raise self._garbled(f"{self.role} sent an answer that does not match the request")

    def _line(self) -> bytes:
        """Return the next line of the child. Raises RunFailed if it ended, IntegrityFailed."""
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
                raise self._garbled(f"an answer of {self.role} is longer than any valid one")
        line, self._rest = self._rest.split(b"\n", 1)
        if self._rest:
            raise self._garbled(f"{self.role} answered twice")
        return line

    def _garbled(self, measured: str) -> IntegrityFailed:
        cure = "Do not use file descriptors: only the evaluator's service may write answers."
        return IntegrityFailed("protocol", measured, cure)

    def _raise_end(self, outcome: ChildOutcome | None = None) -> NoReturn:
        """Raise an error that says why the child ended."""
        if outcome is None:
            outcome = self._child.poll()
        self._child.end()
        if self.limits.cpu_seconds is not None and self._child.outcome().limit == "cpu":
            raise IntegrityFailed(
                "work_budget",
                f"{self.role} used more than {self.limits.cpu_seconds:.0f} s of processor time, "
                "which counts as work of the training and exceeds what the training has left",
                "Let decode use the weights directly, and compute everything else during the "
                "training.",
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
            f"The {self.role} child died. Its last output (quoted, untrusted): "
            f"{outcome.output_tail[-600:]!r}. Do not exit the process; call check_variant."
        )

    def end(self) -> float:
        """Kill the child, wait for its end and return its processor time. Safe to call twice."""
        self._child.end()
        return self._child.outcome().processor_seconds or 0.0


def check_values(result: "Tensor", role: Role) -> None:
    """Raise IntegrityFailed for values that are not finite or are huge, and negative latents."""
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
