"""Values that are the same for every SAE, computed when somebody first needs them.

sae-bench compares the clean and the ablated pass anew for every SAE, over all words of the
vocabulary. Here a pass is handed over as a `CachedTensor`: what is computed from nothing but known
values is known too, under a name made of what was done to what, and is made once. What is computed
from a known value and another one is computed as ever, by the same code and from the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

# Results up to this size are kept in any case: they are what sae-bench ends with.
SMALL_BYTES = 1 << 20


class TensorCache:
    """Known values by name: small ones in `small`, large ones up to `most_bytes` together."""

    def __init__(self, most_bytes: int, small: "dict[str, Tensor]") -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self.small = small
        self._large: dict[str, Tensor] = {}

    def get(self, name: str, make: "Callable[[], Tensor]", *, keep: bool) -> "Tensor":
        """Return the value of this name, made now if it is not there; `keep`: though large."""
        if (found := self.small.get(name, self._large.get(name))) is not None:
            return found
        value = make()
        if value.nbytes <= SMALL_BYTES:
            self.small[name] = value
        elif keep and self.bytes + value.nbytes <= self.most_bytes:
            self._large[name] = value
            self.bytes += value.nbytes
        return value


class CachedTensor:
    """Stands where a tensor is expected; torch's functions ask it what to do.

    lasting: whether what is computed from it will be wanted beside unknown values, and is kept.
    """

    def __init__(
        self, shelf: TensorCache, name: str, make: "Callable[[], Tensor]", *, lasting: bool
    ) -> None:
        self.shelf, self.name, self.lasting = shelf, name, lasting
        self._make = make

    def value(self) -> "Tensor":
        """Return the tensor, made now."""
        return self._make()

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what torch was asked for: later, where all is known; now, where it is not."""
        named = dict(kwargs or {})
        every = [*args, *named.values()]
        if any(isinstance(one, torch.Tensor) for one in every):
            return _do(function, args, named)
        known = [one for one in every if isinstance(one, CachedTensor)]
        told = [one.name if isinstance(one, CachedTensor) else repr(one) for one in args]
        told += [f"{key}={value!r}" for key, value in named.items()]
        return _Computed(
            known[0].shelf,
            f"{function.__name__}({', '.join(told)})",
            lambda: _do(function, args, named),
            lasting=all(one.lasting for one in known),
        )

    def __sub__(self, other: Any) -> Any:
        return _call(torch.sub, self, other)

    def __mul__(self, other: Any) -> Any:
        return _call(torch.mul, self, other)

    def sum(self, dim: int) -> Any:
        """Return the sum over a dimension: known as well."""
        return _call(torch.sum, self, dim=dim)

    def __getitem__(self, index: Any) -> "Tensor":
        return self.value()[index]

    @property
    def shape(self) -> "torch.Size":
        """The tensor's shape."""
        return self.value().shape


class _Computed(CachedTensor):
    """What was computed from known values: it may be on the shelf."""

    def value(self) -> "Tensor":
        """Return the tensor, made now if it is not there."""
        return self.shelf.get(self.name, self._make, keep=self.lasting)


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _do(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    def plain(one: Any) -> Any:
        return one.value() if isinstance(one, CachedTensor) else one

    return function(*map(plain, args), **{key: plain(value) for key, value in kwargs.items()})
