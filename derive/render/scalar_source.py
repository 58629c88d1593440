"""Scalar SymPy expressions as Python syntax trees, and the helper functions that they need.

Functions that NumPy and SciPy have are called there; every other function of the catalogue
becomes a small helper function, made from its stable form or its definition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, NumberSymbol, Pow, Rational, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION, BY_NAME
from chainrule.derive.catalog.entries import Elementwise, Lets
from chainrule.derive.catalog.unspecified import Unspecified, no_values
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.forms.arrange import is_decimal
from chainrule.derive.scalar import INFINITIES, Indicator, where
from chainrule.derive.zero_products import parts

#: A helper that is no function of the catalogue.
TIMES = """
@np.errstate(all='ignore')
def times(c, x):
    '''C * x, and 0 where c is 0.'''
    return np.where(np.equal(c, 0), 0, c * x)
"""

#: What stands for an entry, an index or a length.
Leaf = Callable[[Expr], ast.expr | None]

#: Abbreviations of the catalogue that have a name in NumPy or SciPy.
LIBRARY = {"sqrt": "np.sqrt", "digamma": "special.digamma", "i0": "special.i0", "i1": "special.i1",
           "square": "np.square"}
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
    if entry.name == "step":
        return calling("np.heaviside", *arguments, ast.Constant(0.5))
    left_out = entry.defaults[len(entry.defaults) - (len(entry.args) - len(arguments)) :] if entry.defaults else ()
    defaults = [scalar(value, lambda _: None) for value in left_out]
    return calling(entry.numpy or LIBRARY.get(entry.name, entry.name), *arguments, *defaults)


def product(left: ast.expr, right: ast.expr) -> ast.expr:
    """``left * right``, with ``0 * log(0)`` equal to 0, and nothing left where an indicator is 0."""
    for one, other in ((right, left), (left, right)):
        if _is_chosen(one):
            return _chosen(one, partial(_times_chosen, other))
    for one, other in ((right, left), (left, right)):
        if _is_log(one) and not isinstance(other, ast.Constant) and not _divides(one):
            return calling("special.xlogy", other, one.args[0])  # type: ignore[attr-defined]
    for one, other in ((right, left), (left, right)):
        if _is_wild(one) and not isinstance(other, ast.Constant):
            return calling("times", other, one)
    return operation("*", left, right)


def _times_chosen(other: ast.expr, value: ast.expr) -> ast.expr:
    return other if isinstance(value, ast.Constant) and value.value == 1 else product(other, value)


def quotient(left: ast.expr, right: ast.expr) -> ast.expr:
    """``left / right``; where an indicator in the numerator is 0, nothing is left."""
    if _is_chosen(left):
        return _chosen(left, lambda value: operation("/", value, right))
    return operation("/", left, right)


def _is_chosen(node: ast.expr) -> bool:
    """Whether a node is ``np.where(condition, value, 0)``."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "np.where":
        return False
    return isinstance(node.args[2], ast.Constant) and node.args[2].value == 0


def _chosen(node: ast.expr, change: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """``np.where(condition, value, 0)`` with the value changed."""
    assert isinstance(node, ast.Call)
    condition, value, zero = node.args
    return calling("np.where", condition, change(value), zero)


def _is_log(node: ast.expr) -> bool:
    """Whether a node is a logarithm of something that varies and may be 0."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "np.log":
        return False
    return not _is_positive(node.args[0])


def _divides(node: ast.expr) -> bool:
    """Whether there is a quotient in a node, which may be 0/0."""
    return any(isinstance(part, ast.Div) for part in ast.walk(node))


def _is_wild(node: ast.expr) -> bool:
    """Whether a node may be infinite where its factors are 0; see :func:`zero_products.is_wild`."""
    if isinstance(node, ast.UnaryOp):
        return _is_wild(node.operand)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where":
        return any(_is_wild(value) for value in node.args[1:])
    if not isinstance(node, ast.BinOp):
        return _is_log(node) or ast.unparse(node) == "np.inf"
    if isinstance(node.op, ast.Pow):
        if isinstance(node.right, ast.Constant):
            return _is_wild(node.left)
        # x**(a - 1), which is multiplied by a.
        return isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Sub)
    sides = (node.left,) if isinstance(node.op, ast.Div) else (node.left, node.right)
    return any(_is_wild(side) for side in sides)


def _is_positive(node: ast.expr) -> bool:
    """Whether a node is seen to be positive: numbers, exponentials, and their sums and products."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and node.value > 0
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("np.exp", "np.cosh")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult | ast.Div):
        return _is_positive(node.left) and _is_positive(node.right)
    return ast.unparse(node) == "np.pi"


def scalar(expr: Expr, leaf: Leaf) -> ast.expr:
    """An expression, leaves as ``leaf`` says."""
    node = leaf(expr)
    if node is not None:
        return node
    if isinstance(expr, Rational):
        return rational(expr)
    if isinstance(expr, INFINITIES):
        return ast.UnaryOp(ast.USub(), dotted("np.inf")) if expr is S.NegativeInfinity else dotted("np.inf")
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
    if isinstance(expr, Indicator | KroneckerDelta):
        return calling("np.where", _condition(expr, leaf), ast.Constant(1.0), ast.Constant(0.0))
    return _function(expr, leaf)


def _function(expr: Expr, leaf: Leaf) -> ast.expr:
    if isinstance(expr, Unspecified):
        raise no_values(expr.symbol)
    entry = BY_FUNCTION.get(expr.func)
    if entry is None:
        raise UnsupportedError(f"no NumPy form of {expr.func.__name__}")
    return function_call(entry, [scalar(arg, leaf) for arg in expr.args])


def _condition(expr: Expr, leaf: Leaf) -> ast.expr:
    if isinstance(expr, Mul) and all(isinstance(part, Indicator | KroneckerDelta) for part in expr.args):
        conditions = [_condition(part, leaf) for part in expr.args]
        return reduce(lambda left, right: ast.BinOp(left, ast.BitAnd(), right), conditions)
    if isinstance(expr, KroneckerDelta):
        return operation("==", *(scalar(arg, leaf) for arg in expr.args))
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
    kinds = parts(Mul.make_args(rest))
    lower = [f for f in kinds.plain if isinstance(f, Pow) and f.exp.is_number and f.exp.is_negative]
    upper = [f for f in kinds.plain if f not in lower]
    top = ([rational(abs(number))] if abs(number) != 1 else []) + [scalar(f, leaf) for f in upper]
    node = _product_of([*top, *(scalar(f, leaf) for f in kinds.wild)])
    for factor in lower:
        node = quotient(node or ast.Constant(1), scalar(factor.base**-factor.exp, leaf))
    # Last, so that nothing is left of a quotient either.
    node = _product_of([*([node] if node else []), *(scalar(f, leaf) for f in kinds.masks)])
    assert node is not None
    return ast.UnaryOp(ast.USub(), node) if number < 0 else node


def _product_of(nodes: Sequence[ast.expr]) -> ast.expr | None:
    result: ast.expr | None = None
    for node in nodes:
        result = node if result is None else product(result, node)
    return result


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
    if function == "times":
        found[function] = ast.parse(TIMES).body[0]
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
