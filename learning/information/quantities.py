"""Entropies, mutual informations and divergences: their notation, and what they are made of.

A quantity of random variables is a combination of joint entropies, ``I(X;Y|Z) = H(X,Z) + H(Y,Z) - H(X,Y,Z) - H(Z)``;
a quantity of distributions is one of sums ``<p, r> = sum p log r``, ``KL(p||q) = <p, p> - <p, q>``; the logarithm of
a whole number stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from chainrule.derive.render.page import Shown

#: A joint entropy is keyed by its variables; a sum ``<p, r>`` by both distributions, ``(p + q)/2`` being ``p+q``;
#: a logarithm ``log(2)`` by ``("log", "2")``.
Key = frozenset[str] | tuple[str, str]
Combination = dict[Key, Fraction]
Kind = str
MAX_VARIABLES = 5
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Attributes:
        kind: ``H``, ``I``, ``KL``, ``JS`` or ``log``.
        groups: what stands between the semicolons: variables, distributions, or a number.
        given: the variables after the bar.
    """

    kind: Kind
    groups: tuple[tuple[str, ...], ...]
    given: tuple[str, ...] = ()

    @property
    def of_variables(self) -> bool:
        """Whether it is of random variables, which begin with a capital letter."""
        return self.groups[0][0][0].isupper()

    def names(self) -> frozenset[str]:
        """The variables or distributions."""
        if self.kind == "log":
            return frozenset()
        return frozenset(name for group in (*self.groups, self.given) for name in group)

    def combination(self) -> Combination:
        """What it is made of."""
        return _of_variables(self) if self.of_variables else _of_distributions(self)

    def shown(self) -> Shown:
        """The quantity for any renderer."""
        parts = [", ".join(group) for group in self.groups]
        if self.kind == "KL":
            beside = r" \| ".join(parts)
            return Shown(f"KL({'||'.join(parts)})", rf"D_{{\mathrm{{KL}}}}({beside})")
        if self.kind == "log":
            return _logarithm(parts[0])
        inner = ("; " if self.kind == "I" else ", ").join(parts)
        given = ", ".join(self.given)
        text = f"{self.kind}({inner}{f' | {given}' if given else ''})"
        name = self.kind if self.kind in "HI" else rf"\mathrm{{{self.kind}}}"
        bar = rf" \mid {given}" if given else ""
        return Shown(text, f"{name}({inner}{bar})")

    def logarithm(self) -> Shown:
        """The quantity as the mean of a logarithm, its definition."""
        if not self.of_variables:
            return _as_sum(self)
        groups = [_density(group, self.given) for group in self.groups]
        if self.kind == "H":
            return Shown(f"-E[log {groups[0][0]}]", rf"-\mathbb{{E}}[\log {groups[0][1]}]")
        whole = _density(tuple(name for group in self.groups for name in group), self.given)
        text, latex = (whole[place] for place in (0, 1))
        below = " ".join(group[0] for group in groups), " ".join(group[1] for group in groups)
        return Shown(f"E[log({text}/({below[0]}))]", rf"\mathbb{{E}}\left[\log \frac{{{latex}}}{{{below[1]}}}\right]")


def _logarithm(number: str) -> Shown:
    return Shown(f"log({number})", rf"\log {number}")


def _density(names: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, str]:
    left, right = (", ".join(name.lower() for name in part) for part in (names, given))
    bar = f" | {right}" if right else ""
    return f"p({left}{bar})", f"p({left}{bar.replace('|', chr(92) + 'mid')})"


def _as_sum(quantity: Quantity) -> Shown:
    p, q = (quantity.groups[0] * 2)[0], quantity.groups[-1][-1]
    m = f"({p} + {q})/2"
    texts = {
        "H": (f"-sum {p} log {q}", rf"-\sum {p} \log {q}"),
        "KL": (f"sum {p} log({p}/{q})", rf"\sum {p} \log \frac{{{p}}}{{{q}}}"),
        "JS": (f"KL({p}||m)/2 + KL({q}||m)/2 with m = {m}",
               rf"\frac{{1}}{{2}} D_{{\mathrm{{KL}}}}({p} \| m) + \frac{{1}}{{2}} D_{{\mathrm{{KL}}}}({q} \| m), "
               rf"\quad m = \frac{{{p} + {q}}}{{2}}"),
    }  # fmt: skip
    return Shown(*texts[quantity.kind])


