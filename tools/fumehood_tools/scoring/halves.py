"""The two children that hold an SAE's encoder and its decoder, seen as two functions.

Shapes: N = any number of rows, D = d_model, F = dictionary size. All in normalised space: the
caller divides activations by the training scale and multiplies reconstructions by it.
"""

import contextlib
import json
import math
import mmap
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from fumehood_tools.errors import RunFailed
from fumehood_tools.files import data_path
from fumehood_tools.glass import ChildLimits, GlassChild
from fumehood_tools.glass.start import shared_buffer

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 2048
SERVE = Path(__file__).with_name("serve_child.py")


class TrainedSAE(NamedTuple):
    """What a training child handed back: a file of code and a file of numbers."""

    variant: Path
    weights: Path
    activation_dim: int
    dict_size: int


class Half:
    """One child that answers encode or decode requests."""

    def __init__(
        self, role: Literal["encode", "decode"], sae: TrainedSAE, scratch: Path, limits: ChildLimits
    ) -> None:
        import torch

        self.role = role
        columns = {"float32": sae.activation_dim, "bfloat16": sae.dict_size}
        inside, outside = ("float32", "bfloat16") if role == "encode" else ("bfloat16", "float32")
        handles, buffers = [], []
        for kind in (inside, outside):
            dtype = getattr(torch, kind)
            handles.append(shared_buffer(ROWS * columns[kind] * dtype.itemsize))
            memory = mmap.mmap(handles[-1], ROWS * columns[kind] * dtype.itemsize)
            buffers.append(torch.frombuffer(memory, dtype=dtype).view(ROWS, columns[kind]))
        self._input, self._output = buffers
        self._child = GlassChild(
            self._argv(sae, handles),
            scratch=scratch,
            readable=[sae.weights],
            limits=limits,
            pipes=True,
            pass_fds=handles,
        )
        for handle in handles:
            os.close(handle)

    def _argv(self, sae: TrainedSAE, handles: list[int]) -> list[str]:
        spec = {
            "role": self.role,
            "template": str(data_path("sandbox_template") / "sae"),
            "variant": str(sae.variant),
            "weights": str(sae.weights),
            "activation_dim": sae.activation_dim,
            "dict_size": sae.dict_size,
            "rows": ROWS,
            "input": handles[0],
            "output": handles[1],
        }
        return [sys.executable, "-I", "-B", str(SERVE), json.dumps(spec)]

    def wait_until_ready(self) -> None:
        """Block until the child has loaded the variant. Raises RunFailed when it cannot."""
        self._answer()

    def __call__(self, rows: "Tensor") -> "Tensor":
        """Return the child's answer for float32 rows [N, in]: float32 [N, out].

        Raises RunFailed when the child fails, hangs, or answers with a non-finite value.
        """
        import torch

        out = torch.empty(len(rows), self._output.shape[1])
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            self._input[: len(part)] = part.to(self._input.dtype)
            with contextlib.suppress(BrokenPipeError):  # the answer below says why
                self._child.stdin.write(f"{len(part)}\n".encode())
                self._child.stdin.flush()
            self._answer()
            out[start : start + len(part)] = self._output[: len(part)]
        if not math.isfinite(float(out.sum())):
            raise RunFailed(
                f"{self.role} returned NaN or infinite values. "
                "Look for a division by 0, a log of 0 or an overflow; check_variant shows the line."
            )
        return out

    def _answer(self) -> None:
        """Read one line of the child's answer, or raise RunFailed with what is known."""
        while not select.select([self._child.stdout], [], [], 0.5)[0]:
            if (outcome := self._child.poll()) is not None:
                if outcome.timed_out:
                    raise RunFailed(
                        f"{self.role} did not answer within {outcome.seconds:.0f} s. Look for a "
                        "loop that does not end, or raise limits.score_minutes in sandbox.toml."
                    )
                if outcome.out_of_memory:
                    raise RunFailed(
                        f"{self.role} used more than {self._child.limits.memory_gb:g} GiB. Use "
                        "smaller tensors, or raise limits.memory_gb in sandbox.toml."
                    )
                break
        line = self._child.stdout.readline()
        if not line:
            self._child.end()
            raise RunFailed(
                f"The {self.role} child died. Its last words: {self._child.output_tail()[-600:]!r}"
            )
        if "error" in (content := json.loads(line)):
            raise RunFailed(
                f"{self.role} failed: {content['error']}. Mend it; check_variant helps."
            )

    def close(self) -> None:
        """End the child."""
        self._child.end()


class Halves:
    """Encoder and decoder of one trained SAE, each in a process of its own."""

    def __init__(self, sae: TrainedSAE, scratch: Path, limits: ChildLimits) -> None:
        self.encode = Half("encode", sae, scratch / "encode", limits)
        try:
            self.decode = Half("decode", sae, scratch / "decode", limits)
        except BaseException:
            self.close()
            raise

    def wait_until_ready(self) -> None:
        """Block until both have loaded the variant. Raises RunFailed when one cannot."""
        self.encode.wait_until_ready()
        self.decode.wait_until_ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End both children."""
        self.encode.close()
        if hasattr(self, "decode"):
            self.decode.close()
