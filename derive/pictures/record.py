"""A computation graph as data: what stands on the nodes and on the edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["input", "quantity", "output"]


@dataclass(frozen=True)
class Numbers:
    """What is shown of an array: a scalar has its value, any other array its mean and its norm.

    Attributes:
        mean: the mean of the entries; of a scalar its value.
        norm: the root of the sum of squares.
        scalar: whether there is only one entry and no axis.
    """

    mean: float
    norm: float
    scalar: bool

    @property
    def text(self) -> str:
        """The numbers in short."""
        return f"{self.mean:.4g}" if self.scalar else f"mean {self.mean:.3g}, norm {self.norm:.3g}"


@dataclass(frozen=True)
class Node:
    """An input or a quantity of a formula.

    Attributes:
        name: its name.
        kind: whether it is given, in between, or the value of the formula.
        text: how it is made of the others; of an input its domain.
        shape: the length of each axis.
        label: how derivations call it, if not by its name: a nameless ``inv(A)``.
        symbol: the derivative of the output by it, ``dL/dz``, if adjoints flow back to it.
        adjoint: the name that derivations give this derivative, if any.
        derivative: the derivative as it results, if it was asked for.
        value, slope: numbers of the quantity and of its adjoint, at given inputs.
    """

    name: str
    kind: Kind
    text: str
    shape: tuple[str, ...] = ()
    label: str = ""
    symbol: str = ""
    adjoint: str = ""
    derivative: str = ""
    value: Numbers | None = None
    slope: Numbers | None = None

    @property
    def lengths(self) -> str:
        """The shape as a tuple; nothing for a scalar."""
        return f"({self.shape[0]},)" if len(self.shape) == 1 else f"({', '.join(self.shape)})" if self.shape else ""

    @property
    def title(self) -> str:
        """The first line: the name and the shape; of an input also the domain."""
        axes = f"[{', '.join(self.shape)}]" if self.shape else ""
        return f"{self.name}: {self.text}{axes}" if self.kind == "input" else f"{self.called} {self.lengths}".rstrip()

    @property
    def called(self) -> str:
        """How it is called."""
        return self.label or self.name

    @property
    def right(self) -> str:
        """What it is equal to, if the name does not say that."""
        return "" if self.kind == "input" or self.label else self.text

    @property
    def backward(self) -> str:
        """What flows back to it: ``delta = dL/dz``, ``dL/dw = X.T @ delta``."""
        sides = (self.adjoint, self.symbol, self.derivative)
        return " = ".join(side for side in sides if side)


@dataclass(frozen=True)
class Edge:
    """A quantity that another one reads.

    Attributes:
        source, target: what is read, and who reads it.
        shape: of what is read.
        local: how an entry of the target moves with an entry of the source, ``dz[i]/dw[j] = X[i,j]``,
            one equation for each way in which it is read.
        back: whether adjoints flow back along it.
    """

    source: str
    target: str
    shape: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    back: bool = False

    @property
    def lengths(self) -> str:
        """The shape as a tuple; of a scalar the empty one."""
        return f"({self.shape[0]},)" if len(self.shape) == 1 else f"({', '.join(self.shape)})"
