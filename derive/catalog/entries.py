"""The records that the tables of the catalogue are made of.

An :class:`Elementwise` entry is callable: ``sigmoid(x)`` is a SymPy expression, an application
of a function class that is made from the entry, so that SymPy differentiates and prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sympy import Add, Derivative, DiracDelta, Expr, Function, Mul, Pow, S, Symbol

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.scalar import less, where

#: Stands for the function's own value in a readable derivative, as the output does in
#: ``tanh' = 1 - tanh^2``.
OUT = Symbol("OUT", real=True)


@dataclass(frozen=True)
class Lets:
    """A numerically stable form: named assignments in order, then the result.

    SymPy re-associates sums, so a form whose order of operations matters is a sequence of
    assignments to symbols rather than one expression.

    Attributes:
        assignments: symbols and what they stand for, in order.
        result: the value.
        doubles_only: whether it is an approximation that is good for double precision only.
    """

    assignments: tuple[tuple[Symbol, Expr], ...]
    result: Expr
    doubles_only: bool = False


#: Names of values at a kink, each as the weight of the slope above: of functions of one argument, and of two.
SIDES: Mapping[str, Expr] = {"left": S.Zero, "right": S.One, "middle": S.Half}
ARGUMENTS: Mapping[str, Expr] = {
    "shared": S.Half, "first": S.One, "last": S.Zero, "left": S.One, "right": S.Zero,
}  # fmt: skip


@dataclass(frozen=True)
class Kink:
    """Where a function of another formula takes over, ``low = high``.

    Attributes:
        low, high: expressions of the arguments.
        below: the derivative by each argument where ``high < low``.
        above: the derivative by each argument where ``low < high``.
        usual: the weight of ``above`` in the derivative at the kink, between 0 and 1.
        names: weights that have a name.
    """

    low: Expr
    high: Expr
    below: tuple[Expr, ...]
    above: tuple[Expr, ...]
    usual: Expr
    names: Mapping[str, Expr] = field(default_factory=lambda: SIDES)

    def derivative(self, position: int, weight: Expr) -> Expr:
        """The derivative by one argument, with this weight of ``above`` at the kink."""
        below, above = self.below[position], self.above[position]
        if weight == S.One:
            return where(less(self.high, self.low), below, above)
        if weight == S.Zero:
            return where(less(self.low, self.high), above, below)
        between = where(less(self.low, self.high), above, weight * above + (1 - weight) * below)
        return where(less(self.high, self.low), below, between)

    def slopes(self, values: Mapping[Expr, Expr]) -> tuple[Expr, Expr]:
        """The derivatives by the first argument on both sides of the kink, for these arguments."""
        first = next(iter(values))
        there = {**values, first: S.Zero} if self.low == S.Zero else values
        return self.below[0].xreplace(there).doit(), self.above[0].xreplace(there).doit()


@dataclass(frozen=True)
class Elementwise:
    """A scalar function applied entry by entry.

    Attributes:
        name: as written in a formula; further spellings in ``aliases``.
        args: its argument symbols, in order.
        define: the function as a SymPy expression of ``args``.
        about: one line of what it is.
        kind: "own" for a function class of ours, "sympy" where ``define`` is an application of
            the SymPy class that stands for the function, "macro" for a mere abbreviation that
            is replaced by ``define`` when it is read.
        derivative: optional readable derivative by each argument, in catalogue functions and
            :data:`OUT`; a claim that the tests prove against SymPy's derivative of ``define``.
        kinks: points (conditions on the arguments, in words) where the derivative does not
            exist, with the value used there.
        kink: the same as data, where that value can be chosen.
        stable: optional stable form for computation.
        defaults: values of trailing arguments that may be left out.
        latex: LaTeX with ``{0}``, ``{1}`` .. for the arguments.
        numpy, numba, mpmath: the function's name in each library, where the libraries have it;
            elsewhere the function is computed from ``stable`` or ``define``.
        positive, nonnegative: sign of the value for every real argument.
        sign_of: whether the value has a sign already where "any" or "all" arguments have it.
        domain: for each argument, the open interval it must lie in (``None`` for no bound).
        source: where the definition or stable form comes from.
    """

    name: str
    args: tuple[Symbol, ...]
    define: Expr
    about: str
    kind: Literal["own", "sympy", "macro"] = "own"
    derivative: tuple[Expr, ...] | None = None
    kinks: str = ""
    kink: Kink | None = None
    stable: Lets | None = None
    defaults: tuple[Expr, ...] = ()
    aliases: tuple[str, ...] = ()
    latex: str = ""
    numpy: str = ""
    numba: str = ""
    mpmath: str = ""
    positive: bool = False
    nonnegative: bool = False
    sign_of: Literal["", "any", "all"] = ""
    domain: tuple[tuple[float | None, float | None], ...] = ()
    source: str = ""

    @cached_property
    def function(self) -> type[Function]:
        """The SymPy function class whose applications stand for this entry."""
        if self.kind == "sympy":
            sympy_function: type[Function] = self.define.func
            return sympy_function
        return type(self.name, (CatalogFunction,), {"entry": self, "nargs": (len(self.args),)})

    @property
    def signature(self) -> str:
        """The call as documentation prints it, such as ``elu(x, a=1)``."""
        required = len(self.args) - len(self.defaults)
        defaults = ["", *(f"={value}" for value in self.defaults)]
        shown = (f"{symbol}{defaults[max(0, n - required + 1)]}" for n, symbol in enumerate(self.args))
        return f"{self.name}({', '.join(shown)})"

    def __call__(self, *values: Any) -> Expr:
        """The function at these arguments; trailing arguments may have defaults."""
        missing = len(self.args) - len(values)
        if missing < 0 or missing > len(self.defaults):
            raise TypeError(f"{self.name} takes {len(self.args)} arguments, got {len(values)}")
        filled = [S(value) for value in (*values, *self.defaults[len(self.defaults) - missing :])]
        return self.function(*filled) if self.kind == "own" else self.expanded(*filled)

    def expanded(self, *values: Expr) -> Expr:
        """The definition at these arguments."""
        return self.define.xreplace(dict(zip(self.args, values, strict=True)))


class CatalogFunction(Function):  # type: ignore[misc]
    """Base of the SymPy classes made from :class:`Elementwise` entries."""

    entry: Elementwise
    is_real = True
    is_finite = True

    @classmethod
    def eval(cls, *args: Expr) -> Expr | None:
        """Nothing is evaluated on construction, but at infinity: ``sigmoid(-oo)`` is 0."""
        if not any(arg in (S.Infinity, S.NegativeInfinity) for arg in args):
            return None
        limit = cls.entry.expanded(*args)
        return limit if limit.is_number and limit.is_finite else None

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative by one argument, for SymPy."""
        entry, position = self.entry, argindex - 1
        values = dict(zip(entry.args, self.args, strict=True))
        if entry.derivative is not None:
            return entry.derivative[position].xreplace({**values, OUT: self})
        return scalar_derivative(entry.define, entry.args[position]).xreplace(values)

    def _eval_evalf(self, prec: int) -> Expr | None:
        return self.entry.expanded(*self.args)._eval_evalf(prec)

    def _eval_is_positive(self) -> bool | None:
        return self._has_sign(self.entry.positive, [argument.is_positive for argument in self.args])

    def _eval_is_nonnegative(self) -> bool | None:
        always = self.entry.nonnegative or self.entry.positive
        return self._has_sign(always, [argument.is_nonnegative for argument in self.args])

    def _has_sign(self, always: bool, arguments: list[bool | None]) -> bool | None:
        enough = {"": lambda _: False, "any": any, "all": all}[self.entry.sign_of]
        return True if always or enough(arguments) else None


