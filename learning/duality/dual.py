"""Duals, derived: the Lagrangian of ``min sum_i h(m_i) + g(w)`` with ``m = s (X w + b)``, minimised part by part.

What is left is ``max_a -sum_i h*(-a_i) - g*(X' (s a))``, with the domains of the conjugates as constraints.
Sources: Rockafellar, Convex Analysis (1970), section 31; Boyd and Vandenberghe (2004), section 5.7.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import minimize
from sympy import Expr

from chainrule.derive.binding import check_names, declaration
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, as_formula, formula
from chainrule.derive.goals import gradient, variables
from chainrule.derive.program import Definition, Input, Program, Ref, bound_index, free_index, fresh_names
from chainrule.derive.scalar import less_equal, where
from chainrule.derive.stationary import solve_stationary
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS
from chainrule.learning.duality.cases import Scalar, U, scalar_conjugate
from chainrule.learning.duality.conjugate import of_norms
from chainrule.learning.duality.split import Split, split
from chainrule.learning.optimality.kkt import Kkt, kkt
from chainrule.learning.optimality.numbers import Work

#: How far inside of the domain of a logarithm SciPy stays.
INSIDE = 1e-10


@dataclass(frozen=True)
class Dual:
    """The dual of a loss of linear scores with a penalty.

    Attributes:
        parts: the objective, taken apart.
        loss, penalty: the conjugates of one loss and of the penalty.
        variable: the name of the dual variable.
    """

    parts: Split
    loss: Scalar
    penalty: Scalar
    variable: str

    @property
    def primal(self) -> Formula:
        """The objective that is minimised."""
        return self.parts.formula

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of the dual: the data and parameters, and the dual variable."""
        gone = {self.parts.weights, self.parts.intercept}
        kept = tuple(item for item in self.primal.inputs if item.name not in gone)
        (rows,) = self.parts.scores.shape
        bounded = self.loss.high == 0 and bool(self.parts.labels)
        text = f"{self.variable}: {'nonnegative' if bounded else 'real'}[{rows}]; {self.variable}"
        return (*kept, *formula(text).inputs)

    @cached_property
    def combination(self) -> Definition:
        """``v = X' (s a)``: what the weights are a function of."""
        scores, (i, k) = self.parts.scores, (free_index(0), bound_index(0))
        data = next(ref for ref in scores.refs if ref.name == self.parts.data)
        entry = data.xreplace({i: sp.Dummy("k"), k: i})
        (moved,) = entry.atoms(sp.Dummy) or (k,)
        body = entry.xreplace({moved: k}) * Ref(self._input(self.variable).head, k)
        if self.parts.labels:
            body *= Ref(self._input(self.parts.labels).head, k)
        return Definition(self._fresh("v"), scores.bound, body, "sum", scores.shape)

    def _input(self, name: str) -> Input:
        return next(item for item in self.inputs if item.name == name)

    def _fresh(self, stem: str) -> str:
        return next(fresh_names({*self.primal.program.by_name, self.variable}, stem))

    @cached_property
    def objective(self) -> Formula:
        """What is maximised."""
        return self._built(_folded(self.loss), self.inputs, {})

    def _built(self, loss: Expr, inputs: tuple[Input, ...], values: Mapping[Expr, Expr]) -> Formula:
        """The dual objective with a conjugate of the loss, in which further symbols stand for entries."""
        a, v = self._input(self.variable), self.combination
        place = {U: -a[(bound_index(0),)], **values}
        rows = self.parts.scores.shape
        first = Definition(self._fresh("s"), (), self._entry(-loss, place), "sum", rows)
        second, square = self._of_penalty(v)
        total: Expr = first[()]
        definitions = [first, v, *square]
        if second is not None:
            definitions.append(second)
            total = total + second[()]
        elif square:
            value = -_folded(self.penalty).xreplace({U: sp.sqrt(square[-1][()])})
            total = total + self._entry(value, {})
        name = self._fresh("D")
        definitions.append(Definition(name, (), total, origin="named"))
        return Formula(Program(inputs, tuple(definitions), (name,)).pruned())

    def _of_penalty(self, v: Definition) -> tuple[Definition | None, list[Definition]]:
        """The conjugate of the penalty as a sum, or the squared norm that it is a function of."""
        k = bound_index(0)
        if _folded(self.penalty) == 0:
            return None, []
        if self.parts.radial:
            return None, [Definition(self._fresh("q"), (), v[(k,)] ** 2, "sum", v.shape, "nonnegative")]
        body = self._entry(-_folded(self.penalty), {U: v[(k,)]})
        return Definition(self._fresh("r"), (), body, "sum", v.shape), []

    def _entry(self, body: Expr, values: Mapping[Expr, Expr]) -> Expr:
        """An expression with entries of the inputs in place of symbols."""
        known = {symbol: Ref(self._input(ref.name).head, *ref.indices) for symbol, ref in self.parts.entries.items()
                 if ref.name in {item.name for item in self.inputs}}  # fmt: skip
        return body.xreplace({**known, **values})

    # ---- constraints -----------------------------------------------------------------------------------------------

    @cached_property
    def constraints(self) -> tuple[str, ...]:
        """The domains of the conjugates, and the equation of the intercept, as texts."""
        found = [_between(self.variable, *(self._text(end) for end in (-self.loss.high, -self.loss.low)))]
        found.append(self._of_combination())
        if self.parts.intercept:
            labels = self.parts.labels
            found.append(f"{self.variable} @ {labels} = 0" if labels else f"sum({self.variable}) = 0")
        return tuple(text for text in found if text)

    def _of_combination(self) -> str:
        low, high = self.penalty.low, self.penalty.high
        if self.parts.radial:
            return f"norm({self.combined})**2 <= {self._text(high**2)}" if high != sp.oo else ""
        return _between(self.combined, self._text(low), self._text(high))

    @property
    def combined(self) -> str:
        """``X.T @ (s*a)`` as text."""
        product = f"({self.variable}*{self.parts.labels})" if self.parts.labels else self.variable
        data = next(ref for ref in self.parts.scores.refs if ref.name == self.parts.data)
        first = data.indices[0] == free_index(0)
        return f"{self.parts.data}{'.T' if first else ''} @ {product}"

    def _text(self, end: Expr) -> str:
        """A bound in the notation; nothing for an infinite one."""
        if end in (sp.oo, -sp.oo):
            return ""
        names = {symbol: sp.Symbol(ref.name) for symbol, ref in self.parts.entries.items()}
        return str(sp.simplify(end).xreplace(names))

    # ---- the way back ---------------------------------------------------------------------------------------------

    @property
    def declared(self) -> str:
        """The declarations of the dual's inputs."""
        return "; ".join(map(declaration, self.inputs))

    @cached_property
    def weights(self) -> Formula | None:
        """The weights by the dual variable, where the conjugate of the penalty has a slope everywhere."""
        if self.parts.radial or (self.penalty.low, self.penalty.high) != (-sp.oo, sp.oo):
            return None
        v = self.combination
        places = [(case, case.place) for case in self.penalty.cases]
        body = self._entry(_chosen(places), {U: v[(free_index(0),)]})
        name = self._fresh(f"{self.parts.weights}_")
        definition = Definition(name, v.shape, body, origin="named")
        return Formula(Program(self.inputs, (v, definition), (name,)))

    @cached_property
    def problem(self) -> Kkt | None:
        """The dual as a smooth problem under constraints; ``None`` if it has no constraint.

        Absolute values of the dual variable become a variable of their own that is not smaller.
        """
        if not self.constraints:
            return None
        loss, size = _folded(self.loss), self._fresh("size")
        text, wrt, limits = f"{self.declared}; {self.objective.matrix()}", [self.variable], [*self.constraints]
        if loss.has(sp.Abs(U)):
            (item,) = formula(f"{size}: real[{self.parts.scores.shape[0]}]; {size}").inputs
            free = sp.Dummy("t", real=True)
            values = {free: item[(bound_index(0),)]}
            smooth = self._built(loss.xreplace({sp.Abs(U): free}), (*self.inputs, item), values)
            text, wrt = f"{self.declared}; {declaration(item)}; {smooth.matrix()}", [self.variable, size]
            limits += [f"{self.variable} <= {size}", f"-{size} <= {self.variable}"]
        return kkt(text, wrt, limits, maximise=True)

    @cached_property
    def closed(self) -> Formula | None:
        """The dual variable in closed form, where the dual has no constraint and its gradient is linear."""
        if self.constraints:
            return None
        try:
            return solve_stationary(self.objective, self.variable).solution[self.variable]
        except ChainruleError:
            return None

    def solve(self, data: Mapping[str, Any]) -> Solved:
        """The dual solved for data, by SciPy or in closed form, with the weights that belong to it."""
        given = {name: np.asarray(value) for name, value in data.items()}
        check_names([item.name for item in self.inputs if item.name != self.variable], list(given))
        closed = self.closed
        a, multipliers = (np.asarray(closed.evaluate(**given)), {}) if closed is not None else self._largest(given)
        weights, intercept = self._recovered(given, a, multipliers)
        unknowns = {self.parts.weights: weights} | ({self.parts.intercept: intercept} if self.parts.intercept else {})
        height = self.objective.evaluate(**given, **{self.variable: a})
        return Solved(a, unknowns, float(self.primal.evaluate(**given, **unknowns)), float(height))

    def _box(self, data: Mapping[str, Any]) -> tuple[Any, Any]:
        """The bounds of the dual variable, a little inside of them where the conjugate has no slope at its end."""
        rows = np.shape(data[self.parts.data])[0 if self.combined.startswith(f"{self.parts.data}.T") else 1]
        ends = []
        for end, side in ((-self.loss.high, 1), (-self.loss.low, -1)):
            text = self._text(end)
            inputs = "; ".join(declaration(item) for item in self.primal.inputs if item.name in data)
            value = formula(f"{inputs}; {text}").evaluate(**data) if text else np.inf * -side
            ends.append(np.broadcast_to(np.asarray(value, dtype=float), rows) + side * INSIDE * self._is_open)
        return ends[0], ends[1]

    @property
    def _is_open(self) -> bool:
        return any(case.value.has(sp.log) for case in self.loss.cases)

    def _largest(self, data: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        """The maximiser of the dual by SciPy on derived gradients, and the multipliers of its constraints."""
        low, high = self._box(data)
        start = _inside(low, high)
        if self.problem is None:
            return self._highest(data, start), {}
        posed = self.problem.problem
        first = {self.variable: start} | {name: np.abs(start) + 0.5 for name in posed.wrt[1:]}
        work = Work(posed, {**data, **first})
        own = _single(_between(self.variable, self._text(-self.loss.high), self._text(-self.loss.low)))
        used = [item for item in posed.constraints if item.text not in own]
        box = [*zip(low, high, strict=True), *[(None, None)] * (start.size * (len(posed.wrt) - 1))]
        found = minimize(
            work.value, work.vector(first), jac=work.gradient, bounds=box, constraints=work.rules(used), method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        return np.clip(found.x[: start.size], low, high), work.multipliers(found.x)

    def _highest(self, data: Mapping[str, Any], start: Any) -> Any:
        """The maximiser where there is no constraint."""
        slope = gradient(self.objective, self.variable).result[self.variable]

        def lowered(a: Any) -> float:
            return -float(self.objective.evaluate(**data, **{self.variable: a}))

        def turned(a: Any) -> Any:
            return -np.asarray(slope.evaluate(**data, **{self.variable: a}))

        return minimize(lowered, start, jac=turned, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500}).x

    def _recovered(self, data: Mapping[str, Any], a: Any, multipliers: Mapping[str, Any]) -> tuple[Any, float]:
        """The weights and the intercept: multipliers of the dual's constraints, or the slope of the conjugate."""
        intercept, weights = 0.0, None
        for item in self.problem.problem.constraints if self.problem else ():
            value = np.asarray(multipliers[item.multiplier.name])
            if item.relation == "=" and not item.formula.shape:
                intercept = float(value)
            elif self.parts.data in item.text:
                weights = self._of_multiplier(item.text, value, data, a, weights)
        if self.weights is not None:
            weights = self.weights.evaluate(**data, **{self.variable: a})
        return weights, intercept

    def _of_multiplier(self, text: str, value: Any, data: Mapping[str, Any], a: Any, known: Any) -> Any:
        """The weights that a multiplier of ``X' a`` stands for."""
        if self.parts.radial:
            v = formula(f"{self.declared}; {self.combined}").evaluate(**data, **{self.variable: a})
            return 2 * value * np.asarray(v)
        upper = text.startswith(self.combined) and "<=" in text
        signed = value if upper or "=" in text.replace("<=", "") else -value
        return signed if known is None else known + signed


@dataclass(frozen=True)
class Solved:
    """The optimum of a dual at data.

    Attributes:
        dual: the dual variable.
        unknowns: the weights, and the intercept, that belong to it.
        primal: the objective at them.
        height: the dual objective, never above the primal one.
    """

    dual: Any
    unknowns: Mapping[str, Any]
    primal: float
    height: float

    @property
    def gap(self) -> float:
        """The duality gap, which bounds how far both are from the optimum."""
        return self.primal - self.height

    def text(self) -> str:
        """The report."""
        shown = {name: np.array2string(np.asarray(value), precision=6, suppress_small=True, threshold=40)
                 for name, value in {"dual": self.dual, **self.unknowns}.items()}  # fmt: skip
        lines = [f"{name} = {value}" for name, value in shown.items()]
        return "\n".join([*lines, "", f"primal objective  {self.primal:.10g}", f"dual objective    {self.height:.10g}",
                          f"duality gap       {self.gap:.1e}"])  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """It as plain data."""
        unknowns = {name: np.asarray(value).tolist() for name, value in self.unknowns.items()}
        return {"dual": np.asarray(self.dual).tolist(), "unknowns": unknowns, "primal_objective": self.primal,
                "dual_objective": self.height, "gap": self.gap}  # fmt: skip


def derived_dual(f: str | Formula, wrt: str | Sequence[str] | None = None) -> Dual:
    """The dual of an objective, from the conjugates of its loss and of its penalty."""
    f = as_formula(f)
    names = variables(f, [name.strip() for name in wrt.split(",")] if isinstance(wrt, str) else wrt)
    parts = split(f, names)
    taken = {item.name for item in f.inputs}
    name = next(fresh_names(taken, "a"))
    penalty = scalar_conjugate(parts.penalty, NONNEGATIVE if parts.radial else REALS)
    return Dual(parts, scalar_conjugate(parts.loss), of_norms(penalty) if parts.radial else penalty, name)


def _folded(found: Scalar) -> Expr:
    """The value of a conjugate inside of its domain as one expression."""
    return _chosen([(case, case.value) for case in found.cases])


def _chosen(cases: Sequence[tuple[Any, Expr]]) -> Expr:
    """Values of cases from left to right as one expression; of an even function by the absolute value."""
    if len(cases) == 1:
        return cases[0][1]
    if len(cases) == 3 and cases[1][1] == 0 and cases[1][0].low == -cases[1][0].high:
        (_, left), (middle, _), (_, right) = cases
        for sign in (1, -1):
            if sp.simplify(left.subs(U, -U) - sign * right) == 0:
                outside = sp.factor(right).subs(U, sp.Abs(U)) * (sp.sign(U) if sign < 0 else 1)
                return where(less_equal(sp.Abs(U), middle.high), sp.S.Zero, outside)
    if len(cases) == 2 and cases[0][0].high == 0:
        half = sp.simplify((cases[1][1] - cases[0][1]) / (2 * U))
        if not half.has(U):
            return sp.simplify((cases[1][1] + cases[0][1]) / 2) + half * sp.Abs(U)
    *rest, (_, found) = cases
    for case, value in reversed(rest):
        found = where(less_equal(U, case.high), value, found)
    return found


def _inside(low: Any, high: Any) -> Any:
    """A point inside of a box, which may have no ends."""
    with np.errstate(invalid="ignore"):
        middle = (low + high) / 2
    ends = np.where(np.isfinite(low), low + 0.5, np.where(np.isfinite(high), high - 0.5, 0.0))
    return np.where(np.isfinite(middle), middle, ends)


def _single(text: str) -> tuple[str, ...]:
    """The relations of ``low <= what <= high`` one by one."""
    parts = text.split(" <= ")
    return tuple(f"{low} <= {high}" for low, high in itertools.pairwise(parts)) if len(parts) > 1 else (text,)


def _between(what: str, low: str, high: str) -> str:
    """``low <= what <= high``, as far as there are bounds."""
    if low and low == high:
        return f"{what} = {low}"
    if low and high:
        return f"{low} <= {what} <= {high}"
    return f"{low} <= {what}" if low else f"{what} <= {high}" if high else ""
