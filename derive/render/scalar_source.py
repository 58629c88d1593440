"""Scalar SymPy expressions as Python syntax trees, and the helper functions that they need.

Functions that NumPy and SciPy have are called there; every other function of the catalogue
becomes a small helper function, made from its stable form or its definition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

import sympy as sp
from sympy import Add, Expr, Mul, NumberSymbol, Pow, Rational, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION, BY_NAME
from chainrule.derive.catalog.entries import Elementwise, Lets
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.forms.arrange import is_decimal
from chainrule.derive.scalar import Indicator, where

#: What stands for an entry, an index or a length.
Leaf = Callable[[Expr], ast.expr | None]

#: Abbreviations of the catalogue that have a name in NumPy or SciPy.
LIBRARY = {"sqrt": "np.sqrt", "digamma": "special.digamma", "square": "np.square"}
OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "@": ast.MatMult(), "**": ast.Pow(),
}  # fmt: skip
COMPARISONS: dict[str, ast.cmpop] = {
    "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(), "==": ast.Eq(), "!=": ast.NotEq(),
}  # fmt: skip


def name(text: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(text, ast.Load())


def dotted(text: str) -> ast.expr:
    """``np.exp``."""
    head, *rest = text.split(".")
    node: ast.expr = name(head)
    for part in rest:
        node = ast.Attribute(node, part, ast.Load())
    return node


def calling(function: str, *args: ast.expr, **keywords: ast.expr) -> ast.Call:
    """``function(args, keyword=value)``."""
    named = [ast.keyword(key, value) for key, value in keywords.items()]
    return ast.Call(dotted(function), list(args), named)


def operation(operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
    """A binary operation or a comparison."""
    if operator in COMPARISONS:
        return ast.Compare(left, [COMPARISONS[operator]], [right])
    return ast.BinOp(left, OPERATORS[operator], right)


def rational(value: Rational) -> ast.expr:
    """An exact number."""
    if value < 0:
        return ast.UnaryOp(ast.USub(), rational(-value))
    if value.q == 1:
        return ast.Constant(int(value.p))
    if is_decimal(value):
        return ast.Constant(float(value))
    return operation("/", ast.Constant(int(value.p)), ast.Constant(int(value.q)))


def function_call(entry: Elementwise, arguments: Sequence[ast.expr]) -> ast.expr:
    """A function of the catalogue: the library's, or a helper of the same name."""
    if entry.name == "trigamma":
        return calling("special.polygamma", ast.Constant(1), *arguments)
    left_out = entry.defaults[len(entry.defaults) - (len(entry.args) - len(arguments)) :] if entry.defaults else ()
    defaults = [scalar(value, lambda _: None) for value in left_out]
    return calling(entry.numpy or LIBRARY.get(entry.name, entry.name), *arguments, *defaults)


def xlogy(factor: ast.expr, logarithm: ast.Call) -> ast.expr:
    """``a log b``, which is 0 where ``a`` is."""
    return calling("special.xlogy", factor, logarithm.args[0])


