"""What is declared: definitions, constants, moments, independence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sympy import Add, Expr, Indexed, S, Symbol, Tuple, binomial

from chainrule.learning.expectation.nodes import (
    ANY,
    Covariance,
    Deviation,
    Expect,
    Over,
    Variable,
    Variance,
    expect,
    is_opaque,
)

#: The index letter of a family (``None`` for a single variable) and a value in which it may occur.
Value = tuple[Symbol | None, Expr]


@dataclass(frozen=True)
class Setting:
    """What is declared of names.

    Attributes:
        text: the declarations as they were given.
        definitions: names that stand for expressions.
        random: the random variables; every other name is a constant.
        families: the random variables that have members, ``x_i``.
        upper: how far each index runs.
        moments: declared ``E[x^k]`` by name and order.
        central: declared ``E[(x - E[x])^k]`` by name and order.
        covariances: declared by pairs of names (two members of one family: the name twice).
        conditional: declared ``E[x | given]`` by name.
        spreads: declared ``Var[x | given]`` by name.
        independent: pairs of independent names.
        rows: families whose members are independent of each other.
        laws: the distributions that were named, with their parameters.
    """

    text: tuple[str, ...] = ()
    definitions: Mapping[str, Value] = field(default_factory=dict)
    random: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    upper: Mapping[str, Expr] = field(default_factory=dict)
    moments: Mapping[tuple[str, int], Value] = field(default_factory=dict)
    central: Mapping[tuple[str, int], Value] = field(default_factory=dict)
    covariances: Mapping[tuple[str, str], tuple[Symbol | None, Symbol | None, Expr]] = field(default_factory=dict)
    conditional: Mapping[str, tuple[frozenset[str], Expr]] = field(default_factory=dict)
    spreads: Mapping[str, tuple[frozenset[str], Expr]] = field(default_factory=dict)
    independent: frozenset[frozenset[str]] = frozenset()
    rows: frozenset[str] = frozenset()
    laws: Mapping[str, tuple[str, tuple[Expr, ...]]] = field(default_factory=dict)

    def upper_of(self, index: Symbol) -> Expr:
        """How far an index runs: as declared, as the only one declared, or ``n``."""
        if index.name in self.upper:
            return self.upper[index.name]
        return next(iter(self.upper.values()), Symbol("n", real=True))

    def is_variable(self, expr: Expr) -> bool:
        """Whether an expression is a random variable by itself."""
        return name_of(expr) in self.random

    def variables(self, expr: Expr) -> frozenset[Variable]:
        """The random variables that an expression is a function of."""
        if isinstance(expr, Symbol | Indexed):
            return frozenset([(name_of(expr), index_of(expr))]) if self.is_variable(expr) else frozenset()
        if isinstance(expr, Expect | Variance | Covariance):
            return self.all_variables(expr.args[-1])
        if isinstance(expr, Over):
            bound = set(expr.args[1])
            return frozenset((name, ANY if index in bound else index) for name, index in self.variables(expr.args[0]))
        return self.all_variables(expr.args)

    def all_variables(self, exprs: Iterable[Expr]) -> frozenset[Variable]:
        """The random variables that any of the expressions is a function of."""
        return frozenset().union(*map(self.variables, exprs))

    def is_random(self, expr: Expr) -> bool:
        """Whether an expression depends on chance."""
        return bool(self.variables(expr))

    def is_atom(self, expr: Expr) -> bool:
        """Whether the algebra takes an expression for a random variable of its own."""
        return (self.is_variable(expr) or isinstance(expr, Deviation)) or (
            (is_opaque(expr) or isinstance(expr, Expect | Variance | Covariance)) and self.is_random(expr)
        )

    def dependent(self, left: Variable, right: Variable) -> bool:
        """Whether two variables may depend on each other."""
        (name, index), (other, place) = left, right
        apart = index is not None and place is not None and ANY not in (index, place) and index != place
        if name == other:
            return not (apart and name in self.rows)
        if frozenset([name, other]) in self.independent:
            return False
        return not (apart and name in self.rows and other in self.rows)

    def may_depend(self, left: Expr, right: Expr) -> bool:
        """Whether two expressions may depend on each other."""
        return any(self.dependent(u, v) for u in self.variables(left) for v in self.variables(right))

    def mean(self, expr: Expr) -> Expr:
        """``E[x]`` of a variable: as declared, else the expectation."""
        found = self.moment(expr, 1)
        return expect(expr) if found is None else found

    def moment(self, expr: Expr, order: int) -> Expr | None:
        """The declared ``E[x^order]``."""
        return _value(self.moments, expr, order)

    def raw_moment(self, expr: Expr, order: int) -> Expr | None:
        """The declared ``E[x^order]``, or ``sum_j C(order, j) m_j E[x]^(order - j)`` by central moments ``m_j``."""
        declared, mean = self.moment(expr, order), self.moment(expr, 1)
        if declared is not None or mean is None:
            return declared
        terms = []
        for j in (0, *range(2, order + 1)):
            central = S.One if j == 0 else self.central_moment(expr, j)
            if central is None:
                return None
            terms.append(binomial(order, j) * central * mean ** (order - j))
        return Add(*terms)

    def central_moment(self, expr: Expr, order: int) -> Expr | None:
        """The declared ``E[(x - E[x])^order]``, also by the definition of the variance."""
        found = _value(self.central, expr, order)
        if found is None and order == 2:
            first, second = self.moment(expr, 1), self.moment(expr, 2)
            return None if first is None or second is None else second - first**2
        return found

    def covariance(self, left: Expr, right: Expr) -> Expr | None:
        """The declared covariance of two variables."""
        for one, two in ((left, right), (right, left)):
            found = self.covariances.get((name_of(one), name_of(two)))
            if found:
                pairs = zip(found[:2], (index_of(one), index_of(two)), strict=True)
                return found[2].xreplace({old: new for old, new in pairs if old is not None and new is not None})
        return None

    def conditional_mean(self, expr: Expr, given: Tuple) -> Expr | None:
        """The declared ``E[x | given]``."""
        return _known_given(self.conditional, expr, given)

    def conditional_variance(self, expr: Expr, given: Tuple) -> Expr | None:
        """The declared ``Var[x | given]``."""
        return _known_given(self.spreads, expr, given)


def name_of(expr: Expr) -> str:
    """The name of a variable; empty for other expressions."""
    if isinstance(expr, Indexed):
        return str(expr.base.label)
    return expr.name if isinstance(expr, Symbol) else ""


def index_of(expr: Expr) -> Symbol | None:
    """The index of a member of a family."""
    return expr.indices[0] if isinstance(expr, Indexed) else None


def _known_given(table: Mapping[str, tuple[frozenset[str], Expr]], expr: Expr, given: Tuple) -> Expr | None:
    found = table.get(name_of(expr))
    return found[1] if found and found[0] == {name_of(item) for item in given} else None


def _value(table: Mapping[tuple[str, int], Value], expr: Expr, order: int) -> Expr | None:
    found = table.get((name_of(expr), order))
    if found is None:
        return None
    index, value = found
    place = index_of(expr)
    return value if index is None or place is None else value.xreplace({index: place})
