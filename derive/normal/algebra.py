"""Sums over indices and substitution: what completes the arithmetic of normal forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.normal.arithmetic import ZERO, same_range
from chainrule.derive.normal.matrices import only_atom
from chainrule.derive.normal.matrix_sums import MatrixSums
from chainrule.derive.normal.naming import close
from chainrule.derive.normal.terms import (
    Atom,
    Mono,
    Place,
    Poly,
    Token,
    atom_poly,
    merged,
    mono,
    place_tokens,
    rename_place,
    single,
)


class Algebra(MatrixSums):
    """All operations on normal forms."""

    # ---- sums ------------------------------------------------------------------------------

    def total(self, poly: Poly, bound: Sequence[Token]) -> Poly:
        """The sum over the bound indices."""
        result = ZERO
        for factors, value in poly.terms.items():
            result = result + self._total_mono(factors, tuple(bound)).scaled(value)
        return result

    def opened(self, atom: Atom) -> tuple[tuple[Token, ...], Poly]:
        """The body of a closed sum with fresh bound indices."""
        fresh = tuple(self.token(old.length) for old in atom.bound)
        return fresh, atom.args[0].renamed(dict(zip(atom.bound, fresh, strict=True)))

    def _total_mono(self, factors: Mono, bound: tuple[Token, ...]) -> Poly:
        self.spend(len(factors) + 1)
        for atom, power in factors:
            if atom.kind == "sum" and power.denominator == 1 and power > 0 and not atom.tokens.isdisjoint(bound):
                fresh, body = self.opened(atom)
                ((inner, _),) = body.terms.items()
                rest = merged(mono({a: p for a, p in factors if a != atom}), mono({atom: power - 1}))
                return self.total(self.tidy(merged(rest, inner)), (*bound, *fresh))
        for atom, _ in factors:
            if atom.kind == "delta" and (pair := _eliminable(atom, bound)):
                keep, drop = pair
                others = single(mono({a: p for a, p in factors if a != atom}))
                left = tuple(token for token in bound if token != drop)
                return self.total(self.rebuilt(others, {drop: keep}), left)
        for rule in (self.matrix_sum, self.attained):
            if (known := rule(factors, bound)) is not None:
                return known
        return self._components(factors, bound)

    def _components(self, factors: Mono, bound: tuple[Token, ...]) -> Poly:
        scope = frozenset(bound)
        result = single(mono({a: p for a, p in factors if a.tokens.isdisjoint(scope)}))
        waiting = {a: p for a, p in factors if not a.tokens.isdisjoint(scope)}
        seen: set[Token] = set()
        for token in bound:
            if token in seen:
                continue
            group, part = {token}, {}
            while more := {a: p for a, p in waiting.items() if a not in part and not a.tokens.isdisjoint(group)}:
                part.update(more)
                group |= {t for a in more for t in a.tokens & scope}
            seen |= group
            tokens = tuple(t for t in bound if t in group)
            result = self.mul(result, self._closed(mono(part), tokens) if part else self.length(token.length))
        return result

    def _closed(self, factors: Mono, bound: tuple[Token, ...]) -> Poly:
        """A connected sum as an atom, declared facts applied first."""
        for token in bound:
            simpler = self._known_sum(factors, token)
            if simpler is not None:
                return self.total(simpler, tuple(t for t in bound if t != token))
        return atom_poly(close("sum", single(factors), bound))

    def _known_sum(self, factors: Mono, token: Token) -> Poly | None:
        """The sum over one index if a declared fact gives it."""
        hit = [(atom, power) for atom, power in factors if token in atom.tokens]
        rest = mono({atom: power for atom, power in factors if token not in atom.tokens})
        if any(atom.kind != "entry" or atom.head not in self.fixed for atom, _ in hit):
            return None
        name = hit[0][0].head
        domain, shape = self.inputs[name].domain, self.inputs[name].shape
        if any(power.denominator != 1 or power < 0 for _, power in hit):
            return None
        places = [atom.places for atom, power in hit for _ in range(int(power))]
        if len(places) == 1 and domain.sums_to_one and places[0][-1] == token == _only(places[0], token):
            if shape[-1] != token.length:
                return None
            self.use(name, f"{name} sums to 1 along its last axis ({domain})")
            return single(rest)
        if len(places) == 2 and {a.head for a, _ in hit} == {name} and domain.name == "orthonormal":
            rows, columns = zip(*places, strict=True)
            for summed, others in ((rows, columns), (columns, rows))[: 1 + (shape[0] == shape[1])]:
                if set(summed) == {token} and not any(token in place_tokens(other) for other in others):
                    self.use(name, f"the columns of {name} are orthonormal")
                    return self.mul(single(rest), self.delta(*others))
        return None

    def reduction(self, kind: str, body: Poly, bound: Sequence[Token]) -> Poly:
        """A maximum, minimum or product over bound indices."""
        if kind == "min":
            return self.reduction("max", body.scaled(Fraction(-1)), bound).scaled(Fraction(-1))
        if body.tokens.isdisjoint(bound):
            count = self.product(self.length(token.length) for token in bound)
            return body if kind == "max" else self.any_power(body, count)
        entry = only_atom(body)
        if kind == "prod" and entry is not None and entry.kind == "eigvalsh" and entry.places == tuple(bound):
            rows, operand = self.opened(entry)
            return self.matrix("det", operand, rows, ())
        return atom_poly(close(kind, body, tuple(bound)))

    # ---- substitution ----------------------------------------------------------------------

    def rebuilt(
        self, poly: Poly, places: Mapping[Token, Place], atoms: Mapping[Atom, Poly] | None = None
    ) -> Poly:
        """The polynomial with indices and atoms replaced, everything computed anew."""
        return _Rebuild(self, places, atoms or {}).poly(poly)


class _Rebuild:
    """A substitution that runs every operation again, since rules may apply to the result."""

    def __init__(self, algebra: Algebra, places: Mapping[Token, Place], atoms: Mapping[Atom, Poly]) -> None:
        self.algebra, self.places, self.atoms = algebra, places, atoms
        self.memo: dict[Atom, Poly] = {}

    def poly(self, poly: Poly) -> Poly:
        result = ZERO
        for factors, value in poly.terms.items():
            same = mono({a: p for a, p in factors if not self.touches(a)})
            changed = [self.algebra.power(self.atom(a), p) for a, p in factors if self.touches(a)]
            if any(not part for part in changed):
                continue
            result = result + self.algebra.product([*changed, single(same)]).scaled(value)
        return result

    def touches(self, atom: Atom) -> bool:
        return not atom.tokens.isdisjoint(self.places) or any(inner in self.atoms for inner in atom.walk())

    def atom(self, atom: Atom) -> Poly:
        if atom in self.atoms:
            return self.atoms[atom]
        if not self.touches(atom):
            return atom_poly(atom)
        if atom not in self.memo:
            self.algebra.spend(1)
            self.memo[atom] = self.built(atom)
        return self.memo[atom]

    def built(self, atom: Atom) -> Poly:
        algebra = self.algebra
        places = tuple(rename_place(place, self.places) for place in atom.places)
        if atom.kind in {"entry", "symmetric"}:
            return algebra.entry(atom.head, places)
        if atom.kind == "delta":
            return algebra.delta(*places)
        if atom.kind == "position":
            return algebra.position(*places)
        if atom.bound:
            bound, body = algebra.opened(atom)
            body = self.poly(body)
            if atom.kind in MATRIX_FUNCTION_BY_NAME:
                return algebra.matrix(atom.kind, body, bound, places)
            return algebra.total(body, bound) if atom.kind == "sum" else algebra.reduction(atom.kind, body, bound)
        args = [self.poly(arg) for arg in atom.args]
        if atom.kind == "power":
            return args[0]
        if atom.kind == "function" or atom.kind == "compare":
            return self.applied(atom, args)
        builders = {"exp": algebra.exp, "log": algebra.log, "sign": algebra.sign}
        return builders[atom.kind](args[0])

    def applied(self, atom: Atom, args: list[Poly]) -> Poly:
        algebra = self.algebra
        rules = {"positive": algebra.positive, "zero": algebra.is_zero, "abs": algebra.absolute,
                 "sign": algebra.signum}  # fmt: skip
        return rules[atom.head](args[0]) if atom.head in rules else algebra.function(atom.head, *args)


def _eliminable(delta: Atom, bound: Sequence[Token]) -> tuple[Place, Token] | None:
    for drop, keep in (delta.places, delta.places[::-1]):
        if isinstance(drop, Token) and drop in bound and same_range(keep, drop):
            return keep, drop
    return None


def _only(places: Sequence[Place], token: Token) -> Token | None:
    """The token, if it occurs in exactly one of the places."""
    return token if sum(token in place_tokens(place) for place in places) == 1 else None
