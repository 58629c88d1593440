"""Prints expressions of the algebra as text and as LaTeX."""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, Indexed, Mul, Pow
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from chainrule.derive.render.page import Shown
from chainrule.learning.expectation.nodes import Covariance, Deviation, Expect, Group, Over, Variance, has

NAMES = {Expect: "E", Variance: "Var", Covariance: "Cov"}


#: The order of terms: squares of brackets, sums, expectations, variances, covariances, constants, deviations.
TERMS = ((Deviation, 7), (Group, 0), (Covariance, 5), (Variance, 4), (Over, 2), (Expect, 3))
#: The order of factors: numbers, constants, brackets, expectations, sums.
FACTORS = ((Over, 5), (Deviation, 4), (Expect, 3), (Variance, 3), (Covariance, 3), (Group, 2), (Add, 2))


def _ordered(expr: Add) -> list[Expr]:
    """Terms as one writes them, those without a minus sign first."""
    return sorted(expr.args, key=lambda term: (term.could_extract_minus_sign(), _rank(term), str(term)))


def _rank(term: Expr) -> int:
    if isinstance(term, Pow) and isinstance(term.base, Add):
        return 0
    if isinstance(term, Expect):
        return 3
    return next((rank for kind, rank in TERMS if has(term, kind)), 6)


def _factors(expr: Mul) -> Mul:
    """Factors as one writes them."""
    return Mul(*sorted(expr.args, key=_factor_key), evaluate=False)


def _factor_key(item: Expr) -> tuple[bool, int, bool, str]:
    rank = next((rank for kind, rank in FACTORS if has(item, kind)), 1)
    return not item.is_number, rank, str(item)[:1].isupper(), str(item)


class _Text(StrPrinter):
    printmethod = "_expectation_text"

    def _print_Add(self, expr: Add, order: Any = None) -> str:
        return _sum([self._print(term) for term in _ordered(expr)])

    def _print_Mul(self, expr: Mul) -> str:
        return super()._print_Mul(_factors(expr))

    def _operator(self, expr: Expr) -> str:
        *inner, given = expr.args
        bar = " | " + ", ".join(map(self._print, given)) if given else ""
        return f"{NAMES[type(expr)]}[{', '.join(map(self._bare, inner))}{bar}]"

    def _bare(self, expr: Expr) -> str:
        """An argument in the brackets of an operator, without brackets of its own."""
        written = self._print(expr)
        return written[1:-1] if isinstance(expr, Deviation) and expr.args[1] != 0 else written

    _print_Expect = _print_Variance = _print_Covariance = _operator

    def _print_Indexed(self, expr: Indexed) -> str:
        return f"{expr.base.label}_{expr.indices[0]}"

    def _print_Deviation(self, expr: Expr) -> str:
        inner, mean = expr.args
        return self._print(inner) if mean == 0 else f"({self._print(inner)} - {_in_brackets(self._print(mean), mean)})"

    def _print_Group(self, expr: Expr) -> str:
        return f"({self._print(expr.args[0])})"

    def _print_Over(self, expr: Expr) -> str:
        body, indices, _ = expr.args
        under = str(indices[0]) if len(indices) == 1 else "{" + " != ".join(map(str, indices)) + "}"
        inner = self._print(body)
        return f"sum_{under} {f'({inner})' if body.is_Add else inner}"


def _in_brackets(text: str, expr: Expr) -> str:
    return f"({text})" if isinstance(expr, Add) else text


def _sum(terms: list[str]) -> str:
    head, *rest = terms
    return head + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in rest)


class _Latex(LatexPrinter):
    printmethod = "_expectation_latex"

    def _print_Mul(self, expr: Mul) -> str:
        return super()._print_Mul(_factors(expr))

    def _print_Add(self, expr: Add, order: Any = None) -> str:
        return _sum([self._print(term) for term in _ordered(expr)])

    def _operator(self, expr: Expr) -> str:
        *inner, given = expr.args
        bar = r" \mid " + ", ".join(map(self._print, given)) if given else ""
        name = r"\mathbb{E}" if isinstance(expr, Expect) else rf"\operatorname{{{NAMES[type(expr)]}}}"
        return rf"{name}\left[{', '.join(map(self._print, inner))}{bar}\right]"

    def _powered(self, expr: Expr, exp: str | None = None) -> str:
        written = self._operator(expr)
        return written if exp is None else rf"{written}^{{{exp}}}"

    _print_Expect = _print_Variance = _print_Covariance = _powered

    def _print_Indexed(self, expr: Indexed, exp: str | None = None) -> str:
        written = f"{self._print(expr.base.label)}_{{{expr.indices[0]}}}"
        return written if exp is None else rf"{written}^{{{exp}}}"

    def _print_Deviation(self, expr: Expr, exp: str | None = None) -> str:
        inner, mean = expr.args
        if mean == 0:
            return self._print(inner**int(exp)) if exp is not None else self._print(inner)
        right = self._print(mean)
        right = rf"\left({right}\right)" if isinstance(mean, Add) else right
        written = rf"\left({self._print(inner)} - {right}\right)"
        return written if exp is None else rf"{written}^{{{exp}}}"

    def _print_Group(self, expr: Expr, exp: str | None = None) -> str:
        written = rf"\left({self._print(expr.args[0])}\right)"
        return written if exp is None else rf"{written}^{{{exp}}}"

    def _print_Over(self, expr: Expr, exp: str | None = None) -> str:
        body, indices, upper = expr.args
        if len(indices) == 1:
            bounds = rf"\sum_{{{indices[0]}=1}}^{{{self._print(upper)}}}"
        else:
            apart = r" \ne ".join(map(str, indices))
            bounds = rf"\sum_{{{apart}}}"
        inner = self._print(body)
        written = f"{bounds} " + (rf"\left({inner}\right)" if body.is_Add else inner)
        return written if exp is None else rf"\left({written}\right)^{{{exp}}}"


def _set_precedence() -> None:
    for kind in (Expect, Variance, Covariance, Deviation, Group):
        kind.precedence = PRECEDENCE["Atom"]
    Over.precedence = PRECEDENCE["Mul"]


_set_precedence()


def text(expr: Expr) -> str:
    """Plain text, which is read back as the same expression."""
    return _Text({"order": "none"}).doprint(expr)


def shown(expr: Expr) -> Shown:
    """The expression for any renderer."""
    return Shown(text(expr), lambda: _Latex({"order": "none"}).doprint(expr))

