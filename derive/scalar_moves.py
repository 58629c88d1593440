"""The derivative of a scalar expression move by move: linearity, product, quotient, power, chain rule.

A round applies one rule to every derivative that is not yet worked out, as one does on paper:

    d(x^2 sin(x))/dx = d(x^2)/dx sin(x) + x^2 d(sin(x))/dx       product rule
                     = 2 x sin(x) + x^2 cos(x)                   power rule, table
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Add, Dummy, Expr, Mul, Pow, S, log

from chainrule.derive.kinks import derivative
from chainrule.derive.program import Definition, KinkChoices, Ref
from chainrule.derive.scalar import compares_indices, where
from chainrule.derive.steps import Slope, Step

#: Rounds after which a derivative is left as it is.
MAX_ROUNDS = 24

Move = tuple[str, Expr]


def scalar_steps(definition: Definition, ref: Ref, kinks: KinkChoices = ()) -> tuple[Step, ...]:
    """How the derivative of a body by one entry comes about, from ``Slope(body, ref)`` on, if not at a glance."""
    body = _d(definition.body, ref)
    if not body.has(Slope):
        return ()
    start, steps = Slope(definition.body, ref), []
    if body != start:
        steps.append(Step("linearity", definition.name, definition.with_body(start), definition.with_body(body)))
    for _ in range(MAX_ROUNDS):
        moves = {slope: _move(slope, kinks) for slope in pending(body)}
        if not moves:
            break
        after = body.xreplace({slope: result for slope, (_, result) in moves.items()})
        rules = list(dict.fromkeys(rule for rule, _ in moves.values()))
        also = tuple(("also", rule) for rule in rules[1:])
        before = definition.with_body(body)
        steps.append(Step(rules[0], definition.name, before, definition.with_body(after), also))
        body = after
    return tuple(steps)


def pending(expr: Expr) -> Iterator[Slope]:
    """The derivatives in an expression that are not worked out and not inside another one."""
    if isinstance(expr, Slope):
        yield expr
    else:
        for arg in expr.args:
            yield from pending(arg)


def _move(slope: Slope, kinks: KinkChoices) -> Move:
    """The rule for what is to be differentiated, and what it gives."""
    for applies, move in _MOVES:
        if applies(slope.body, slope.variable):
            return move(slope.body, slope.variable)
    return _applied(slope.body, slope.variable, kinks)


def _d(body: Expr, variable: Ref) -> Expr:
    """A derivative to be worked out: what does not vary and what is linear needs no move of its own."""
    if not body.has(variable):
        return S.Zero
    if body == variable:
        return S.One
    if body.is_Add:
        return Add(*(_d(term, variable) for term in body.args))
    constant, rest = body.as_independent(variable, as_Add=False)
    return constant * _d(rest, variable) if constant != 1 else Slope(body, variable)


def _is_quotient(body: Expr, variable: Ref) -> bool:
    upper, lower = _fraction(body)
    return bool(body.is_Mul and upper.has(variable) and lower.has(variable))


def _fraction(body: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator by the powers as they stand."""
    below = [arg for arg in Mul.make_args(body) if isinstance(arg, Pow) and arg.exp.is_number and arg.exp.is_negative]
    lower = Mul(*(1 / arg for arg in below))
    return body * lower, lower


def _quotient(body: Expr, variable: Ref) -> Move:
    u, v = _fraction(body)
    return "quotient", (_d(u, variable) * v - u * _d(v, variable)) / v**2


def _product(body: Expr, variable: Ref) -> Move:
    return "product", Add(*(body / factor * _d(factor, variable) for factor in body.args))


def _power(body: Expr, variable: Ref) -> Move:
    base, exponent = body.args
    return "power", exponent * base ** (exponent - 1) * _d(base, variable)


def _exponential(body: Expr, variable: Ref) -> Move:
    base, exponent = body.args
    return "exponential", body * log(base) * _d(exponent, variable)


def _logarithmic(body: Expr, variable: Ref) -> Move:
    base, exponent = body.args
    return "logarithmic", body * _d(exponent * log(base), variable)


def _branches(body: Expr, variable: Ref) -> Move:
    condition, chosen, other = body.args
    if compares_indices(condition):
        return "entries", _entries(body, variable)
    return "branches", where(condition, _d(chosen, variable), _d(other, variable))


def _entries(body: Expr, variable: Ref) -> Expr:
    """The derivatives of all entries of an array that is told by cases of its indices."""
    if isinstance(body, where) and compares_indices(body.args[0]):
        condition, chosen, other = body.args
        return where(condition, _entries(chosen, variable), _entries(other, variable))
    return _d(body, variable)


def _applied(body: Expr, variable: Ref, kinks: KinkChoices) -> Move:
    """A function by its table entry; where its argument is not the variable itself, by the chain rule."""
    total = S.Zero
    for position, arg in enumerate(body.args):
        if arg.has(variable):
            symbol = Dummy("u", real=True)
            outer = derivative(body.func(*body.args[:position], symbol, *body.args[position + 1 :]), symbol, kinks)
            total += outer.xreplace({symbol: arg}) * _d(arg, variable)
    return "table" if variable in body.args else "composite", total


_MOVES: tuple[tuple[Callable[[Expr, Ref], bool], Callable[[Expr, Ref], Move]], ...] = (
    (_is_quotient, _quotient),
    (lambda body, _: isinstance(body, Mul), _product),
    (lambda body, x: isinstance(body, Pow) and not body.exp.has(x), _power),
    (lambda body, x: isinstance(body, Pow) and not body.base.has(x), _exponential),
    (lambda body, _: isinstance(body, Pow), _logarithmic),
    (lambda body, _: isinstance(body, where), _branches),
)
