"""A loss of linear scores with a penalty, taken apart: ``sum_i h(s_i (x_i w + b)) + g(w)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Mul, Pow, S, Symbol

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Input, Ref, bound_index
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.duality.cases import X
from chainrule.learning.duality.conjugate import symbol_of_ref

EXPECTED = "a sum of functions of X @ w (or X @ w + b), and a penalty of w: its entries, or its norm"


@dataclass(frozen=True)
class Split:
    """The parts of an objective.

    Attributes:
        formula: the objective.
        weights: the input that the penalty is of.
        intercept: the input that is added to the scores, or nothing.
        scores: the definition ``z = X @ w``.
        data: the name of ``X``.
        labels: the input that the scores are multiplied by, where the loss is a function of margins.
        loss: the loss of one score (or margin) ``X``.
        penalty: the penalty of one weight, or of their norm, ``X``.
        radial: whether the penalty is a function of the norm.
        entries: the symbols in loss and penalty that stand for entries of inputs.
    """

    formula: Formula
    weights: str
    intercept: str
    scores: Definition
    data: str
    labels: str
    loss: Expr
    penalty: Expr
    radial: bool
    entries: dict[Expr, Ref]


def split(f: Formula, names: Sequence[str]) -> Split:
    """The parts of an objective.

    Raises:
        UnsupportedError: it has another form.
    """
    weights, intercept = _unknowns(f, names)
    reader = _Reader(f, weights, intercept)
    parts = list(reader.parts(f.output.name, S.One))
    losses = [body for kind, body in parts if kind == "loss"]
    kinds = {kind for kind, _ in parts if kind in ("entry", "norm")}
    if reader.scores is None or not losses or len(kinds) > 1:
        raise UnsupportedError("the formula has no dual by this method", expected=EXPECTED, found=f.matrix())
    penalty = Add(*(body for kind, body in parts if kind in ("entry", "norm")))
    loss, labels = _margins(f, Add(*losses), reader.entries)
    radial, scores, entries = kinds == {"norm"}, reader.scores, reader.entries
    return Split(f, weights, intercept, scores, reader.data, labels, loss, penalty, radial, entries)


def _unknowns(f: Formula, names: Sequence[str]) -> tuple[str, str]:
    """The weights, and the intercept if there is one."""
    vectors = [name for name in names if len(f.program.by_name[name].shape) == 1]
    numbers = [name for name in names if not f.program.by_name[name].shape]
    if len(vectors) != 1 or len(numbers) > 1 or len(vectors) + len(numbers) < len(names):
        raise InputError("a dual is derived by a vector of weights, and a number as intercept", found=", ".join(names),
                         hint="--wrt w, or --wrt w,b")  # fmt: skip
    for name in names:
        item = f.program.by_name[name]
        if not isinstance(item, Input) or item.domain.name != "real":
            raise InputError(f"{name} is not free to move", expected=f"{name} declared real")
    return vectors[0], numbers[0] if numbers else ""


class _Reader:
    """Reads the terms of an objective."""

    def __init__(self, f: Formula, weights: str, intercept: str) -> None:
        self.program = f.program
        self.weights, self.intercept = weights, intercept
        self.calculus = Calculus(f.program, [name for name in (weights, intercept) if name])
        self.scores: Definition | None = None
        self.data = ""
        self.entries: dict[Expr, Ref] = {}

    def parts(self, name: str, weight: Expr) -> Iterator[tuple[str, Expr]]:
        """The kind of each term, and it as a function of ``X``."""
        item = self.program.by_name[name]
        if not isinstance(item, Definition) or item.shape or item.reduce not in ("", "sum"):
            raise self._refused(name)
        for term in Add.make_args(self._inlined(item.body)):
            if not self.calculus.moves(term):
                raise self._refused(str(term))
            yield from self._of_sum(term, weight) if item.reduce else self._of_number(term, weight)

    def _inlined(self, body: Expr) -> Expr:
        before = None
        while body != before:
            body, before = self.calculus.written_out(body), body
        return body.expand(mul=True, multinomial=False, power_base=False, power_exp=False, log=False, basic=False)

    def _of_number(self, term: Expr, weight: Expr) -> Iterator[tuple[str, Expr]]:
        """A term outside of sums: a multiple of a sum, or a function of the norm of the weights."""
        fixed = Mul(*(factor for factor in Mul.make_args(term) if not self.calculus.moves(factor)))
        rest = term / fixed
        if isinstance(rest, Ref):
            yield from self.parts(rest.name, weight * fixed)
            return
        refs = [ref for ref in rest.atoms(Ref) if self.calculus.moves(ref)]
        if len(refs) == 1 and self._is_square_norm(refs[0].name):
            positive = Symbol("x", positive=True)
            yield "norm", self._plain(weight * fixed * rest.xreplace({refs[0]: positive**2})).xreplace({positive: X})
            return
        if isinstance(rest, Add) or (isinstance(rest, Pow) and isinstance(rest.base, Add)):
            raise self._refused(str(rest))
        raise self._refused(str(term))

    def _is_square_norm(self, name: str) -> bool:
        item = self.program.by_name[name]
        entry = self.program.by_name[self.weights][(bound_index(0),)]
        return isinstance(item, Definition) and item.reduce == "sum" and item.body == entry**2

    def _of_sum(self, term: Expr, weight: Expr) -> Iterator[tuple[str, Expr]]:
        """A term of a sum over samples, or over weights."""
        refs = [ref for ref in term.atoms(Ref) if self.calculus.moves(ref)]
        own = [ref for ref in refs if ref.name == self.weights]
        scores = [ref for ref in refs if ref.name not in (self.weights, self.intercept)]
        if own and not scores and len(refs) == 1:
            yield "entry", self._plain(weight * term.xreplace({own[0]: X}))
        elif len(scores) == 1 and not own:
            self._remember(scores[0])
            body = self._with_intercept(term, scores[0])
            yield "loss", self._plain(weight * body.xreplace({scores[0]: X}))
        else:
            raise self._refused(str(term))

    def _with_intercept(self, term: Expr, score: Ref) -> Expr:
        """A term as a function of the score with the intercept in it."""
        if not self.intercept:
            return term
        b = self.program.by_name[self.intercept][()]
        moved = term.xreplace({score: score - b})
        moved = moved if not moved.has(b) else moved.expand(deep=True, mul=True, multinomial=False, power_base=False)
        if moved.has(b):
            raise self._refused(str(term))
        return moved

    def _remember(self, score: Ref) -> None:
        """The definition of the scores: ``X[i, j] w[j]`` summed."""
        item = self.program.by_name[score.name]
        refs = item.refs if isinstance(item, Definition) else ()
        data = [ref for ref in refs if ref.name != self.weights]
        linear = isinstance(item, Definition) and item.reduce == "sum" and len(refs) == 2 and len(data) == 1
        if not linear or not isinstance(item, Definition) or item.body != Mul(*refs) or len(data[0].indices) != 2:
            raise self._refused(score.name)
        if self.scores is not None and self.scores != item:
            raise self._refused(score.name)
        self.scores, self.data = item, data[0].name

    def _plain(self, body: Expr) -> Expr:
        """A body with symbols for the entries of inputs."""
        swaps = {ref: self._symbol(ref) for ref in body.atoms(Ref)}
        self.entries |= {symbol: ref for ref, symbol in swaps.items()}
        return body.xreplace(swaps)

    def _symbol(self, ref: Ref) -> Symbol:
        """The symbol of an entry; a strength that is not negative counts as positive."""
        strength = ref.is_nonnegative and not ref.indices
        return Symbol(str(ref), positive=True) if strength else symbol_of_ref(ref)

    def _refused(self, found: str) -> UnsupportedError:
        return UnsupportedError("the formula has no dual by this method", expected=EXPECTED, found=f"the part {found}")


def _margins(f: Formula, loss: Expr, entries: dict[Expr, Ref]) -> tuple[Expr, str]:
    """The loss as a function of the margin, where it is one: labels -1 and 1 times the score."""
    for symbol in sorted(loss.free_symbols, key=str):
        ref = entries.get(symbol)
        item = f.program.by_name[ref.name] if ref is not None else None
        if isinstance(item, Input) and item.domain.name == "pm1" and symbol not in (X,):
            moved = loss.xreplace({X: symbol * X}).xreplace({symbol**2: S.One})
            if not moved.has(symbol):
                return moved, item.name
    return loss, ""
