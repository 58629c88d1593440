"""A log-density as a sum of products, and which factors read the variable and which the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import sympy as sp
from sympy import Add, Expr, Mul, Pow, S, log

from chainrule.derive.errors import LimitError
from chainrule.derive.program import Definition, Index, Input, Program, Ref, bound_index
from chainrule.learning.probability.model import Model

#: Terms that a log-density may have.
MAX_TERMS = 60


@dataclass(frozen=True)
class Term:
    """A sum over bound indices of a product.

    Attributes:
        parameters: the factor that reads parameters only, with the numbers and the known parameters.
        variable: the factor that reads the variable only.
        mixed: the factor that reads both and does not come apart; 1 in an exponential family.
        lengths: the lengths of the bound indices.
    """

    parameters: Expr
    variable: Expr
    mixed: Expr
    lengths: tuple[tuple[Index, Expr], ...]

    @property
    def shared(self) -> tuple[Index, ...]:
        """The indices that both factors have, in the order in which the variable's has them."""
        both = self.parameters.atoms(Index) & self.variable.atoms(Index)
        places = [index for ref in sp.preorder_traversal(self.variable) if isinstance(ref, Index) for index in [ref]]
        return tuple(dict.fromkeys(index for index in places if index in both))


def terms(m: Model, variables: Sequence[str] = ()) -> list[Term]:
    """The terms of the log-density, products of logarithms and powers taken apart.

    Args:
        m: the distribution.
        variables: what counts as its variable; by default the first input.

    Raises:
        LimitError: there are too many.
    """
    program = m.density.program
    output = program.output
    start = (output[()], ()) if isinstance(output, Input) else (output.body, _own(output))
    variables = variables or [m.variable.name]
    found = [_counted(_separated(m, variables, body, lengths)) for body, lengths in _flat(program, *start)]
    if len(found) > MAX_TERMS:
        raise LimitError(f"the log-density has more than {MAX_TERMS} terms")
    return found


Lengths = tuple[tuple[Index, Expr], ...]


def _own(item: Definition) -> Lengths:
    return tuple((bound_index(place), length) for place, length in enumerate(item.bound))


def _flat(program: Program, body: Expr, lengths: Lengths) -> Iterator[tuple[Expr, Lengths]]:
    """The terms of a body, definitions that are sums or need no reduction put in where they stand linearly."""
    for term in Add.make_args(_expanded(body)):
        found = next((f for f in Mul.make_args(term) if _is_inner(program, f)), None)
        if found is not None:
            item = program.by_name[found.name]
            assert isinstance(item, Definition)
            first = len(lengths)
            inner = item.at(found.indices, first)
            more = tuple((bound_index(first + place), length) for place, length in enumerate(item.bound))
            yield from _flat(program, term / found * inner, (*lengths, *more))
            continue
        pointwise = {ref: _inline(program, ref) for ref in term.atoms(Ref) if _is_pointwise(program, ref)}
        if pointwise:
            yield from _flat(program, term.xreplace(pointwise), lengths)
        else:
            yield term, lengths


def _inline(program: Program, ref: Ref) -> Expr:
    item = program.by_name[ref.name]
    assert isinstance(item, Definition)
    return item.at(ref.indices)


def _is_pointwise(program: Program, ref: Ref) -> bool:
    item = program.by_name[ref.name]
    return isinstance(item, Definition) and not item.reduce


def _is_inner(program: Program, factor: Expr) -> bool:
    item = program.by_name[factor.name] if isinstance(factor, Ref) else None
    return isinstance(item, Definition) and item.reduce in ("", "sum")


def _expanded(body: Expr) -> Expr:
    """Multiplied out; logarithms and powers of products and waves of sums taken apart, as densities allow."""
    body = body.replace(lambda e: isinstance(e, sp.sin | sp.cos), _wave)
    body = body.replace(lambda e: isinstance(e, log), _logarithm)
    body = body.replace(lambda e: isinstance(e, Pow) and not e.exp.is_Integer, _power)
    return sp.expand(body, deep=True, log=False, power_base=False, power_exp=False)


def _logarithm(e: Expr) -> Expr:
    """The logarithm of a product as a sum, a sign staying where it makes a factor positive."""
    sign, argument = sp.factor_terms(sp.together(e.args[0])).as_coeff_Mul()
    if not sign.is_negative:
        return sp.expand_log(log(sign * argument), force=True)
    signed = next((f for f in Mul.make_args(argument) if f.is_negative or isinstance(f, log)), None)
    if signed is None:
        return log(sign * argument)
    return sp.expand_log(log(-sign) + log(argument / signed), force=True) + log(-signed)


def _wave(e: Expr) -> Expr:
    """``cos(a + b) = cos a cos b - sin a sin b``, and the same of sin."""
    first, rest = sp.expand(e.args[0]).as_two_terms() if sp.expand(e.args[0]).is_Add else (e.args[0], S.Zero)
    if rest == 0:
        return e
    cos, sin = _wave(sp.cos(rest)), _wave(sp.sin(rest))
    if isinstance(e, sp.cos):
        return sp.cos(first) * cos - sp.sin(first) * sin
    return sp.sin(first) * cos + sp.cos(first) * sin


def _power(e: Expr) -> Expr:
    base, exponent = e.args
    return sp.expand_power_base(Pow(sp.together(base), exponent), force=True)


def _separated(m: Model, variables: Sequence[str], body: Expr, lengths: Lengths) -> Term:
    names = depending(m.density.program, variables), depending(m.density.program, m.parameters)
    parts = {(False, False): S.One, (True, False): S.One, (False, True): S.One, (True, True): S.One}
    for factor in Mul.make_args(body):
        reads = {ref.name for ref in factor.atoms(Ref)}
        parts[bool(reads & names[0]), bool(reads & names[1])] *= factor
    plain = parts[False, False]
    if parts[False, True] == parts[True, True] == 1:
        return Term(S.One, parts[True, False] * plain, S.One, lengths)
    return Term(parts[False, True] * plain, parts[True, False], parts[True, True], lengths)


def _counted(term: Term) -> Term:
    """Sums over indices that no factor has, as factors."""
    read = (term.parameters * term.variable * term.mixed).free_symbols
    count = sp.prod(length for index, length in term.lengths if index not in read)
    kept = tuple(pair for pair in term.lengths if pair[0] in read)
    if term.parameters == 1:
        return replace(term, variable=term.variable * count, lengths=kept)
    return replace(term, parameters=term.parameters * count, lengths=kept)


def depending(program: Program, names: Sequence[str]) -> set[str]:
    """Names, and all definitions that depend on them."""
    return reduce(lambda known, item: known | {item.name} if item.reads & known else known,
                  program.definitions, set(names))  # fmt: skip


def renamed(term: Term, target: Mapping[Index, Index]) -> Term:
    """The same with other bound indices."""
    swap = dict(target)
    return Term(
        term.parameters.xreplace(swap), term.variable.xreplace(swap), term.mixed,
        tuple((swap.get(index, index), length) for index, length in term.lengths),
    )  # fmt: skip
