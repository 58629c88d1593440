"""Sanity checks as records, and the question that they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Program
from chainrule.derive.render.page import Line, Shown

Kind = Literal["vanishes", "beyond", "shift", "scale", "semidefinite", "value", "limit"]


@dataclass(frozen=True)
class Check:
    """A sanity check of a result.

    Attributes:
        kind: what it is about: where the result ``vanishes``; what is left of it ``beyond`` a switch or a
            large margin; the sum of its entries, from a ``shift`` of the variable; Euler's identity, from its
            ``scale``; a Hessian that is ``semidefinite``; the ``value`` where the variables are zero; a ``limit``.
        line: the statement, and where or why it holds.
    """

    kind: Kind
    line: Line

    @property
    def statement(self) -> str:
        """The statement as plain text."""
        return self.line.right.text

    @property
    def reason(self) -> str:
        """Where or why it holds."""
        return "".join(part if isinstance(part, str) else part.text for part in self.line.note)

    @property
    def latex(self) -> str:
        """The statement in LaTeX."""
        return self.line.right.latex

    def __str__(self) -> str:
        return f"{self.statement}    {self.reason}"


@dataclass(frozen=True)
class Question:
    """What was derived.

    Attributes:
        goal: which derivative.
        formula: the program that was differentiated.
        output: its value.
        variables: by what.
        program: the program of the results, its outputs in order.
        symbols: the symbol of each output.
        entrywise: whether the results are derivatives by all entries of the variables.
    """

    goal: str
    formula: Program
    output: str
    variables: tuple[str, ...]
    program: Program
    symbols: Mapping[str, Shown]
    entrywise: bool

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The variables with their derivatives; of second derivatives, of the only variable."""
        return list(zip(self.variables, self.program.outputs, strict=False))

    @property
    def of_one(self) -> bool:
        """Whether there is one variable."""
        return len(self.variables) == 1

    def rank(self, variable: str) -> int:
        """The number of axes of a variable, or of the formula's value."""
        return len(self.formula.by_name[variable].shape)

    def depends(self, variables: Sequence[str], result: str) -> bool:
        """Whether a result depends on variables."""
        return result in reached(self.program, frozenset(variables))

    def result(self, name: str) -> Definition:
        """A result by its name."""
        item = self.program.by_name[name]
        assert isinstance(item, Definition)
        return item


def check(kind: Kind, statement: Shown, *note: str | Shown) -> Check:
    """A statement, and where or why it holds."""
    return Check(kind, Line(statement, (), (*note, ".") if note else ()))