def is_log(node: ast.expr) -> bool:
    """Whether a node is a logarithm of something that varies."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "np.log":
        return False
    return not all(isinstance(part, ast.Constant) for part in node.args)


def product(left: ast.expr, right: ast.expr) -> ast.expr:
    """``left * right``, with ``0 * log(0)`` equal to 0."""
    if is_log(right):
        return xlogy(left, right)  # type: ignore[arg-type]
    if is_log(left):
        return xlogy(right, left)  # type: ignore[arg-type]
    return operation("*", left, right)


def scalar(expr: Expr, leaf: Leaf) -> ast.expr:
    """An expression, leaves as ``leaf`` says."""
    node = leaf(expr)
    if node is not None:
        return node
    if isinstance(expr, Rational):
        return rational(expr)
    if isinstance(expr, NumberSymbol):
        return dotted("np.pi") if expr == S.Pi else ast.Constant(float(expr))
    if isinstance(expr, Add):
        return _sum([scalar(arg, leaf) for arg in expr.args])
    if isinstance(expr, Mul):
        return _quotient(expr, leaf)
    if isinstance(expr, Pow):
        return _power(expr, leaf)
    if isinstance(expr, where):
        condition, chosen, other = expr.args
        return calling("np.where", _condition(condition, leaf), scalar(chosen, leaf), scalar(other, leaf))
    if isinstance(expr, Indicator):
        return calling("np.where", _condition(expr, leaf), ast.Constant(1.0), ast.Constant(0.0))
    return _function(expr, leaf)


def _function(expr: Expr, leaf: Leaf) -> ast.expr:
    entry = BY_FUNCTION.get(expr.func)
    if entry is None:
        raise UnsupportedError(f"no NumPy form of {expr.func.__name__}")
    return function_call(entry, [scalar(arg, leaf) for arg in expr.args])


def _condition(expr: Expr, leaf: Leaf) -> ast.expr:
    if not isinstance(expr, Indicator):
        return operation("!=", scalar(expr, leaf), ast.Constant(0))
    left, right = (scalar(arg, leaf) for arg in expr.args)
    return operation(expr.operator, left, right)


def _sum(terms: Sequence[ast.expr]) -> ast.expr:
    result = terms[0]
    for term in terms[1:]:
        result = operation("+", result, term)
    return result


def _quotient(expr: Mul, leaf: Leaf) -> ast.expr:
    number, rest = expr.as_coeff_Mul()
    factors = Mul.make_args(rest)
    lower = [f for f in factors if isinstance(f, Pow) and f.exp.is_number and f.exp.is_negative]
    upper = sorted((f for f in factors if f not in lower), key=lambda f: isinstance(f, sp.log))
    negative = number < 0
    top = ([rational(abs(number))] if abs(number) != 1 else []) + [scalar(f, leaf) for f in upper]
    node = top[0] if top else ast.Constant(1)
    for factor in top[1:]:
        node = product(node, factor)
    for factor in lower:
        node = operation("/", node, scalar(factor.base**-factor.exp, leaf))
    return ast.UnaryOp(ast.USub(), node) if negative else node


def _power(expr: Pow, leaf: Leaf) -> ast.expr:
    base, exponent = expr.as_base_exp()
    if exponent == S.Half:
        return calling("np.sqrt", scalar(base, leaf))
    if exponent.is_number and exponent.is_negative:
        return operation("/", ast.Constant(1), scalar(base**-exponent, leaf))
    return operation("**", scalar(base, leaf), scalar(exponent, leaf))


# ---- helper functions -------------------------------------------------------------------------------


def helpers(called: Iterable[str]) -> list[ast.stmt]:
    """Definitions of the catalogue functions among these names, and of those they call themselves."""
    found: dict[str, ast.stmt] = {}
    for function in called:
        _add_helper(function, found)
    return list(found.values())


def _add_helper(function: str, found: dict[str, ast.stmt]) -> None:
    entry = BY_NAME.get(function)
    if entry is None or entry.numpy or function in LIBRARY or function in found:
        return
    statement = _helper(entry)
    for inner in called_names(statement):
        if inner != function:
            _add_helper(inner, found)
    found[function] = statement


def called_names(statement: ast.AST) -> list[str]:
    """The plain names that are called, in order."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return list(dict.fromkeys(node.id for node in calls if isinstance(node, ast.Name)))


def _helper(entry: Elementwise) -> ast.stmt:
    lets = entry.stable or Lets((), entry.define)

    def leaf(expr: Expr) -> ast.expr | None:
        return name(expr.name) if isinstance(expr, sp.Symbol) else None

    body: list[ast.stmt] = [ast.Expr(ast.Constant(f"{entry.about[:1].upper()}{entry.about[1:]}."))]
    for symbol, value in lets.assignments:
        body.append(ast.Assign([ast.Name(symbol.name, ast.Store())], scalar(value, leaf)))
    body.append(ast.Return(scalar(lets.result, leaf)))
    return function_def(entry.name, [arg.name for arg in entry.args], body)


def function_def(function: str, parameters: Sequence[str], body: list[ast.stmt]) -> ast.stmt:
    """A function; where it chooses between branches, warnings of the branch not taken are off."""
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(p) for p in parameters], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    calls = (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Attribute))
    chooses = any(node.attr == "where" for node in calls)
    quiet: list[ast.expr] = [calling("np.errstate", all=ast.Constant("ignore"))] if chooses else []
    return ast.FunctionDef(name=function, args=arguments, body=body, decorator_list=quiet, returns=None)
