"""Functions of which only the name is known: differentiable, of one number, applied entry by entry.

``phi'(x)`` is the application of ``unspecified("phi", 1)``, the derivative of ``phi(x)``.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable
from functools import cache
from typing import Any

from sympy import Expr, Function

from chainrule.derive.errors import UnsupportedError


class Unspecified(Function):  # type: ignore[misc]
    """Base of the classes whose applications stand for values of such a function."""

    nargs = (1,)
    is_real = True
    is_finite = True
    #: The function's name, and how often it is differentiated.
    symbol, order = "", 0

    @classmethod
    def eval(cls, argument: Expr) -> Expr | None:
        """Nothing is evaluated on construction."""
        return None

    def fdiff(self, argindex: int = 1) -> Expr:
        """The next derivative, for SymPy."""
        return unspecified(self.symbol, self.order + 1)(*self.args)


@cache
def unspecified(name: str, order: int = 0) -> type[Unspecified]:
    """The class of applications of a function, differentiated ``order`` times."""
    made = type(name + "'" * order, (Unspecified,), {"symbol": name, "order": order})
    copyreg.pickle(made, _reduced)
    return made


def _applied(name: str, order: int, argument: Expr) -> Expr:
    """What pickle calls: the classes have no module to be found in."""
    return unspecified(name, order)(argument)


def _reduced(application: Any) -> tuple[Any, ...]:
    return _applied, (application.symbol, application.order, *application.args)


def function_names(bodies: Iterable[Expr]) -> tuple[str, ...]:
    """The unspecified functions in some expressions."""
    return tuple(sorted({part.symbol for body in bodies for part in body.atoms(Unspecified)}))


def no_values(name: str) -> UnsupportedError:
    """The error that a number is wanted of such a function, perhaps differentiated."""
    function = name.rstrip("'")
    return UnsupportedError(
        f"{function} is a function without a definition, so nothing can be computed with it",
        hint=f"write a function such as tanh in the place of {function}",
    )
