"""Entropies, mutual informations and divergences: their notation, and what they are made of.

A quantity of random variables is a combination of joint entropies, ``I(X;Y|Z) = H(X,Z) + H(Y,Z) - H(X,Y,Z) - H(Z)``;
a quantity of distributions is one of sums ``<p, r> = sum p log r``, ``KL(p||q) = <p, p> - <p, q>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from chainrule.derive.errors import LimitError, NotationError, Span
from chainrule.derive.render.page import Shown

#: A joint entropy is keyed by its variables; a sum ``<p, r>`` by both distributions, ``(p + q)/2`` being ``p+q``.
Key = frozenset[str] | tuple[str, str]
Combination = dict[Key, Fraction]
Kind = str
MAX_VARIABLES = 5
MAX_LENGTH = 500
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Attributes:
        kind: ``H``, ``I``, ``KL`` or ``JS``.
        groups: what stands between the semicolons: variables, or distributions.
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
    if quantity.kind == "H":
        return plus((Fraction(-1), pairing(p, q)))
    if quantity.kind == "KL":
        return divergence(p, q)
    m = mixture(p, q)
    return plus((HALF, divergence(p, m)), (HALF, divergence(q, m)))


# Notation

QUANTITY = re.compile(r"\s*([A-Za-z]+)\s*\(([^()]*)\)")
WEIGHT = re.compile(r"\s*([+-])?\s*(?:(\d{1,4})(?:\s*/\s*([1-9]\d{0,3}))?\s*\*?)?")
NAME = re.compile(r"[A-Za-z]\w*")
KINDS = {"H": "H", "I": "I", "KL": "KL", "D": "KL", "JS": "JS"}
Side = tuple[tuple[Fraction, Quantity], ...]


def read_side(text: str) -> Side:
    """A sum of quantities with rational factors, or 0.

    Raises:
        NotationError, LimitError: it is none.
    """
    if len(text) > MAX_LENGTH:
        raise LimitError("the expression is too long", expected=f"{MAX_LENGTH} characters", found=str(len(text)))
    if text.strip() == "0":
        return ()
    found: list[tuple[Fraction, Quantity]] = []
    place = 0
    while text[place:].strip():
        weight = WEIGHT.match(text, place)
        assert weight
        match = QUANTITY.match(text, weight.end())
        if not match or (found and not weight[1]):
            at = place + len(text[place:]) - len(text[place:].lstrip())
            raise NotationError("a quantity is expected here", Span(text, at, at + 1), expected=EXPECTED)
        sign = -1 if weight[1] == "-" else 1
        factor = sign * Fraction(int(weight[2] or 1), int(weight[3] or 1))
        found.append((factor, _quantity(match[1], match[2], Span(text, match.start(1), match.end()))))
        place = match.end()
    if not found:
        raise NotationError("a quantity is missing", Span(text, 0, max(1, len(text))), expected=EXPECTED)
    return tuple(found)


EXPECTED = "H(X), H(X,Y), H(X|Y), I(X;Y), I(X;Y|Z) of variables; H(p), H(p,q), KL(p||q), JS(p,q) of distributions"


def _quantity(word: str, inside: str, span: Span) -> Quantity:
    kind = KINDS.get(word)
    if kind is None:
        raise NotationError(f"there is no quantity {word}(..)", span, expected=EXPECTED)
    inside, _, given = (inside.replace("||", ";") if kind == "KL" else inside).partition("|")
    groups = tuple(_names(part, span) for part in inside.replace(",", ";" if kind == "JS" else ",").split(";"))
    quantity = Quantity(kind, groups, _names(given, span) if given.strip() else ())
    if len({name[0].isupper() for name in quantity.names()}) > 1:
        raise NotationError("variables begin with capital letters, distributions do not: both stand here", span)
    if not _is_whole(quantity):
        raise NotationError("this quantity does not take such arguments", span, expected=EXPECTED)
    return quantity


def _is_whole(quantity: Quantity) -> bool:
    sizes = [len(group) for group in quantity.groups]
    if quantity.of_variables:
        return (quantity.kind, len(sizes)) in (("H", 1), ("I", 2))
    wanted = {"H": ([1], [2]), "KL": ([1, 1],), "JS": ([1, 1],)}
    return not quantity.given and sizes in wanted.get(quantity.kind, ())


def _names(text: str, span: Span) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(NAME.fullmatch(name) for name in names):
        raise NotationError("names stand here, between commas", span, found=text.strip() or "nothing")
    return names


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
    text = r if "+" not in r else f"(({' + '.join(r.split('+'))})/2)"
    latex = r if "+" not in r else rf"\frac{{{' + '.join(r.split('+'))}}}{{2}}"
    return Shown(f"sum {p} log {text}", rf"\sum {p} \log {latex}")


def combined(side: Side) -> Combination:
    """What a side is made of."""
    return plus(*((weight, quantity.combination()) for weight, quantity in side))


def quantities(sides: Iterable[Side]) -> Iterator[Quantity]:
    """Every quantity once."""
    yield from dict.fromkeys(quantity for side in sides for _, quantity in side)
