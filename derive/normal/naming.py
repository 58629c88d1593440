"""Canonical names of bound indices: sums that differ in naming only become the same atom.

Bound indices are coloured by where they occur, the colours refined until nothing changes.  While
some have equal colours, each of them in turn is given a colour of its own, and the refinement goes
on.  The smallest digest of all orders that this leads to wins.  Where there would be too many
orders, some are left out: two equal sums may then look different, and a proof may be missed, but
never a difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from chainrule.derive.normal.terms import Atom, Poly, Token, digest

#: Orders of bound indices that are tried.
MAX_ORDERS = 48

Colours = Mapping[Token, str]


def close(kind: str, body: Poly, bound: tuple[Token, ...]) -> Atom:
    """A sum (or product, maximum) over bound indices with canonical names for them.

    Orders are compared with all free indices alike; those that are equal then are kept as ties,
    between which the names of the free indices decide, whatever they are.
    """
    names = [f"b{body.height + 1}.{place}" for place in range(len(bound))]
    alike = {token: Token("f", token.length) for token in body.tokens.difference(bound)}
    ranked = []
    for order in _orders(body, bound):
        own = tuple(Token(name, token.length) for name, token in zip(names, order, strict=True))
        renamed = body.renamed(dict(zip(order, own, strict=True)))
        ranked.append((renamed.renamed(dict(alike)).key, order, renamed, own))
    best = min(ranked, key=lambda row: row[0])
    _, first, renamed, own = best
    tied = [order for key, order, _, _ in ranked if key == best[0]] if alike else []
    ties = tuple(tuple(order.index(token) for token in first) for order in tied) if len(tied) > 1 else ()
    return Atom(kind, args=(renamed,), bound=own, ties=ties)


def _orders(body: Poly, bound: tuple[Token, ...]) -> Iterator[tuple[Token, ...]]:
    if len(bound) == 1:
        return iter([bound])
    free = {token: Token("f", token.length) for token in body.tokens.difference(bound)}
    colours = {token: str(token.length) for token in bound}
    return itertools.islice(_leaves(body, free, colours), MAX_ORDERS)


def _leaves(body: Poly, free: Mapping[Token, Token], colours: Colours) -> Iterator[tuple[Token, ...]]:
    """The orders that tell all indices apart."""
    colours = _refined(body, free, colours)
    order = sorted(colours, key=lambda token: (colours[token], token.name))
    alike = next((colours[a] for a, b in itertools.pairwise(order) if colours[a] == colours[b]), None)
    if alike is None:
        yield tuple(order)
        return
    for token in order:
        if colours[token] == alike:
            yield from _leaves(body, free, {**colours, token: digest(alike, "chosen")})


def _refined(body: Poly, free: Mapping[Token, Token], colours: Colours) -> Colours:
    """Colours by where indices occur next to which others, neither depending on names nor on those of free ones."""
    while True:
        palette = {colour: place for place, colour in enumerate(sorted(set(colours.values())))}
        names = {**free, **{token: Token(f"c{palette[colour]}", token.length) for token, colour in colours.items()}}
        atoms = {atom for factors in body.terms for atom, _ in factors}
        prints = {atom: atom.renamed(names).key for atom in atoms}
        finer = {token: digest(colour, _surroundings(body, token, names, prints)) for token, colour in colours.items()}
        if len(set(finer.values())) == len(palette):
            return colours
        colours = finer


def _surroundings(body: Poly, token: Token, names: Mapping[Token, Token], prints: Mapping[Atom, str]) -> str:
    """A fingerprint of the terms with an index in them, the others named by their colours."""
    marked = {**names, token: Token("*", token.length)}
    rows = []
    for factors, value in body.terms.items():
        keys = [f"{(atom.renamed(marked).key if token in atom.tokens else prints[atom])}^{p}" for atom, p in factors]
        rows.append(";".join([str(value), *sorted(keys)]))
    return digest(*sorted(rows))
