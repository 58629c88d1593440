"""Definitions with their nameless parts written in: what the printers read.

A printed formula refers to named definitions by name and writes nameless ("auto") ones out.
Reductions written in become :class:`Over` terms, whose bound indices are numbered by the depth of
what they contain, so that two reductions that differ only in the naming of bound indices are equal.
Softmax and its logarithm, which are lowered to ``exp(z - logsumexp(z))``, are recognised again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import lru_cache

import sympy as sp
from sympy import Add, Expr, Mul, S

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.errors import LimitError
from chainrule.derive.forms.bound_terms import Hardmax, LogSoftmax, MatrixEntry, Over, Softmax, indices_of
from chainrule.derive.program import Definition, Index, Program, Ref, is_unit
from chainrule.derive.scalar import equal
from chainrule.derive.walking import atoms, nodes

#: Nodes that a printed formula may have once everything nameless is written in.
MAX_NODES = 1000
#: Reductions inside reductions that a printed formula may have.
MAX_NESTING = 12


def written_in(definition: Definition) -> bool:
    """Whether printers write a definition in instead of naming it."""
    return definition.origin == "auto"


class Inliner:
    """Writes definitions in; ``inline`` says which ones."""

    def __init__(self, program: Program, inline: Callable[[Definition], bool] = written_in) -> None:
        self.program, self.inline = program, inline
        self.counter = itertools.count()
        self.entries: dict[Ref, Expr] = {}
        self.sizes: dict[str, int] = {}
        self.depths: dict[str, int] = {}

    def body(self, definition: Definition) -> Expr:
        """The value of a definition over its free indices, an :class:`Over` for a reduction.

        Raises:
            LimitError: if the result would have more than ``MAX_NODES`` nodes, or reductions nested
                more than ``MAX_NESTING`` deep.
        """
        own = len(nodes(definition.body))
        if self.size(definition) > max(MAX_NODES, own):
            raise LimitError(f"{definition.name} has more than {MAX_NODES} nodes when written out")
        if self.depth(definition) > MAX_NESTING:
            raise LimitError(f"{definition.name} has reductions nested more than {MAX_NESTING} deep")
        return recognised(self.entry_at(definition, definition.free))

    def with_logsumexp(self, expr: Expr) -> Expr:
        """The expression with ``logsumexp(z)`` in place of its name ``l`` wherever ``exp(z - l)`` is a softmax."""
        found = {}
        for exponential in atoms(expr, sp.exp):
            named = {ref: self.entry(ref) for ref in atoms(exponential, Ref) if self.is_logsumexp(ref)}
            written = exponential.xreplace(named)
            if named and isinstance(recognised(written), Softmax):
                found[exponential] = written
        return expr.xreplace(found) if found else expr

    def is_logsumexp(self, ref: Ref) -> bool:
        """Whether a reference is to a definition that is a logsumexp."""
        item = self.program.by_name[ref.name]
        return isinstance(item, Definition) and item.reduce == "logsumexp"

    def size(self, definition: Definition) -> int:
        """The number of nodes of a definition once everything nameless is written in."""
        if definition.name not in self.sizes:
            total = 0
            for node in nodes(definition.body):
                inner = self.definition_of(node)
                total += 1 if inner is None else self.size(inner)
            self.sizes[definition.name] = total
        return self.sizes[definition.name]

    def depth(self, definition: Definition) -> int:
        """How deeply reductions are nested in a definition once everything nameless is written in."""
        if definition.name not in self.depths:
            inner = filter(None, map(self.definition_of, definition.refs))
            self.depths[definition.name] = bool(definition.reduce) + max(map(self.depth, inner), default=0)
        return self.depths[definition.name]

    def definition_of(self, node: Expr) -> Definition | None:
        """The definition to write in for a reference, if there is one."""
        if not isinstance(node, Ref):
            return None
        item = self.program.by_name[node.name]
        return item if isinstance(item, Definition) and self.inline(item) else None

    def resolved(self, expr: Expr) -> Expr:
        """The expression with references to nameless definitions written in."""
        found = {ref: self.entry(ref) for ref in atoms(expr, Ref) if self.definition_of(ref) is not None}
        return expr.xreplace(found) if found else expr

    def entry(self, ref: Ref) -> Expr:
        """What a reference to a nameless definition stands for."""
        if ref not in self.entries:
            definition = self.program.by_name[ref.name]
            assert isinstance(definition, Definition)
            self.entries[ref] = self.entry_at(definition, ref.indices)
        return self.entries[ref]

    def entry_at(self, definition: Definition, indices: tuple[Expr, ...]) -> Expr:
        """The value of a definition at the given indices, axes of length one read at 0."""
        reads = dict(zip(definition.free, indices, strict=True))
        reads |= {index: S.Zero for index, length in zip(definition.free, definition.shape, strict=True)
                  if is_unit(length)}  # fmt: skip
        limits: dict[Index, Expr] = {}
        for index, length in zip(definition.bound_indices, definition.bound, strict=True):
            place = Index(f"d{next(self.counter)}", integer=True, nonnegative=True)
            kept = definition.reduce in MATRIX_FUNCTION_BY_NAME or not is_unit(length)
            limits |= {place: length} if kept else {}
            reads[index] = place if kept else S.Zero
        # Before the bound indices get names by the depth, which has to count what is written in.
        body = self.with_logsumexp(self.resolved(definition.body.xreplace(reads)))
        if definition.reduce in MATRIX_FUNCTION_BY_NAME:
            value = MATRIX_FUNCTION_BY_NAME[definition.reduce].shape(*definition.bound)
            at = tuple(reads[index] for index in definition.free[len(definition.free) - len(value) :])
            return _matrix_entry(definition.reduce, body, limits, at)
        return closed_over(definition.reduce, body, limits) if limits else body


def _matrix_entry(kind: str, body: Expr, limits: Mapping[Index, Expr], at: tuple[Expr, ...]) -> MatrixEntry:
    names = _level_names(body, limits)
    row, column = ((names[k], length) for k, length in limits.items())
    return MatrixEntry(kind, body.xreplace(names), row, column, at)


def _level_names(body: Expr, limits: Mapping[Index, Expr]) -> dict[Index, Index]:
    """Names for bound indices by the depth of the body that they are bound in."""
    level = 1 + _depth(body)
    return {k: Index(f"c{level}_{n}", integer=True, nonnegative=True) for n, k in enumerate(limits)}


def closed_over(kind: str, body: Expr, limits: Mapping[Index, Expr]) -> Over:
    """A reduction whose bound indices are numbered by the depth of the body."""
    names = _level_names(body, limits)
    return Over(kind, body.xreplace(names), *((names[k], length) for k, length in limits.items()))


@lru_cache(maxsize=20_000)
def _depth(expr: Expr) -> int:
    """How deeply reductions are nested in an expression."""
    inner = max(map(_depth, expr.args), default=0)
    return inner + isinstance(expr, Over | MatrixEntry)


# ---- softmax ------------------------------------------------------------------------------------


def recognised(expr: Expr) -> Expr:
    """The expression with ``z - logsumexp(z)`` and its exponential as softmax terms."""
    return _recognised(expr, {}) if atoms(expr, Over) else expr


def _recognised(expr: Expr, done: dict[Expr, Expr]) -> Expr:
    if not expr.args or isinstance(expr, Ref):
        return expr
    if expr not in done:
        args = [_recognised(arg, done) for arg in expr.args]
        rebuilt = expr if tuple(args) == expr.args else expr.func(*args)
        if isinstance(rebuilt, sp.exp) and isinstance(rebuilt.args[0], LogSoftmax):
            rebuilt = Softmax(*rebuilt.args[0].args)
        elif isinstance(rebuilt, Add):
            rebuilt = _log_softmax(rebuilt)
        elif isinstance(rebuilt, Mul):
            rebuilt = _weighted_softmax(_hardmax(rebuilt))
        done[expr] = rebuilt
    return done[expr]


def _log_softmax(total: Expr) -> Expr:
    """A sum with every ``m*z - m*logsumexp(z)`` in it as ``m*log_softmax(z)``."""
    for term in Add.make_args(total):
        for over in Mul.make_args(term):
            if isinstance(over, Over) and over.kind == "logsumexp":
                found = _with_scores(total, term, over)
                if found is not None:
                    return _log_softmax(found) if isinstance(found, Add) else found
    return total


def _weighted_softmax(product: Expr) -> Expr:
    """A product with ``w exp(z - logsumexp(z + log(w)))`` in it as ``softmax(z + log(w))``."""
    factors = Mul.make_args(product)
    for exponential in factors:
        exponent = sp.expand_mul(exponential.args[0]) if isinstance(exponential, sp.exp) else S.Zero
        for over in Add.make_args(exponent):
            total = -over
            if isinstance(total, Over) and total.kind == "logsumexp":
                others = Mul(*(factor for factor in factors if factor is not exponential))
                found = _with_weights(others, exponent + total, total)
                if found is not None:
                    return _weighted_softmax(found)
    return product


def _with_weights(rest: Expr, exponent: Expr, total: Over) -> Expr | None:
    """The product with a softmax for ``exp(exponent)`` and those factors whose logarithms the scores have besides."""
    powers = dict(factor.as_base_exp() for factor in Mul.make_args(rest))
    places = sorted(indices_of(exponent) - indices_of(total), key=str)
    for at in itertools.permutations(places, len(total.limits)):
        scores = total.body.xreplace(dict(zip(total.limits, at, strict=True)))
        besides = [term.as_coeff_Mul() for term in Add.make_args(sp.expand_mul(scores - exponent))]
        weights = [(log.args[0], power) for power, log in besides if isinstance(log, sp.log)]
        if len(weights) == len(besides) and all((powers.get(base, S.Zero) / n).is_positive for base, n in weights):
            limits = ((k, n, a) for (k, n), a in zip(total.limits.items(), at, strict=True))
            return rest / Mul(*(base**power for base, power in weights)) * Softmax(total.body, *limits)
    return None


def _hardmax(product: Expr) -> Expr:
    """A product with every ``[z = max(z)]/sum([z = max(z)])`` in it as ``hardmax(z)``."""
    factors = Mul.make_args(product)
    for share in factors:
        for ties in factors:
            found = _share(share, ties) if isinstance(share, equal) else None
            if found is not None:
                return _hardmax(product / share / ties * found) if len(factors) > 2 else found
    return product


def _share(share: Expr, ties: Expr) -> Hardmax | None:
    """``share * ties`` for an indicator of the largest entry and one over the number of such entries."""
    total = 1 / ties
    if not isinstance(total, Over) or total.kind != "sum" or not isinstance(total.body, equal):
        return None
    for score, largest in (share.args, share.args[::-1]):
        if not isinstance(largest, Over) or largest.kind not in ("max", "min"):
            continue
        for at in itertools.permutations(sorted(indices_of(score), key=str), len(largest.limits)):
            here = dict(zip(largest.limits, at, strict=True))
            names = dict(zip(total.limits, at, strict=True)) if len(total.limits) == len(at) else {}
            if total.body.xreplace(names) == share and largest.body.xreplace(here) == score:
                sign = 1 if largest.kind == "max" else -1
                limits = ((k, n, a) for (k, n), a in zip(largest.limits.items(), at, strict=True))
                return Hardmax(sign * largest.body, *limits)
    return None


def _with_scores(total: Expr, term: Expr, over: Over) -> Expr | None:
    multiple = -term / over
    places = sorted(indices_of(total) - indices_of(over), key=str)
    for at in itertools.permutations(places, len(over.limits)):
        scores = over.body.xreplace(dict(zip(over.limits, at, strict=True)))
        wanted = sp.expand_mul(multiple * scores)
        rest = total - term - wanted
        count = len(Add.make_args(total)) - 1 - len(Add.make_args(wanted))
        if len(Add.make_args(rest)) == max(count, 1) and (count > 0 or rest == 0):
            limits = ((k, n, a) for (k, n), a in zip(over.limits.items(), at, strict=True))
            return rest + multiple * LogSoftmax(over.body, *limits)
    return None