def plus(*parts: tuple[Fraction, Mapping[Key, Fraction]]) -> Combination:
    """A weighted sum; what cancels is left out."""
    total: Combination = {}
    for weight, combination in parts:
        for key, value in combination.items():
            total[key] = total.get(key, Fraction(0)) + weight * value
    return {key: value for key, value in total.items() if value}


def entropy(names: Iterable[str]) -> Combination:
    """The joint entropy of variables; that of none is 0."""
    key = frozenset(names)
    return {key: Fraction(1)} if key else {}


def _of_variables(quantity: Quantity) -> Combination:
    one, minus = Fraction(1), Fraction(-1)
    given = quantity.given
    if quantity.kind == "H":
        return plus((one, entropy((*quantity.groups[0], *given))), (minus, entropy(given)))
    left, right = quantity.groups
    return plus(
        (one, entropy((*left, *given))), (one, entropy((*right, *given))),
        (minus, entropy((*left, *right, *given))), (minus, entropy(given)),
    )  # fmt: skip


def pairing(p: str, r: str) -> Combination:
    """``<p, r> = sum p log r``, which is linear in ``p``."""
    names = p.split("+")
    parts: list[tuple[Fraction, Combination]] = [(Fraction(1, len(names)), {(name, r): Fraction(1)}) for name in names]
    return plus(*parts)


def divergence(p: str, q: str) -> Combination:
    """``KL(p||q) = <p, p> - <p, q>``."""
    return plus((Fraction(1), pairing(p, p)), (Fraction(-1), pairing(p, q)))


def mixture(p: str, q: str) -> str:
    """The name of ``(p + q)/2``."""
    return p if p == q else "+".join(sorted((p, q)))


def _of_distributions(quantity: Quantity) -> Combination:
    p, q = quantity.groups[0][0], quantity.groups[-1][-1]
    if quantity.kind == "log":
        return {("log", p): Fraction(1)}
    if quantity.kind == "H":
        return plus((Fraction(-1), pairing(p, q)))
    if quantity.kind == "KL":
        return divergence(p, q)
    m = mixture(p, q)
    return plus((HALF, divergence(p, m)), (HALF, divergence(q, m)))


Side = tuple[tuple[Fraction, Quantity], ...]


# Printing


def shown_sum(terms: Iterable[tuple[Fraction, Shown]]) -> Shown:
    """A weighted sum of things."""
    items = list(terms)
    return Shown(_joined([(w, s.text) for w, s in items], ""), _joined([(w, s.latex) for w, s in items], r"\,"))


def _joined(items: list[tuple[Fraction, str]], gap: str) -> str:
    written = ""
    for weight, text in items:
        sign = (" - " if weight < 0 else " + ") if written else ("-" if weight < 0 else "")
        written += sign + _factor(abs(weight), gap) + text
    return written or "0"


def _factor(size: Fraction, gap: str) -> str:
    """A factor before a quantity, in LaTeX where there is a gap."""
    if size == 1:
        return ""
    if not gap:
        return f"{size}*"
    return (rf"\frac{{{size.numerator}}}{{{size.denominator}}}" if size.denominator > 1 else str(size)) + gap


def shown_side(side: Side) -> Shown:
    """A side of an equation as it was given."""
    return shown_sum((weight, quantity.shown()) for weight, quantity in side)


def shown_combination(combination: Mapping[Key, Fraction]) -> Shown:
    """Joint entropies, or cross-entropies, those with a plus sign first."""
    keys = sorted(combination, key=lambda key: (combination[key] < 0, len(key), sorted(key)))
    return shown_sum((combination[key], shown_key(key)) for key in keys)


def shown_key(key: Key) -> Shown:
    """One joint entropy or one sum."""
    if isinstance(key, frozenset):
        return Quantity("H", (tuple(sorted(key)),)).shown()
    p, r = key
    if p == "log":
        return _logarithm(r)
    text = r if "+" not in r else f"(({' + '.join(r.split('+'))})/2)"
    latex = r if "+" not in r else rf"\frac{{{' + '.join(r.split('+'))}}}{{2}}"
    return Shown(f"sum {p} log {text}", rf"\sum {p} \log {latex}")


def combined(side: Side) -> Combination:
    """What a side is made of."""
    return plus(*((weight, quantity.combination()) for weight, quantity in side))


def quantities(sides: Iterable[Side]) -> Iterator[Quantity]:
    """Every quantity once."""
    yield from dict.fromkeys(quantity for side in sides for _, quantity in side)
