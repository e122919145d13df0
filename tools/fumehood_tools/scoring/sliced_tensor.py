"""Tensors over the vocabulary that are computed a few rows at a time and are never whole.

sae-bench compares passes of the subject over all words of the vocabulary. For 8 texts of 128 tokens
and 49,152 words, each tensor of its formula takes 200 MB, and there are nine of them. So it gets
its logits as a `SlicedTensor`. torch calls this object instead of its own functions
(`__torch_function__`, https://pytorch.org/docs/stable/notes/extending.html), and it records
softmax, logarithms, differences and products instead of computing them. A sum over the vocabulary
then runs the recorded functions in the same order on a few rows at a time. These functions treat
each row separately, so the sums are bit for bit those of whole tensors; a test compares them. All
other functions get the whole tensor, which is computed for them.

Every SAE is compared with the same clean and ablated passes. Values that depend only on these have
a name, made of the functions and their arguments. Their sums are computed once. A large value that
is needed for every SAE is written to a file and read back from there.

B = texts, T = tokens per text, V = words in the vocabulary.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from fumehood_tools.scoring.row_file import RowFile

if TYPE_CHECKING:
    from torch import Tensor

# The size of one slice of one tensor. Measured at V = 49,152: slices of 0.8 to 25 MB take 0.6 times
# as long as whole tensors of 200 MB, which every function has to read from main memory again.
SLICE_BYTES = 4 << 20
ROWWISE = (torch.nn.functional.softmax, torch.log, torch.sub, torch.mul)

Memo = dict[int, "Tensor"]
"""Computed tensors of one slice, by the id of their SlicedTensor."""


class Logits(Protocol):
    """A source of rows of logits."""

    def rows(self, first: int, last: int) -> "Tensor":
        """Return rows first to last - 1 of the B x T rows, as [last - first, V].

        All of them must belong to the same text.
        """

    def losses(self) -> "Tensor":
        """Return the loss of every token but the last of each text: [B, T - 1]."""

    def release(self) -> None:
        """Free what was kept for neighboring rows."""


class SharedValues:
    """Values that are the same for every SAE: small ones in `small`, large ones in files.

    vocabulary: V or an estimate of it, which determines how many rows are computed at a time.
    """

    def __init__(
        self,
        small: "dict[str, Tensor]",
        vocabulary: int,
        most_bytes: int,
        folder: Path | None = None,
    ) -> None:
        self.small, self.vocabulary, self.folder = small, vocabulary, folder
        self.rows_per_slice = max(1, SLICE_BYTES // (4 * vocabulary))
        self._left, self._files = most_bytes, dict[str, RowFile | None]()

    def file(self, name: str, rows: int) -> RowFile | None:
        """Return the file for a large value; None if there is no room for it."""
        if name not in self._files:
            size = rows * 4 * self.vocabulary
            fits = size <= self._left
            self._files[name] = RowFile(self.folder) if fits else None
            self._left -= size if fits else 0
        return self._files[name]

    def give_up(self, name: str) -> None:
        """Stop using a file for this value."""
        self._files[name] = None


class SlicedTensor:
    """Takes the place of a tensor [B, T, V].

    name: an identifier if it is the same for every SAE, otherwise None. lasting: whether every SAE
    needs it, so that its softmax is stored in a file.
    """

    def __init__(
        self,
        shared: SharedValues,
        outer: "torch.Size",
        rows: "Callable[[int, int, Memo], Tensor]",
        sources: Sequence[Logits],
        *,
        name: str | None = None,
        lasting: bool = False,
    ) -> None:
        """outer: B and T. sources: the logits that it was computed from."""
        self.shared, self.outer, self.sources = shared, outer, sources
        self.name, self.lasting = name, lasting
        self._rows = rows

    @classmethod
    def of_logits(
        cls,
        shared: SharedValues,
        outer: "torch.Size",
        logits: Logits,
        *,
        name: str | None = None,
        lasting: bool = False,
    ) -> "SlicedTensor":
        """Return logits as a sliced tensor."""

        def rows(first: int, last: int, memo: Memo) -> "Tensor":
            return logits.rows(first, last)

        return cls(shared, outer, rows, [logits], name=name, lasting=lasting)

    def rows(self, first: int, last: int, memo: Memo) -> "Tensor":
        """Return some rows, computed once per slice."""
        if id(self) not in memo:
            memo[id(self)] = self._rows(first, last, memo)
        return memo[id(self)]

    def slices(self) -> "Iterator[Tensor]":
        """Yield all rows slice by slice, in order; no slice has rows of two texts."""
        texts, tokens = self.outer
        step = self.shared.rows_per_slice
        try:
            for text in range(texts):
                for first in range(text * tokens, (text + 1) * tokens, step):
                    yield self.rows(first, min(first + step, (text + 1) * tokens), {})
        finally:
            for source in self.sources:
                source.release()

    def value(self) -> "Tensor":
        """Return the whole tensor."""
        return torch.cat([*self.slices()]).view(*self.outer, -1)

    def sum(self, dim: int) -> "Tensor":
        """Return the sum over a dimension; over the vocabulary it is computed slice by slice."""
        if dim not in (-1, len(self.outer)):
            return self.value().sum(dim)
        small, name = self.shared.small, f"sum({self.name})"
        if self.name is not None and name in small:
            return small[name]
        found = torch.cat([part.sum(dim=-1) for part in self.slices()]).view(self.outer)
        if self.name is not None:
            small[name] = found
        return found

    def __sub__(self, other: Any) -> Any:
        return _call(torch.sub, self, other)

    def __mul__(self, other: Any) -> Any:
        return _call(torch.mul, self, other)

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Record a function that treats rows separately; compute any other one now."""
        named = dict(kwargs or {})
        sliced = [one for one in args if isinstance(one, SlicedTensor)]
        rowwise = function in ROWWISE and named.get("dim", -1) == -1
        if not rowwise or len(sliced) < len(args) or len({one.outer for one in sliced}) > 1:
            return _do(function, args, named)
        return _noted(function, sliced, named)