def _slope(body: Expr, symbol: Expr) -> Expr:
    """``body.diff(symbol)``, which asks besides whether each derivative on the way is zero, in ways that take long."""
    if not body.has(symbol):
        return S.Zero
    if isinstance(body, Add):
        return Add(*(_slope(arg, symbol) for arg in body.args))
    if isinstance(body, Mul):
        slopes = ((place, _slope(arg, symbol)) for place, arg in enumerate(body.args))
        return Add(*(Mul(*body.args[:place], slope, *body.args[place + 1 :]) for place, slope in slopes))
    if isinstance(body, Pow) and not body.exp.has(symbol):
        return body * (_slope(body.base, symbol) * body.exp / body.base)
    if type(body)._eval_derivative is Function._eval_derivative and len(body.args) == 1:
        return body.fdiff() * _slope(body.args[0], symbol)
    return body.diff(symbol)


def scalar_derivative(body: Expr, symbol: Expr) -> Expr:
    """The derivative of a scalar body by a symbol, jumps counting as constant.

    SymPy differentiates ``sign`` to a DiracDelta; almost everywhere that is zero, which is the
    convention for second derivatives at kinks.

    Raises:
        UnsupportedError: the derivative exists nowhere.
    """
    derivative = _slope(body, symbol)
    if derivative.has(Derivative):
        raise UnsupportedError(
            f"the derivative of {next(iter(derivative.atoms(Derivative))).expr.func.__name__} by its order is no "
            "function of the catalogue",
        )
    if derivative.has(DiracDelta):
        derivative = derivative.replace(DiracDelta, lambda *_: S.Zero)
    if derivative.has(S.NaN, S.ComplexInfinity):
        raise UnsupportedError("a part of the formula has no derivative anywhere", hint="0**x is such a part")
    return derivative
