"""Canonical names of bound indices: sums that differ in naming only become the same atom.

Bound indices are coloured by where they occur, the colours refined until they tell the indices
apart or nothing changes; indices of equal colour are named in every order and the smallest
digest wins.  Where that would be too many orders, one is taken: two equal sums may then look
different, and a proof may be missed, but never a difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from math import factorial, prod

from chainrule.derive.normal.terms import Atom, Poly, Token, digest

#: Namings of equally coloured bound indices that are tried.
MAX_NAMINGS = 120
#: Rounds of refinement of the colours.
ROUNDS = 3


def close(kind: str, body: Poly, bound: tuple[Token, ...]) -> Atom:
    """A sum (or product, maximum) over bound indices with canonical names for them."""
    height = body.height + 1
    best: Atom | None = None
    for ordering in _orderings(body, bound):
        names = {token: Token(f"b{height}.{place}", token.length) for place, token in enumerate(ordering)}
        atom = Atom(kind, args=(body.renamed(dict(names)),), bound=tuple(names.values()))
        if best is None or atom.key < best.key:
            best = atom
    assert best is not None
    return best


def _orderings(body: Poly, bound: tuple[Token, ...]) -> Iterable[tuple[Token, ...]]:
    if len(bound) == 1:
        return [bound]
    colours = _coloured(body, bound)
    classes = [
        sorted((t for t in bound if colours[t] == colour), key=lambda t: t.name)
        for colour in sorted(set(colours.values()))
    ]
    if prod(factorial(len(group)) for group in classes) > MAX_NAMINGS:
        return [tuple(itertools.chain(*classes))]
    choices = itertools.product(*(itertools.permutations(group) for group in classes))
    return (tuple(itertools.chain(*choice)) for choice in choices)


def _coloured(body: Poly, bound: tuple[Token, ...]) -> dict[Token, str]:
    """A colour for each bound index that does not depend on its name, nor on those of free indices."""
    colours = {token: str(token.length) for token in bound}
    free = {token: Token("f", token.length) for token in body.tokens.difference(bound)}
    for _ in range(ROUNDS):
        palette = {colour: place for place, colour in enumerate(sorted(set(colours.values())))}
        names = free | {t: Token(f"c{palette[colours[t]]}", t.length) for t in bound}
        colours = {
            token: digest(colours[token], _print(body, {**names, token: Token("*", token.length)}))
            for token in bound
        }
        if len(set(colours.values())) == len(bound):
            break
    return colours


def _print(body: Poly, names: Mapping[Token, Token]) -> str:
    """A fingerprint of a body with indices named by their colours."""
    rows = sorted(
        ";".join([str(value), *sorted(f"{atom.renamed(names).key}^{power}" for atom, power in factors)])
        for factors, value in body.terms.items()
    )
    return digest(*rows)
