"""Which value a derivative takes where a function has a kink, as chosen by the user.

The choices are part of a program, so that whatever differentiates it takes the same ones:
``{"relu": 1}`` makes the derivative of ``relu`` at 0 one, ``{"max": "first"}`` gives the derivative
of a maximum to the first of the entries that attain it.  Functions without a choice keep the values
of the tables in :mod:`chainrule.derive.catalog`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import Expr, Function, Rational

from chainrule.derive.catalog.elementwise import BY_NAME, ELEMENTWISE
from chainrule.derive.catalog.entries import Elementwise, Kink, scalar_derivative
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.derive.program import KinkChoice, KinkChoices, Program

#: Who gets the derivative of a maximum or minimum over an axis where several entries attain it.
TIES = ("shared", "first", "last")

REDUCTIONS = ("max", "min")
CHOOSABLE = (*(entry.name for entry in ELEMENTWISE if entry.kink), *REDUCTIONS)

#: Functions that are written with others, which decide their kinks.
_WRITTEN_WITH = {
    "clip": ("maximum", "minimum"), "hardtanh": ("maximum", "minimum"), "softsign": ("abs",), "cbrt": ("abs",),
    "norm1": ("abs",), "norminf": ("abs", "max"),
}  # fmt: skip


def with_kinks(program: Program, kinks: Mapping[str, Any] | None) -> Program:
    """The program with these choices added to its own.

    Raises:
        UnknownNameError: a name is no function whose value at a kink can be chosen.
        InputError: a value is none of those possible; the error says which are.
    """
    if kinks is None:
        return program
    if not isinstance(kinks, Mapping):
        raise InputError(
            "kinks gives functions the value of their derivative at a kink", found=repr(kinks),
            expected='a mapping such as {"relu": 1, "max": "first"}',
        )  # fmt: skip
    chosen = dict(program.kinks)
    for name, value in kinks.items():
        function = _name(name)
        chosen[function] = _choice(function, value, program)
        if _is_usual(function, chosen[function], program):
            del chosen[function]
    return replace(program, kinks=tuple(sorted(chosen.items())))


def _name(name: Any) -> str:
    entry = BY_NAME.get(name) if isinstance(name, str) else None
    if name in REDUCTIONS or (entry is not None and entry.kink):
        return entry.name if entry else str(name)
    others = _WRITTEN_WITH.get(entry.name if entry else str(name))
    raise UnknownNameError(
        f"{name!r} has no kink whose derivative can be chosen", expected="one of " + ", ".join(CHOOSABLE),
        near=near_names(str(name), CHOOSABLE),
        hint=f"{name} is written with {' and '.join(others)}, whose choice it takes" if others else "",
    )  # fmt: skip


def _choice(name: str, value: Any, program: Program) -> KinkChoice:
    if name in REDUCTIONS:
        if value not in TIES:
            raise _impossible(name, value, TIES)
        return str(value)
    kink = BY_NAME[name].kink
    assert kink is not None
    if isinstance(value, str) and value in kink.names:
        return value
    number = _number(value)
    for slopes in _slopes(BY_NAME[name], kink, program):
        known = all(slope.is_number for slope in slopes)
        if number is None or not known or not min(slopes) <= number <= max(slopes):
            raise _impossible(name, value, (_interval(*slopes) if known else "", *kink.names))
    assert number is not None
    return number


def _impossible(name: str, value: Any, possible: Iterable[str]) -> InputError:
    words = " or ".join(repr(item) if item.isidentifier() else item for item in possible if item)
    found = str(value) if isinstance(value, Fraction) else repr(value)
    where = "where several entries attain it" if name in REDUCTIONS else "at its kink"
    return InputError(f"the derivative of {name} {where} cannot be chosen so", expected=words, found=found)


def _interval(below: Expr, above: Expr) -> str:
    if below == above:
        return f"the number {below}"
    return f"a number from {min(below, above)} to {max(below, above)}"


def _number(value: Any) -> Fraction | None:
    try:
        return None if isinstance(value, str | bool) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None


def _is_usual(name: str, choice: KinkChoice, program: Program) -> bool:
    """Whether a choice is what the tables have anyway."""
    if name in REDUCTIONS:
        return choice == TIES[0]
    kink = BY_NAME[name].kink
    assert kink is not None
    if isinstance(choice, str):
        return bool(kink.names[choice] == kink.usual)
    usual = (kink.usual * above + (1 - kink.usual) * below for below, above in _slopes(BY_NAME[name], kink, program))
    return all(Rational(choice) == slope for slope in usual)


def _slopes(entry: Elementwise, kink: Kink, program: Program) -> list[tuple[Expr, Expr]]:
    """The slopes on both sides of the kink, of every application in the program; of the function if there is none."""
    calls = {call for item in program.definitions for call in item.body.atoms(entry.function)}
    required = entry.args[: len(entry.args) - len(entry.defaults)]
    arguments = [call.args for call in calls] or [(*required, *entry.defaults)]
    return sorted({kink.slopes(dict(zip(entry.args, args, strict=True))) for args in arguments}, key=str)


# ---- derivatives ---------------------------------------------------------------------------------------


def derivative(body: Expr, symbol: Expr, choices: KinkChoices) -> Expr:
    """The derivative of a scalar body, at kinks with the chosen values; for the rest see ``scalar_derivative``."""
    stand_ins = {BY_NAME[name].function: _stand_in(name, choice) for name, choice in choices if name in BY_NAME}
    if not stand_ins or not body.has(*stand_ins):
        return scalar_derivative(body, symbol)
    named = body.replace(lambda node: node.func in stand_ins, lambda node: stand_ins[node.func](*node.args))
    slope = scalar_derivative(named, symbol)
    return slope.replace(lambda node: isinstance(node, _StandIn), lambda node: node.entry.function(*node.args))


class _StandIn(Function):  # type: ignore[misc]
    """A function with a chosen derivative at its kink."""

    entry: Elementwise
    choice: KinkChoice
    is_real = True
    is_finite = True

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative by one argument, for SymPy."""
        entry, kink = self.entry, self.entry.kink
        assert kink is not None
        values = dict(zip(entry.args, self.args, strict=True))
        return kink.derivative(argindex - 1, _weight(kink, values, self.choice)).xreplace(values)


@lru_cache(maxsize=256)
def _stand_in(name: str, choice: KinkChoice) -> type[Function]:
    return type(f"chosen_{name}", (_StandIn,), {"entry": BY_NAME[name], "choice": choice})


def _weight(kink: Kink, values: Mapping[Expr, Expr], choice: KinkChoice) -> Expr:
    """The weight of the slope above the kink."""
    if isinstance(choice, str):
        return kink.names[choice]
    below, above = kink.slopes(values)
    return kink.usual if above == below else (Rational(choice) - below) / (above - below)
