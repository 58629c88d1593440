"""The moves of the algebra, each a rewriting of a whole expression with the reason why it may be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, S, Symbol, Tuple, expand

from chainrule.learning.expectation.nodes import (
    Covariance,
    Deviation,
    Expect,
    Group,
    Over,
    Variance,
    everywhere,
    expect,
    has,
    is_opaque,
    outermost,
    over,
    rebuild,
    ungrouped,
)
from chainrule.learning.expectation.setting import Setting, name_of
from chainrule.learning.expectation.terms import Term, expanded, factors, summed

#: A claim that a move rests on: left side, right side, why.
Because = tuple[Expr, Expr, str]


@dataclass
class Algebra:
    """The moves in a setting; ``because`` collects what the move under way rests on."""

    setting: Setting
    because: list[Because]

    # Definitions

    def defined(self, expr: Expr) -> Expr:
        """Names replaced by what they stand for."""
        if name_of(expr) in self.setting.definitions:
            index, value = self.setting.definitions[name_of(expr)]
            if index is not None and isinstance(expr, Indexed):
                value = value.xreplace({index: expr.indices[0]})
            return self.defined(value)
        if not expr.args or isinstance(expr, Indexed):
            return expr
        if isinstance(expr, Over):
            return over(self.defined(expr.args[0]), tuple(expr.args[1]), expr.args[2])
        return expr.func(*(Tuple(*map(self.defined, arg)) if isinstance(arg, Tuple) else self.defined(arg)
                           for arg in expr.args))  # fmt: skip

    def separated(self, expr: Expr) -> Expr:
        """The variance of a sum of independent terms is the sum of their variances."""
        return everywhere(expr, self._separated)

    def _separated(self, node: Expr) -> Expr:
        if not isinstance(node, Variance) or node.args[1]:
            return node
        factor, body = node.args[0].as_independent(*self._random_parts(node.args[0]), as_Add=False)
        made = self._sum_of_variances(body)
        return node if made is None or self.setting.is_random(factor) else factor**2 * made

    def _random_parts(self, expr: Expr) -> list[Expr]:
        """Factors that depend on chance, and members of families."""
        return [item for item in Mul.make_args(expr) if self.setting.is_random(item)]

    def _sum_of_variances(self, body: Expr) -> Expr | None:
        if isinstance(body, Over) and len(body.args[1]) == 1:
            inner, index = body.args[0], body.args[1][0]
            other = inner.xreplace({index: Symbol(f"{index}'", integer=True)})
            if not self.setting.may_depend(inner, other):
                return over(Variance(inner, Tuple()), (index,), body.args[2])
        if isinstance(body, Add):
            parts = self._independent_terms(body)
            if len(parts) > 1:
                return Add(*(Variance(part, Tuple()) for part in parts if self.setting.is_random(part)))
        return None

    def _independent_terms(self, body: Add) -> list[Expr]:
        """The terms of a sum in groups that are independent of each other."""
        parts: list[Expr] = []
        for item in body.args:
            near = [part for part in parts if self.setting.may_depend(item, part)]
            parts = [part for part in parts if part not in near] + [Add(item, *near)]
        return parts

    def scaled(self, expr: Expr) -> Expr:
        """``Var[a Z + b] = a^2 Var[Z]`` as a step on the way; where it is the question, it is derived."""
        return expr if isinstance(expr, Variance) else everywhere(expr, self._scaled)

    def _scaled(self, node: Expr) -> Expr:
        if not isinstance(node, Variance) or node.args[1]:
            return node
        varying = Add(*(item for item in Add.make_args(node.args[0]) if self.setting.is_random(item)))
        constant, body = varying.as_independent(*self._random_parts(varying), as_Add=False)
        return node if self.setting.is_random(constant) else constant**2 * Variance(body, Tuple())

    def spread(self, expr: Expr) -> Expr:
        """``Var[Z] = E[(Z - E[Z])^2]`` and ``Cov[Z, W] = E[(Z - E[Z]) (W - E[W])]`` of composite arguments."""
        return everywhere(expr, self._spread)

    def _spread(self, node: Expr) -> Expr:
        if not isinstance(node, Variance | Covariance) or all(map(self.setting.is_atom, node.args[:-1])):
            return node
        given = node.args[-1]
        left, right = node.args[0], node.args[-2]
        return expect((left - expect(left, given)) * (right - expect(right, given)), given)

    def totalled(self, expr: Expr) -> Expr:
        """``Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]`` where both are declared."""
        return everywhere(expr, self._totalled)

    def _totalled(self, node: Expr) -> Expr:
        if not isinstance(node, Variance) or node.args[1]:
            return node
        mean, spread = (table.get(name_of(node.args[0])) for table in (self.setting.conditional, self.setting.spreads))
        if mean is None or spread is None or mean[0] != spread[0]:
            return node
        return expect(spread[1]) + Variance(mean[1], Tuple())

    def conditioned(self, expr: Expr) -> Expr:
        """Conditional means and variances by their declared values."""
        return everywhere(expr, self._conditional_moment)

    def _conditional_moment(self, node: Expr) -> Expr:
        known = {Expect: self.setting.conditional_mean, Variance: self.setting.conditional_variance}.get(type(node))
        declared = known(*node.args) if known and node.args[1] else None
        return node if declared is None else declared

    def by_moments(self, expr: Expr) -> Expr:
        """``Var[Z | X] = E[Z^2 | X] - E[Z | X]^2``, and so for covariances."""
        return everywhere(expr, self._by_moments)

    def _by_moments(self, node: Expr) -> Expr:
        if not isinstance(node, Variance | Covariance) or self._declared(node) is not None:
            return node
        given = node.args[-1]
        left, right = node.args[0], node.args[-2]
        return expect(left * right, given) - expect(left, given) * expect(right, given)

    # Products of independent factors

    def parted(self, expr: Expr) -> Expr:
        """``E[X Y] = E[X] E[Y]`` where X and Y are independent, the factors left as they are."""
        return everywhere(expr, self._parted)

    def _parted(self, node: Expr) -> Expr:
        if not isinstance(node, Expect) or node.args[1] or not isinstance(node.args[0], Mul | Pow):
            return node
        body = node.args[0]
        parts = self.groups(factors(_separate(body)))
        if len(parts) < 2:
            return node
        made = Mul(*map(expect, parts))
        self.because.append((node, made, "independent factors"))
        return made

    def groups(self, items: Sequence[Expr]) -> list[Expr]:
        """The product as products that are independent of each other."""
        parts: list[list[Expr]] = []
        for item in items:
            near = [part for part in parts if any(self.setting.may_depend(item, other) for other in part)]
            parts = [part for part in parts if part not in near] + [[item, *(other for part in near for other in part)]]
        return [Mul(*part) for part in parts]

    # Means

    def centred(self, expr: Expr) -> Expr:
        """Every variable in a product as its mean plus its deviation from it."""
        return outermost(expr, Expect, self._centred)

    def _centred(self, node: Expr) -> Expr:
        body = node.args[0]
        terms = expanded(body, self.setting)
        if all(self._is_plain(term) for term in terms):
            return node
        return expect(self.bracketed(self.shifted(body)))

    def _is_plain(self, term: Term) -> bool:
        """Whether a term needs no deviation: it is linear, or a moment that is declared."""
        atoms = [item for item in factors(term.product) if self.setting.is_random(item)]
        if not atoms or (len(atoms) == 1 and self.setting.is_atom(atoms[0])):
            return True
        return len(atoms) == 1 and isinstance(atoms[0], Pow) and (
            isinstance(atoms[0].base, Deviation) or self.setting.moment(atoms[0].base, int(atoms[0].exp)) is not None
        )  # fmt: skip

    def shifted(self, expr: Expr) -> Expr:
        """Atoms as mean plus deviation."""
        if isinstance(expr, Deviation) or not self.setting.is_random(expr):
            return expr
        if self.setting.is_atom(expr):
            mean = self.setting.mean(expr)
            return mean + Deviation(expr, mean)
        return rebuild(expr, self.shifted)

    def bracketed(self, expr: Expr, taken: frozenset[Symbol] = frozenset()) -> Expr:
        """The constant part of every linear factor as one term."""
        if not self.setting.is_random(expr) or self.setting.is_atom(expr):
            return expr
        if isinstance(expr, Pow | Mul):
            return rebuild(expr, lambda arg: self.bracketed(arg, taken))
        terms = expanded(expr, self.setting, taken)
        if any(self._degree(term) > 1 for term in terms):
            inner = taken | frozenset(expr.args[1]) if isinstance(expr, Over) else taken
            return rebuild(expr, lambda arg: self.bracketed(arg, inner))
        constant = Add(*(term.expression() for term in terms if not self._degree(term)))
        rest = Add(*(term.expression() for term in terms if self._degree(term)))
        return (Group(constant) if isinstance(constant, Add) else constant) + rest

    def _degree(self, term: Term) -> int:
        atoms = (item for item in factors(term.product) if self.setting.is_random(item))
        return sum(int(item.exp) if isinstance(item, Pow) and not is_opaque(item) else 1 for item in atoms)

    def means(self, expr: Expr) -> Expr:
        """Expectations inside of expectations, which are numbers, by linearity."""
        return outermost(expr, Expect, lambda node: expect(self._inner(node.args[0]), node.args[1]))

    def _inner(self, body: Expr) -> Expr:
        return outermost(body, Expect, self._mean) if has(body, Expect) else body

    def _mean(self, node: Expr) -> Expr:
        made = self.evaluated(node)
        if made != node:
            plain = self.valued(self.parted(self.linear(node)))
            self.because.append((node, made, "linearity" if made == plain else "the same moves"))
        return made

    def evaluated(self, node: Expr) -> Expr:
        """An expectation that stands inside of another, brought to its end."""
        inner = Algebra(self.setting, [])
        moves = (inner.parted, inner.centred, inner.linear, inner.split, inner.vanished, inner.parted, inner.named,
                 inner.valued)  # fmt: skip
        return ungrouped(applied(moves, node))

    # Linearity

    def linear(self, expr: Expr) -> Expr:
        """Sums and constants drawn out of expectations."""
        return everywhere(expr, self._linear)

    def _linear(self, node: Expr) -> Expr:
        if not isinstance(node, Expect):
            return node
        given = node.args[1]
        return Add(*(self._drawn(term, given) for term in expanded(node.args[0], self.setting)))

    def _drawn(self, term: Term, given: Tuple) -> Expr:
        known = [item for item in factors(term.product) if self._is_known(item, given)]
        random = [item for item in factors(term.product) if not self._is_known(item, given)]
        inner = expect(Mul(*random), given) if random else S.One
        return term.coefficient * summed(Mul(*known) * inner, term.indices)

    def _is_known(self, item: Expr, given: Tuple) -> bool:
        """Whether a factor is a constant, or a function of what is given."""
        return self.setting.variables(item) <= self.setting.all_variables(given)

    # Conditional expectations

    def towered(self, expr: Expr) -> Expr:
        """``E[E[Y | X]] = E[Y]``, and ``E[h(X) Y] = E[h(X) E[Y | X]]`` in the direction that makes it simpler."""
        return everywhere(expr, self._towered)

    def _towered(self, node: Expr) -> Expr:
        if not isinstance(node, Expect):
            return node
        if node.args[1]:
            declared = self.setting.conditional_mean(node.args[0], node.args[1])
            return node if declared is None else declared
        if node.args[1] or not self.setting.is_random(node.args[0]):
            return node
        items = factors(node.args[0])
        for item in items:
            base, power = (item.base, int(item.exp)) if isinstance(item, Pow) else (item, 1)
            rest = [other for other in items if other is not item]
            made = self._conditioned(base, power, rest)
            if made is not None:
                return made
        return node

    def _conditioned(self, item: Expr, power: int, rest: list[Expr]) -> Expr | None:
        if isinstance(item, Expect):
            given = item.args[1]
            known = [other for other in rest if self._is_known(other, given)]
            open_ones = [other for other in rest if not self._is_known(other, given)]
            if open_ones:
                inner = expect(Mul(*open_ones), given)
                return self.towered(self.linear(expect(item**power * Mul(*known) * inner)))
            return expect(item.args[0] * Mul(*known)) if power == 1 else None
        names = {name for name, _ in self.setting.all_variables(rest)}
        declared = self.setting.conditional.get(name_of(item))
        if not declared or not names <= declared[0]:
            return None
        if power == 1:
            return self.linear(expect(declared[1] * Mul(*rest)))
        spread = self.setting.spreads.get(name_of(item))
        if power == 2 and spread and spread[0] == declared[0]:
            return self.linear(expect((spread[1] + declared[1] ** 2) * Mul(*rest)))
        return None

    def folded(self, expr: Expr) -> Expr:
        """``E[U V] - E[U] E[V] = Cov[U, V]`` and ``E[U^2] - E[U]^2 = Var[U]``."""
        terms = dict(expand(expr).as_coefficients_dict())
        for key in list(terms):
            for node in [item for item in Mul.make_args(key) if isinstance(item, Expect)]:
                items = factors(_separate(node.args[0]))
                if len(items) != 2 or node.args[1]:
                    continue
                away = key / node * expect(items[0]) * expect(items[1])
                if terms.get(key, 0) != 0 and terms.get(away, 0) == -terms[key]:
                    named = Variance(items[0], Tuple()) if items[0] == items[1] else Covariance(*items, Tuple())
                    terms[key / node * named] = terms.get(key / node * named, 0) + terms.pop(key)
                    del terms[away]
                    break
        return Add(*(value * key for key, value in terms.items()))

    # Sums

    def split(self, expr: Expr) -> Expr:
        """Sums over several indices by which of them are equal."""
        return outermost(expr, Over, self._split)

    def _split(self, node: Expr) -> Expr:
        indices: list[tuple[Symbol, Expr]] = []
        body: Expr = node
        while isinstance(body, Over) and len(body.args[1]) == 1:
            indices.append((body.args[1][0], body.args[2]))
            body = body.args[0]
        if len(indices) < 2 or not has(body, Expect):
            return node
        return self._coincident(body, indices)

    def _coincident(self, body: Expr, indices: list[tuple[Symbol, Expr]]) -> Expr:
        upper = indices[0][1]
        same = [index for index, end in indices if end == upper]
        others = [(index, end) for index, end in indices if end != upper]
        made: Expr = S.Zero
        for blocks in _partitions(same):
            change = {index: block[0] for block in blocks for index in block}
            made += over(body.xreplace(change), tuple(block[0] for block in blocks), upper)
        return summed(made, tuple(others))

    # What is known of single terms

    def vanished(self, expr: Expr) -> Expr:
        """Products with a deviation that is independent of the other factors have mean 0."""
        return self._cleared(everywhere(expr, self._vanished))

    def _vanished(self, node: Expr) -> Expr:
        if not isinstance(node, Expect) or node.args[1]:
            return node
        for part in self.groups(factors(node.args[0])):
            if isinstance(part, Deviation):
                others = len(factors(node.args[0])) > 1
                why = "it is independent of the other factor, and a deviation has mean 0" if others else (
                    "a deviation from the mean has mean 0" if part.args[1] != 0 else "declared")  # fmt: skip
                self.because.append((node, S.Zero, why))
                return S.Zero
        return node

    def _cleared(self, expr: Expr) -> Expr:
        """Sums of nothing are nothing."""
        return everywhere(expr, lambda node: S.Zero if isinstance(node, Over) and node.args[0] == 0 else node)

    def named(self, expr: Expr) -> Expr:
        """``E[(X - E[X])^2]`` is a variance, ``E[(X - E[X]) (Y - E[Y])]`` a covariance."""
        return everywhere(expr, self._named)

    def _named(self, node: Expr) -> Expr:
        if not isinstance(node, Expect) or node.args[1]:
            return node
        items = factors(_separate(node.args[0]))
        if len(items) == 2 and all(isinstance(item, Deviation) for item in items):
            left, right = (item.args[0] for item in items)
            return Variance(left, Tuple()) if left == right else Covariance(left, right, Tuple())
        return node

    def valued(self, expr: Expr) -> Expr:
        """Moments by their declared values."""
        return self._cleared(everywhere(expr, self._valued))

    def _valued(self, node: Expr) -> Expr:
        value = self._declared(node)
        return node if value is None else value

    def _declared(self, node: Expr) -> Expr | None:
        if isinstance(node, Over):
            return over(node.args[0], tuple(node.args[1]), node.args[2])
        if not isinstance(node, Expect | Variance | Covariance) or node.args[-1]:
            return None
        if isinstance(node, Variance):
            return self.setting.central_moment(node.args[0], 2)
        if isinstance(node, Covariance):
            return self.setting.covariance(*node.args[:2])
        base, order = node.args[0].as_base_exp()
        if not order.is_Integer:
            return None
        if isinstance(base, Deviation):
            return self.setting.central_moment(base.args[0], int(order))
        return self.setting.raw_moment(base, int(order))


def _separate(expr: Expr) -> Expr:
    """A product with squares as two factors."""
    items = [part for item in factors(expr) for part in ([item.base] * 2 if _is_square(item) else [item])]
    return Mul(*items, evaluate=False) if len(items) > 1 else expr


def _is_square(item: Expr) -> bool:
    return isinstance(item, Pow) and item.exp == Integer(2)


def _partitions(items: list[Symbol]) -> Iterator[list[list[Symbol]]]:
    """All ways to part a list into blocks."""
    if not items:
        yield []
        return
    head, *tail = items
    for blocks in _partitions(tail):
        yield [[head], *blocks]
        for number, block in enumerate(blocks):
            yield [*blocks[:number], [head, *block], *blocks[number + 1 :]]


def applied(moves: Sequence[Callable[[Expr], Expr]], expr: Expr) -> Expr:
    """One move after the other."""
    return reduce(lambda made, move: move(made), moves, expr)