def _noted(
    function: Callable[..., Any], of: Sequence[SlicedTensor], named: Mapping[str, Any]
) -> SlicedTensor:
    """Return function(*of, **named), which is computed when its rows are needed."""
    names = [one.name for one in of]
    shared, lasting = of[0].shared, all(one.lasting for one in of)
    name = None if None in names else f"{function.__name__}({', '.join(map(str, names))})"
    outer = of[0].outer

    def compute(first: int, last: int, memo: Memo) -> "Tensor":
        found: Tensor = function(*(one.rows(first, last, memo) for one in of), **named)
        return found

    def through_file(first: int, last: int, memo: Memo) -> "Tensor":
        assert name is not None
        if (file := shared.file(name, outer.numel())) is None:
            return compute(first, last, memo)
        if (known := file.read(first, last)) is not None:
            return known
        found = compute(first, last, memo)
        try:
            file.write(first, found)
        except OSError:  # the disk is full
            shared.give_up(name)
        return found

    # Only the softmax is stored: it comes right after the subject's head, which is the costly part.
    kept = function is torch.nn.functional.softmax and lasting and name is not None
    sources = list(dict.fromkeys(source for one in of for source in one.sources))
    rows = through_file if kept else compute
    return SlicedTensor(shared, outer, rows, sources, name=name, lasting=lasting)


class PendingTensor:
    """Losses [B, T - 1] of a pass, computed when they are needed."""

    def __init__(self, shape: "torch.Size", make: "Callable[[], Tensor]") -> None:
        self.shape, self._make = shape, make

    def value(self) -> "Tensor":
        """Return the tensor, computed now."""
        return self._make()

    def __getitem__(self, index: Any) -> "Tensor":
        return self.value()[index]

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute the losses now and apply the function to them."""
        return _do(function, args, dict(kwargs or {}))


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _do(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    def plain(one: Any) -> Any:
        if isinstance(one, list | tuple):
            return type(one)(map(plain, one))
        return one.value() if isinstance(one, SlicedTensor | PendingTensor) else one

    return function(*map(plain, args), **{key: plain(value) for key, value in kwargs.items()})
