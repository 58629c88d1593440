"""Numerically stable forms of programs, recognised across definitions.

A formula may say ``p = sigmoid(z)`` in one place and ``log(1 - p)`` in another, or divide
``exp(z)`` by a sum of exponentials that has a name.  The identities of
:data:`chainrule.derive.identities.STABLE` see one expression only; here they are shown, in place of
a name, the exponential that stands behind it:

- a pointwise definition such as ``sigmoid(z[i])`` or ``exp(z[i])/s``,
- for a sum of exponentials ``s``, ``exp(l)`` with a new definition ``l := logsumexp ..``,
- for a product ``q`` of positive numbers, ``exp(l)`` with ``l := sum of logarithms``.

What is found is kept only where it removes the danger; every other use of the name stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Add, Expr, KroneckerDelta, Mul, Pow, cosh, erf, erfc, exp, log, tanh

from chainrule.derive.catalog import elementwise as fn
from chainrule.derive.exponentials import exponential_sum, split_exponential
from chainrule.derive.identities import STABLE, rewrite
from chainrule.derive.program import Definition, Program, Reduction, Ref, fresh_names

_LOGARITHMS = (log, fn.log1p.function)

#: Functions that underflow, overflow or reach one, so that a logarithm or a difference of them is in danger.
_SATURATING = (
    exp, cosh, tanh, erf, erfc,
    *(entry.function for entry in (fn.sigmoid, fn.normcdf, fn.normpdf, fn.sech2, fn.expm1)),
)  # fmt: skip

_ONE_MINUS = tuple(identity for identity in STABLE if identity.id == "one-minus")


def stabilise(program: Program) -> Program:
    """A program with the same values that can be evaluated in floating point."""
    work = _Stabiliser(program)
    for definition in program.definitions:
        work.add(definition)
    return program.with_definitions(work.definitions).pruned()


class _Stabiliser:
    """Rewrites definition by definition; ``known`` are the finished ones by name."""

    def __init__(self, program: Program) -> None:
        self.known: dict[str, Definition] = {}
        self.definitions: list[Definition] = []
        self.taken = set(program.by_name)
        self.logarithms: dict[str, Definition | None] = {}

    def add(self, definition: Definition) -> None:
        body, _ = rewrite(definition.body, STABLE)
        body, _ = rewrite(self.across(body), STABLE)
        self.append(definition.with_body(body))

    def append(self, definition: Definition) -> None:
        self.known[definition.name] = definition
        self.definitions.append(definition)

    # ---- contexts in which a name is looked into ---------------------------------------------------

    def across(self, node: Expr) -> Expr:
        """The expression with logarithms, quotients and differences of names made safe."""
        if not node.args or isinstance(node, Ref | KroneckerDelta):
            return node
        arguments = [self.across(argument) for argument in node.args]
        rebuilt = node if tuple(arguments) == node.args else node.func(*arguments)
        for kind, treat in _CONTEXTS:
            if isinstance(rebuilt, kind):
                return treat(self, rebuilt)
        return rebuilt

    def logarithm(self, node: Expr) -> Expr:
        """``log(p)`` with what stands behind ``p``."""
        shown = self.revealed(node, lambda view: view.has(*_SATURATING))
        if shown is None:
            return node
        result, _ = rewrite(shown, STABLE)
        inner = [part.args[0] for part in result.atoms(*_LOGARITHMS)]
        return result if not any(argument.has(*_SATURATING) for argument in inner) else node

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
        above = {
            ref: view for ref in Mul.make_args(node)
            if isinstance(ref, Ref) and (view := self.view(ref)) is not None and view.has(exp)
        }  # fmt: skip
        _, exponent = split_exponential(Mul(*(factor.xreplace(above) for factor in Mul.make_args(node))))
        if exponent == 0:
            return node
        result, used = rewrite(node.xreplace({**dangerous, **above}), STABLE)
        return result if used or result != node else node

    def difference(self, node: Expr) -> Expr:
        """``1 - p`` where ``p`` is a sigmoid or a distribution function."""
        views: dict[Expr, Expr] = {}
        for ref in {factor for term in node.args for factor in Mul.make_args(term) if isinstance(factor, Ref)}:
            view = self.view(ref)
            if view is not None and view.func in (fn.sigmoid.function, fn.normcdf.function):
                views[ref] = view
        if not views:
            return node
        result, used = rewrite(node.xreplace(views), _ONE_MINUS)
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
        name = next(fresh_names(self.taken, f"log_{definition.name}"))
        self.taken.add(name)
        reduce: Reduction = "sum" if definition.reduce == "prod" else "logsumexp"
        result = Definition(name, definition.shape, rewrite(body, STABLE)[0], reduce, definition.bound)
        self.append(result)
        return result

    def log_body(self, definition: Definition) -> Expr | None:
        """What is summed or log-sum-exponentiated to give the logarithm of a product or sum."""
        body = definition.body
        views = {ref: view for ref in body.atoms(Ref) if (view := self.view(ref)) is not None}
        if definition.reduce == "prod":
            result = self.across(log(body))
            return result if body.is_positive else None
        terms = Add.make_args(body.xreplace({ref: view for ref, view in views.items() if view.has(exp)}))
        if len(terms) != 1:
            return None
        rest, exponent = split_exponential(terms[0])
        # A weight may be zero: its logarithm, minus infinity, drops the term out of the logsumexp.
        return exponent + log(rest) if exponent != 0 and rest.is_nonnegative else None


_CONTEXTS: tuple[tuple[type | tuple[type, ...], Callable[[_Stabiliser, Expr], Expr]], ...] = (
    (_LOGARITHMS, _Stabiliser.logarithm),
    (Mul, _Stabiliser.quotient),
    (Add, _Stabiliser.difference),
)


