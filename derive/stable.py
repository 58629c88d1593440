"""Numerically stable forms of programs, recognised across definitions.

A formula may say ``p = sigmoid(z)`` in one place and ``log(1 - p)`` in another, or divide
``exp(z)`` by a sum of exponentials that has a name.  The identities of
:data:`chainrule.derive.identities.STABLE` see one expression only; here they are shown, in place of
a name, the exponential that stands behind it:

- a pointwise definition such as ``sigmoid(z[i])`` or ``exp(z[i])/s``,
- for a sum of exponentials ``s``, ``exp(l)`` with a new definition ``l := logsumexp ..``,
- for a product ``q`` of positive numbers, ``exp(l)`` with ``l := sum of logarithms``.

Where a sum of exponentials with weights of any sign is divided by one with positive weights, the
quotient of each exponential is taken instead.  A logarithm of something that depends on inputs with
two values, such as ``y p + (1 - y) (1 - p)``, is taken in each case by itself.

What is found is kept only where it removes the danger; every other use of the name stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from sympy import Add, Expr, Integer, KroneckerDelta, Mul, Pow, S, cosh, erf, erfc, exp, log, tanh

from chainrule.derive.catalog import elementwise as fn
from chainrule.derive.exponentials import exponential_sum, log_of_sum, split_exponential
from chainrule.derive.identities import STABLE, rewrite
from chainrule.derive.moments import central_moment
from chainrule.derive.program import Definition, Index, Program, Reduction, Ref, fresh_names
from chainrule.derive.scalar import equal, where
from chainrule.derive.signs import sign_of
from chainrule.derive.zero_products import with_masks

_LOGARITHMS = (log, fn.log1p.function)

#: Functions that underflow, overflow or reach one, so that a logarithm or a difference of them is in danger.
_SATURATING = (
    exp, cosh, tanh, erf, erfc,
    *(entry.function for entry in (fn.sigmoid, fn.normcdf, fn.normpdf, fn.sech2, fn.expm1)),
)  # fmt: skip

#: Inputs with two values by which a logarithm is taken apart.
MAX_CASES = 2

_DIFFERENCES = tuple(identity for identity in STABLE if identity.id in ("one-minus", "sigmoid-difference"))


def stabilise(program: Program, wrt: Iterable[str] = ()) -> Program:
    """A program with the same values, and derivatives by ``wrt``, that can be evaluated in floating point."""
    work = _Stabiliser(program, frozenset(wrt))
    for definition in program.definitions:
        work.add(definition)
    return program.with_definitions(work.definitions).pruned()


class _Stabiliser:
    """Rewrites definition by definition; ``known`` are the finished ones by name."""

    def __init__(self, program: Program, wrt: frozenset[str]) -> None:
        self.two_valued = {
            item.name: item.domain.values
            for item in program.inputs
            if len(item.domain.values) == 2 and item.name not in wrt
        }
        self.wrt = wrt
        self.known: dict[str, Definition] = {}
        self.definitions: list[Definition] = []
        self.taken = set(program.by_name)
        self.logarithms: dict[str, Definition | None] = {}

    def add(self, definition: Definition) -> None:
        body, _ = rewrite(definition.body.replace(Mul, self.masked), STABLE)
        body, _ = rewrite(self.across(body), STABLE)
        self.append(definition.with_body(body))

    def append(self, definition: Definition) -> None:
        # A variable is what it is, not what it was computed from.
        if definition.name not in self.wrt:
            self.known[definition.name] = definition
        self.definitions.append(definition)

    def masked(self, *factors: Expr) -> Expr:
        """A product in which numbers 0 and 1 leave nothing of an exponential that overflows."""
        product = Mul(*factors)
        named = (self.known[ref.name].body for ref in factors if isinstance(ref, Ref) and ref.name in self.known)
        if not any(part.has(exp) for part in (*factors, *named)):
            return product
        return with_masks(product, {name for name, values in self.two_valued.items() if set(values) == {0, 1}})

    # ---- contexts in which a name is looked into ---------------------------------------------------

    def across(self, node: Expr) -> Expr:
        """The expression with logarithms, quotients and differences of names made safe."""
        if not node.args or isinstance(node, Ref | KroneckerDelta):
            return node
        if isinstance(node, _LOGARITHMS) and isinstance(node.args[0], Add):
            # A difference by itself has another form than under a logarithm.
            whole = node.func(Add(*map(self.across, node.args[0].args)))
            shown = self.logarithm(whole)
            if shown != whole:
                return shown
        arguments = [self.across(argument) for argument in node.args]
        rebuilt = node if tuple(arguments) == node.args else node.func(*arguments)
        for kind, treat in _CONTEXTS:
            if isinstance(rebuilt, kind):
                return treat(self, rebuilt)
        return rebuilt

    def logarithm(self, node: Expr) -> Expr:
        """``log(p)`` with what stands behind ``p``."""
        shown = self.revealed(node, lambda view: view.has(*_SATURATING))
        if shown is None and not node.has(*_SATURATING):
            return node
        result, _ = rewrite(self.in_each_case(node if shown is None else shown), STABLE)
        inner = [part.args[0] for part in result.atoms(*_LOGARITHMS)]
        return result if not any(argument.has(*_SATURATING) for argument in inner) else node

    def in_each_case(self, node: Expr) -> Expr:
        """A logarithm for each value of the inputs with two values, if there are not too many."""
        refs = sorted((ref for ref in node.atoms(Ref) if ref.name in self.two_valued), key=lambda ref: ref.sort_key())
        if len(refs) > MAX_CASES:
            return node
        for ref in refs:
            low, high = self.two_valued[ref.name]
            cases = [node.xreplace({ref: Integer(value)}) for value in (high, low)]
            if not any(case.has(S.ComplexInfinity, S.NaN) for case in cases):
                node = where(equal(ref, Integer(high)), *cases)
        return node

    def quotient(self, node: Expr) -> Expr:
        """``e/s`` where ``e`` holds an exponential and ``s`` a sum of exponentials."""
        divisors = {
            factor.base for factor in Mul.make_args(node)
            if isinstance(factor, Pow) and isinstance(factor.base, Ref) and factor.exp.is_Integer and factor.exp < 0
        }  # fmt: skip
        views = {ref: view for ref in divisors if (view := self.view(ref)) is not None}
        dangerous = {ref: view for ref, view in views.items() if isinstance(view, exp) or exponential_sum(view)}
        if not dangerous:
            return node
        node = self.quotients_summed(node, dangerous)
        above = {
            ref: view for ref, power in _powers(node).items()
            if isinstance(ref, Ref) and power.is_positive and (view := self.view(ref)) is not None and view.has(exp)
        }  # fmt: skip
        _, exponent = split_exponential(Mul(*(factor.xreplace(above) for factor in Mul.make_args(node))))
        if exponent == 0:
            return node
        result, used = rewrite(node.xreplace({**dangerous, **above}), STABLE)
        return result if used or result != node else node

    def quotients_summed(self, node: Expr, dangerous: Mapping[Expr, Expr]) -> Expr:
        """``sum_k v_k exp(z_k)/s`` for ``(sum_k v_k exp(z_k))/s`` with weights that may be negative."""
        powers = _powers(node)
        for (ref, power), (divisor, view) in itertools.product(powers.items(), dangerous.items()):
            if isinstance(ref, Ref) and power.is_positive and powers[divisor].is_negative and isinstance(view, exp):
                made = self.scaled(ref, view)
                times = min(power, -powers[divisor])
                if made is not None:
                    powers[divisor] += times
                    node = node * (divisor * made / ref) ** times
        return node

    def scaled(self, ref: Ref, view: exp) -> Ref | None:
        """An entry of a sum of exponentials over ``exp(l)``, term by term; None if it is something else."""
        definition = self.known.get(ref.name)
        axes = dict(zip(ref.indices, definition.free, strict=True)) if definition else {}
        if definition is None or definition.reduce != "sum" or self.log_definition(definition) is not None:
            return None
        plain = len(axes) == len(ref.indices) and all(isinstance(index, Index) for index in axes)
        terms = Add.make_args(self.with_exponentials(definition.body))
        if not plain or not view.atoms(Index) <= set(axes) or any(split_exponential(term)[1] == 0 for term in terms):
            return None
        below = exp(-view.args[0].xreplace(axes))
        body = Add(*(term * below for term in terms))
        return self.fresh(f"scaled_{definition.name}", definition, body, "sum")[ref.indices]

    def difference(self, node: Expr) -> Expr:
        """``1 - p`` or ``p - q`` of sigmoids, ``1 - p`` of distribution functions; ``mean(x^2) - mean(x)^2``."""
        moment = central_moment(node, self.known) if isinstance(node, Add) else None
        if moment is not None:
            made = self.fresh(f"central_{moment.entry.name}", moment.central, moment.central.body, "sum")
            rest = Add(*(term for term in node.args if term not in moment.terms))
            return self.across(rest) + moment.factor * made[moment.entry.indices]
        views: dict[Expr, Expr] = {}
        for ref in {factor for term in node.args for factor in Mul.make_args(term) if isinstance(factor, Ref)}:
            view = self.view(ref)
            if view is not None and view.func in (fn.sigmoid.function, fn.normcdf.function):
                views[ref] = view
        if not views:
            return node
        result, used = rewrite(node.xreplace(views), _DIFFERENCES)
        # What is left of the revealed functions goes by its name again, and is not computed twice.
        return result.xreplace({view: ref for ref, view in views.items()}) if used else node

    # ---- what stands behind a name ---------------------------------------------------------------------

    def revealed(self, node: Expr, wanted: Callable[[Expr], bool]) -> Expr | None:
        """The expression with the views that are wanted in place of names, if there are any."""
        views = {ref: view for ref in node.atoms(Ref) if (view := self.view(ref)) is not None and wanted(view)}
        return node.xreplace(views) if views else None

    def view(self, ref: Ref) -> Expr | None:
        """An expression equal to an entry that shows the exponentials in it."""
        definition = self.known.get(ref.name)
        if definition is None:
            return None
        if definition.reduce in ("sum", "prod"):
            behind = self.log_definition(definition)
            return None if behind is None else exp(behind[ref.indices])
        if definition.reduce:
            return None
        return self.pointwise_view(definition, ref)

    def pointwise_view(self, definition: Definition, ref: Ref) -> Expr | None:
        body = definition.at(ref.indices)
        if isinstance(body, Ref):
            return self.view(body)
        if isinstance(body, where) or any(part.name in self.two_valued for part in body.atoms(Ref)):
            whole = self.revealed(body, lambda view: view.has(*_SATURATING)) or body
            return whole if whole.has(*_SATURATING) else None
        factors = [factor.base if isinstance(factor, Pow) else factor for factor in Mul.make_args(body)]
        if any(isinstance(factor, _SATURATING) or exponential_sum(factor) for factor in factors):
            return body
        inner = {part: view for part in factors if isinstance(part, Ref) and (view := self.view(part)) is not None}
        return body.xreplace(inner) if inner else None

    def log_definition(self, definition: Definition) -> Definition | None:
        """The logarithm of a sum of exponentials or of a product, as a definition, where there is one."""
        if definition.name not in self.logarithms:
            body = self.log_body(definition)
            made = None if body is None else self.made(definition, body)
            self.logarithms[definition.name] = made
        return self.logarithms[definition.name]

    def made(self, definition: Definition, body: Expr) -> Definition:
        reduce: Reduction = "sum" if definition.reduce == "prod" else "logsumexp"
        return self.fresh(f"log_{definition.name}", definition, body, reduce)

    def fresh(self, stem: str, like: Definition, body: Expr, reduce: Reduction) -> Definition:
        """A new definition over the axes of another one, its body in stable form."""
        name = next(fresh_names(self.taken, stem))
        self.taken.add(name)
        body, _ = rewrite(body, STABLE)
        result = Definition(name, like.shape, body, reduce, like.bound, sign_of(body, reduce))
        self.append(result)
        return result

    def log_body(self, definition: Definition) -> Expr | None:
        """What is summed or log-sum-exponentiated to give the logarithm of a product or sum."""
        body = definition.body
        if definition.reduce == "prod":
            result = self.across(log(body))
            return result if body.is_positive else None
        shown = self.with_exponentials(body)
        if isinstance(shown, Add):
            groups = exponential_sum(shown)
            return None if groups is None else log_of_sum(groups)
        rest, exponent = split_exponential(shown)
        # A weight may be zero: its logarithm, minus infinity, drops the term out of the logsumexp.
        return exponent + log(rest) if exponent != 0 and all(map(_is_weight, Mul.make_args(rest))) else None

    def with_exponentials(self, body: Expr) -> Expr:
        """The body with the exponentials in it shown, those of normal densities too."""
        views = {ref: view for ref in body.atoms(Ref) if (view := self.view(ref)) is not None}
        shown = body.xreplace({ref: view for ref, view in views.items() if view.has(exp, fn.normpdf.function)})
        return shown.replace(fn.normpdf.function, fn.normpdf.expanded)


def _powers(product: Expr) -> dict[Expr, Expr]:
    """Base and exponent of every factor."""
    return dict(factor.as_base_exp() for factor in Mul.make_args(product))


def _is_weight(factor: Expr) -> bool:
    """Whether a factor cannot be negative; a root cannot, where it exists."""
    return bool(factor.is_nonnegative) or (isinstance(factor, Pow) and factor.exp.is_Rational and factor.exp.q == 2)


_CONTEXTS: tuple[tuple[type | tuple[type, ...], Callable[[_Stabiliser, Expr], Expr]], ...] = (
    (_LOGARITHMS, _Stabiliser.logarithm),
    (Mul, _Stabiliser.quotient),
    (Add, _Stabiliser.difference),
)


