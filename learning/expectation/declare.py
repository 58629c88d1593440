"""Reads declarations: ``y = f + eps; E[eps] = 0; Var[eps] = s^2; f constant; g independent of eps``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, product
from typing import Any

from sympy import Expr, Indexed, Integer, Symbol, degree, expand, preorder_traversal

from chainrule.derive.errors import InputError, NotationError, Span, near_names
from chainrule.learning.expectation.laws import LAWS, ORDERS, central_moments
from chainrule.learning.expectation.nodes import Covariance, Expect, Over, Variance, expect
from chainrule.learning.expectation.read import LETTERS, index_symbol, read
from chainrule.learning.expectation.setting import Setting, Value, index_of, name_of

NAMES = r"\w+(?:\s*,\s*\w+)*"
RANGE = re.compile(rf"([{LETTERS}])\s*=\s*1\s*(?:\.\.+|…)\s*(.+)")
CONSTANT = re.compile(rf"(?:constants?:?\s+({NAMES})|({NAMES})\s+(?:is |are )?constants?)")
RANDOM = re.compile(rf"({NAMES})\s+(?:is |are )?random")
AWAY = re.compile(rf"({NAMES})\s+(?:is |are )?independent\s+(?:of|from)\s+({NAMES})")
MUTUAL = re.compile(rf"({NAMES})\s+(?:is |are )?(?:mutually\s+)?(?:independent|iid|i\.i\.d\.)")
LAW = re.compile(rf"(\w+)(?:\s*\|\s*({NAMES}))?\s*(?:~|∼)\s*(\w+)\s*\((.*)\)")


@dataclass
class Drafted:
    """Declarations as they are collected."""

    definitions: dict[str, Value] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    random: set[str] = field(default_factory=set)
    upper: dict[str, Expr] = field(default_factory=dict)
    moments: dict[tuple[str, int], Value] = field(default_factory=dict)
    central: dict[tuple[str, int], Value] = field(default_factory=dict)
    covariances: dict[tuple[str, str], tuple[Symbol | None, Symbol | None, Expr]] = field(default_factory=dict)
    products: list[tuple[Expr, Expr, Expr]] = field(default_factory=list)
    powers: list[tuple[Expr, Expr, str]] = field(default_factory=list)
    conditional: dict[str, tuple[frozenset[str], Expr]] = field(default_factory=dict)
    spreads: dict[str, tuple[frozenset[str], Expr]] = field(default_factory=dict)
    independent: set[frozenset[str]] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)
    laws: dict[str, tuple[str, tuple[Expr, ...]]] = field(default_factory=dict)

    def upper_of(self, index: Symbol) -> Expr:
        """How far an index runs."""
        return Setting(upper=self.upper).upper_of(index)

    def side(self, text: str) -> Expr:
        """One expression."""
        sides = read(text, self.upper_of)
        if len(sides) != 1:
            raise InputError("an expression without an equality sign is expected here", found=text.strip())
        return sides[0]

    def names(self, text: str) -> list[str]:
        """Names between commas; a member ``x_i`` is told by its family, which it makes random."""
        found = []
        for part in text.split(","):
            name = name_of(self.side(part))
            if not name:
                raise InputError("a list of names is expected here", found=text.strip())
            found.append(name)
        return found

    # Each statement is taken by the first of these that it matches.

    def range(self, match: re.Match[str]) -> None:
        """``i = 1..n``."""
        self.upper[match[1]] = _lengths(self.side(match[2]))

    def constant(self, match: re.Match[str]) -> None:
        """``f constant``."""
        self.constants |= set(self.names(match[1] or match[2]))

    def by_chance(self, match: re.Match[str]) -> None:
        """``g random``."""
        self.random |= set(self.names(match[1]))

    def away(self, match: re.Match[str]) -> None:
        """``g independent of eps``."""
        left, right = self.names(match[1]), self.names(match[2])
        self.random |= {*left, *right}
        self.independent |= {frozenset(pair) for pair in product(left, right)}

    def mutual(self, match: re.Match[str]) -> None:
        """``X, Y independent``; ``x_i independent`` says it of the members."""
        names = self.names(match[1])
        self.random |= set(names)
        members = {name_of(item) for item in map(self.side, match[1].split(",")) if isinstance(item, Indexed)}
        if len(names) == 1 and not members:
            hint = f"{names[0]} independent of Y; x_i independent"
            raise InputError(f"{names[0]} is independent of what?", hint=hint)
        self.rows |= members
        self.independent |= {frozenset(pair) for pair in combinations(names, 2)}

    def law(self, match: re.Match[str]) -> None:
        """``x ~ normal(mu, s^2)``, ``y | x ~ normal(a*x, s^2)``."""
        subject, name = self.side(match[1]), match[3].lower()
        if name not in LAWS:
            near = near_names(name, LAWS)
            raise InputError(f"there is no distribution {match[3]!r} here", near=near, expected=", ".join(LAWS))
        arguments = tuple(map(self.side, filter(None, (part.strip() for part in match[4].split(",")))))
        law = LAWS[name]
        if len(arguments) != len(law.parameters):
            raise InputError(f"{name} takes {len(law.parameters)} parameters", expected=", ".join(law.parameters),
                             found=str(len(arguments)))  # fmt: skip
        cumulants = [law.cumulant(order, *arguments) for order in range(1, ORDERS + 1)]
        key = name_of(subject)
        self.random.add(key)
        if match[2]:
            given = frozenset(self.names(match[2]))
            self.random |= given
            self.conditional[key], self.spreads[key] = ((given, cumulant) for cumulant in cumulants[:2])
            return
        self.laws[key] = (name, arguments)
        self.moments[key, 1] = (index_of(subject), cumulants[0])
        for order, value in enumerate(central_moments(cumulants)):
            if order > 1:
                self.central[key, order] = (index_of(subject), value)

    def equation(self, text: str) -> None:
        """A definition, or the value of a mean, a variance, a covariance or a moment."""
        sides = read(text, self.upper_of)
        if len(sides) != 2:
            raise InputError("this declaration is not understood", found=text.strip(), hint=HINT)
        left, value = sides
        if isinstance(left, Symbol | Indexed):
            self.define(left, value)
        elif isinstance(left, Variance) and not left.args[1]:
            self.central[self.subject(left.args[0]), 2] = (index_of(left.args[0]), value)
        elif isinstance(left, Variance):
            self.spreads[self.subject(left.args[0])] = (frozenset(self.subject(item) for item in left.args[1]), value)
        elif isinstance(left, Covariance) and not left.args[2]:
            one, two = left.args[:2]
            pair = (self.subject(one), self.subject(two))
            self.covariances[pair] = (index_of(one), index_of(two), value)
        elif isinstance(left, Expect):
            self.expectation(left, value, text)
        else:
            raise InputError("a declaration gives the value of a name or of a moment", found=text.strip(), hint=HINT)

    def define(self, left: Expr, value: Expr) -> None:
        """``y = f + eps``."""
        if name_of(left) in self.definitions:
            raise InputError(f"{name_of(left)} is defined twice")
        self.definitions[name_of(left)] = (index_of(left), value)

    def expectation(self, left: Expr, value: Expr, text: str) -> None:
        """``E[x] = m``, ``E[x^2] = v``, ``E[(x - m)^3] = t``, ``E[x*y] = c``, ``E[y | x] = m``."""
        body, given = left.args
        if given:
            self.conditional[self.subject(body)] = (frozenset(self.subject(item) for item in given), value)
        elif name_of(body):
            self.moments[self.subject(body), 1] = (index_of(body), value)
        elif body.is_Mul and len(body.args) == 2 and all(name_of(arg) for arg in body.args):
            self.products.append((*body.args, value))
            self.random |= {name_of(arg) for arg in body.args}
        else:
            self.powers.append((body, value, text))

    def subject(self, expr: Expr) -> str:
        """The name that something is declared of."""
        if not name_of(expr):
            raise InputError("this is declared of a name alone", found=str(expr), hint=HINT)
        self.random.add(name_of(expr))
        return name_of(expr)

    def settle(self) -> None:
        """Moments that are said by the mean, once all means are known."""
        for body, value, text in self.powers:
            self.power(body, value, text)
        for one, two, value in self.products:
            means = [self.moments.get((name_of(item), 1)) for item in (one, two)]
            if None in means:
                raise InputError("E[x*y] is declared where E[x] and E[y] are", found=f"E[{one}*{two}]",
                                 hint="or declare Cov[x, y]")  # fmt: skip
            product_of_means = means[0][1] * means[1][1]  # type: ignore[index]
            self.covariances[name_of(one), name_of(two)] = (index_of(one), index_of(two), value - product_of_means)

    def power(self, body: Expr, value: Expr, text: str) -> None:
        """``E[x^k]`` or ``E[(x - m)^k]``."""
        for item in (node for node in preorder_traversal(body) if isinstance(node, Symbol | Indexed)):
            mean = self.moments.get((name_of(item), 1), (None, expect(item)))[1]
            shift = Symbol("shift")
            for table, around in ((self.moments, Integer(0)), (self.central, mean)):
                inner = expand(body.xreplace({expect(item): mean}).xreplace({item: around + shift}))
                if inner.is_polynomial(shift) and inner == shift ** degree(inner, shift) and degree(inner, shift) > 1:
                    table[self.subject(item), int(degree(inner, shift))] = (index_of(item), value)
                    return
        raise InputError("which moment this is, is not understood", found=text.strip(), hint=HINT)


HINT = (
    "declarations are y = f + eps; E[x] = m; Var[x] = s^2; Cov[x, y] = c; E[x^3] = t; E[y | x] = g(x); "
    "Var[y | x] = v(x); x constant; x random; x independent of y; x_i independent; i = 1..n; x ~ normal(m, s^2); "
    "y | x ~ poisson(x)"
)
STATEMENTS: tuple[tuple[re.Pattern[str], Callable[[Drafted, Any], None]], ...] = (
    (RANGE, Drafted.range), (CONSTANT, Drafted.constant), (RANDOM, Drafted.by_chance), (AWAY, Drafted.away),
    (MUTUAL, Drafted.mutual), (LAW, Drafted.law),
)  # fmt: skip


def declared(given: str, about: str) -> tuple[Setting, tuple[Expr, ...]]:
    """The setting that declarations make, and the expression or equation ``about`` read in it.

    Raises:
        NotationError, InputError: what is not understood, or contradicts itself.
    """
    statements = [part.strip() for part in re.split(r"[;\n]", given) if part.strip()]
    draft = Drafted()
    # How far indices run is needed to read everything else.
    for statement in sorted(statements, key=lambda text: RANGE.fullmatch(text) is None):
        _take(draft, statement)
    draft.settle()
    sides = read(about, draft.upper_of)
    return _setting(draft, statements, sides), sides


def _take(draft: Drafted, statement: str) -> None:
    for pattern, taken in STATEMENTS:
        match = pattern.fullmatch(statement)
        if match:
            return taken(draft, match)
    if "=" not in statement:
        raise NotationError("this declaration is not understood", Span(statement, 0, len(statement)), hint=HINT)
    draft.equation(statement)
    return None


def _setting(draft: Drafted, statements: Iterable[str], sides: tuple[Expr, ...]) -> Setting:
    exprs = [*sides, *(value for _, value in draft.definitions.values())]
    lengths = {item for side in (*exprs, *draft.upper.values()) for item in _uppers(side)} | set(draft.upper.values())
    of_lengths = {name for item in lengths for name in map(name_of, item.free_symbols)}
    for name in sorted(of_lengths & draft.random):
        raise InputError(f"the number of terms {name} is random, and a sum here has a fixed number of them",
                         hint=f"leave out what makes {name} random: the result is then what is expected given {name}")
    never = of_lengths | draft.constants
    clash = sorted(draft.constants & draft.random)
    if clash:
        raise InputError(f"{clash[0]} is declared constant, and something is declared of it that makes it random")
    random = draft.random | {name for expr in exprs for name in _capitals(expr)} - never
    try:
        TopologicalSorter({name: given for name, (given, _) in draft.spreads.items()}).prepare()
    except CycleError as error:
        raise InputError("variables are given each other in a circle", found=" | ".join(error.args[1])) from None
    for name in (*draft.definitions, *draft.constants):
        random.discard(name)
    for name in draft.definitions:
        _names_in(name, draft.definitions, random)
    definitions = _apart(draft.definitions, {index.name for side in sides for index in _bound(side)})
    pairs = set()
    for pair in draft.independent:
        sets = [_names_in(name, definitions, random) for name in pair]
        pairs |= {frozenset(two) for two in product(*sets) if len(set(two)) == 2}
    families = {name_of(node) for expr in [*exprs, *_values(draft)] for node in _members(expr)} | draft.rows
    return Setting(
        tuple(statements), definitions, frozenset(random), frozenset(families), draft.upper, draft.moments,
        draft.central, draft.covariances, draft.conditional, draft.spreads, frozenset(pairs), frozenset(draft.rows),
        draft.laws,
    )  # fmt: skip


def _values(draft: Drafted) -> Iterator[Expr]:
    for table in (draft.moments, draft.central):
        yield from (value for _, value in table.values())


def _members(expr: Expr) -> Iterator[Expr]:
    return (node for node in preorder_traversal(expr) if isinstance(node, Indexed))


def _uppers(expr: Expr) -> Iterator[Expr]:
    return (node.args[2] for node in preorder_traversal(expr) if isinstance(node, Over))


def _bound(expr: Expr) -> Iterator[Symbol]:
    return (index for node in preorder_traversal(expr) if isinstance(node, Over) for index in node.args[1])


def _capitals(expr: Expr) -> Iterator[str]:
    """Names in capitals inside operators: random variables, as on paper, unless they are declared constant."""
    for node in preorder_traversal(expr):
        if isinstance(node, Expect | Variance | Covariance):
            inner = (item for item in preorder_traversal(node) if isinstance(item, Symbol | Indexed))
            yield from (name_of(item) for item in inner if name_of(item)[:1].isupper())


def _names_in(name: str, definitions: Mapping[str, Value], random: set[str], seen: tuple[str, ...] = ()) -> set[str]:
    """The random variables behind a name that may be defined by others."""
    if name in seen:
        raise InputError(f"{name} is defined by itself")
    if name not in definitions:
        return {name} & random
    inner = {name_of(item) for item in preorder_traversal(definitions[name][1]) if isinstance(item, Symbol | Indexed)}
    return {found for item in inner for found in _names_in(item, definitions, random, (*seen, name))}


def _apart(definitions: Mapping[str, Value], used: set[str]) -> dict[str, Value]:
    """The definitions with bound indices whose letters are not those of the expression."""
    made = {}
    for name, (index, value) in definitions.items():
        taken = used | ({index.name} if index is not None else set())
        letters = iter([letter for letter in LETTERS[1:] + "pqrstuvw" if letter not in taken])
        clashing = sorted({item for item in _bound(value) if item.name in taken}, key=str)
        made[name] = (index, value.xreplace({item: index_symbol(next(letters)) for item in clashing}))
    return made


def _lengths(expr: Expr) -> Expr:
    """A length, whose names are positive integers only by their use."""
    if not expr.free_symbols and not (expr.is_Integer and expr > 0):
        raise InputError("an index runs from 1 to a positive whole number", found=str(expr))
    return expr

