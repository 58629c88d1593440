"""Programs as runnable NumPy source.

One line per definition: the matrix form where there is one (in the order that is cheap to
compute: broadcasting instead of ``diag``, matrix-vector products first), else an expression with
explicit axes.  Nameless definitions that are used once are written into the line that uses them.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from functools import singledispatch

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.catalog.unspecified import no_values
from chainrule.derive.edges import explicit, without_notes
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.forms.matrix_form import matrix_node
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    Name,
    Negative,
    NewAxis,
    Node,
    Number,
    Slice,
    Subscript,
    Text,
    Transpose,
    Tuple,
    children,
    walk,
)
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.explicit_axes import explicit_axes
from chainrule.derive.render.matrix_source import matrix_source
from chainrule.derive.render.scalar_source import (
    called_names,
    calling,
    function_call,
    function_def,
    helpers,
    name,
    operation,
    product,
    quotient,
    rational,
)
from chainrule.derive.zero_products import finite_names, wild_names

#: The notation's array functions in NumPy and SciPy.
ARRAY_FUNCTIONS = {
    "sum": "np.sum", "mean": "np.mean", "max": "np.max", "min": "np.min", "prod": "np.prod",
    "norm": "np.linalg.norm", "trace": "np.trace", "diag": "np.diag", "outer": "np.outer", "eye": "np.eye",
    "ones": "np.ones", "zeros": "np.zeros", "einsum": "np.einsum", "where": "np.where",
    "tril": "np.tril", "triu": "np.triu",
    "logsumexp": "special.logsumexp", "softmax": "special.softmax", "log_softmax": "special.log_softmax",
}  # fmt: skip
#: Functions with finite values for finite arguments.
FINITE = frozenset({"where", "abs", "sign", "step", "relu", "maximum", "minimum", "sum", "mean", "diag", "outer"})
#: Names that the source uses itself.
RESERVED = frozenset({"np", "special", "linalg", "times"})


def numpy_source(program: Program, function_name: str = "evaluate") -> str:
    """Python source with one function of the program's inputs that returns its outputs.

    Args:
        program: any program.
        function_name: the name of the function.

    Returns:
        Source that needs NumPy, and SciPy where a function is not in NumPy.  Names that are
        keywords of Python or taken by the source itself get a trailing underscore.

    Raises:
        UnsupportedError: if a definition uses something that has no NumPy form.
    """
    program = explicit(program.pruned())
    names, body = _named(
        program, {function_name},
        lambda names: _returned(_assignments(program, names), [names[output] for output in program.outputs]),
    )  # fmt: skip
    body = [_docstring(program, names), *_sizes(program, names, body), *body]
    function = function_def(function_name, [names[item.name] for item in program.inputs], body)
    return _module(function)


def numpy_lines(program: Program) -> str:
    """What an expert would write: one assignment for each definition and output.

    The plain formula, where :func:`numpy_source` also guards what is divided by zero or infinite at
    the edges of a domain, and with declared symmetry.  Functions that NumPy and SciPy lack are defined
    in front.
    """
    program = without_notes(program.pruned())
    names, body = _named(
        program, set(), lambda names: [_Unguarded().visit(line) for line in _assignments(program, names, plain=True)]
    )
    statements = [*helpers(called_names(ast.Module(body, []))), *_sizes(program, names, body), *body]
    return "\n".join(ast.unparse(ast.fix_missing_locations(statement)) for statement in statements) + "\n"


def _assignments(program: Program, names: Mapping[str, str], *, plain: bool = False) -> list[ast.stmt]:
    """One assignment for every definition that is not written into another one."""
    return [
        ast.Assign([ast.Name(names[item.name], ast.Store())], value)
        for item, value in _values(program, names, plain=plain)
    ]


class _Unguarded(ast.NodeTransformer):
    """Products without a guard, ``c * log(x)`` where nothing is infinite, and ``c * (1 / x)`` as ``c / x``."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match ast.unparse(node.func), node.args:
            case "times", [left, right]:
                return operation("*", left, right)
            case "special.xlogy", [left, right] if ast.unparse(left) != ast.unparse(right):
                return operation("*", left, calling("np.log", right))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left, ast.Mult(), ast.BinOp(ast.Constant(1), ast.Div(), divisor)):
                return operation("/", left, divisor)
        return node


def _module(function: ast.stmt) -> str:
    statements = [*helpers(called_names(function)), function]
    text = [ast.unparse(ast.fix_missing_locations(statement)) for statement in statements]
    imports = ["import numpy as np"]
    used = [module for module in ("linalg", "special") if re.search(rf"(?<![\w.]){module}\.", "".join(text))]
    imports += [f"from scipy import {', '.join(used)}"] if used else []
    return "\n\n\n".join(["\n".join(imports), *text]) + "\n"


# ---- names and sizes ------------------------------------------------------------------------------------


def _named(
    program: Program, taken: set[str], lines: Callable[[Mapping[str, str]], list[ast.stmt]]
) -> tuple[dict[str, str], list[ast.stmt]]:
    """Python names and the lines in them; a name of the program gives way to a function that the lines call."""
    names = _python_names(program, taken)
    body = lines(names)
    functions = {node.name for node in helpers(called_names(ast.Module(body, []))) if isinstance(node, ast.FunctionDef)}
    if functions.isdisjoint(names.values()):
        return names, body
    names = _python_names(program, taken | functions)
    return names, lines(names)


def _python_names(program: Program, reserved: set[str]) -> dict[str, str]:
    """A valid and unique Python name for every input, definition and dimension."""
    taken = {*RESERVED, *reserved}
    names: dict[str, str] = {}
    for own in (*program.by_name, *(length.name for length in program.dims)):
        candidate = re.sub(r"\W", "_", own)
        candidate = candidate if candidate.isidentifier() else f"v_{candidate}"
        while keyword.iskeyword(candidate) or candidate in taken:
            candidate += "_"
        taken.add(candidate)
        names[own] = candidate
    return names


def _sizes(program: Program, names: Mapping[str, str], body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """``n, d = X.shape`` for the dimensions that the body uses."""
    read = {node.id for line in body for node in ast.walk(line) if isinstance(node, ast.Name)}
    wanted = {length for length in program.dims if names[length.name] in read}
    for item in program.inputs:
        new = [length for length in item.shape if length in wanted]
        if not new:
            continue
        wanted -= set(new)
        shape = ast.Attribute(name(names[item.name]), "shape", ast.Load())
        if len(new) == len(item.shape) == len(set(new)) > 1:
            targets: list[ast.expr] = [ast.Name(names[length.name], ast.Store()) for length in item.shape]
            yield ast.Assign([ast.Tuple(targets, ast.Store())], shape)
            continue
        for length in dict.fromkeys(new):
            place = ast.Constant(item.shape.index(length))
            target = ast.Name(names[length.name], ast.Store())
            yield ast.Assign([target], ast.Subscript(shape, place, ast.Load()))


def _docstring(program: Program, names: Mapping[str, str]) -> ast.stmt:
    inputs = ", ".join(names[item.name] + _shape_text(item) for item in program.inputs)
    outputs = ", ".join(names[output] + _shape_text(program.by_name[output]) for output in program.outputs)
    return ast.Expr(ast.Constant(f"Return {outputs} of {inputs}." if inputs else f"Return {outputs}."))


def _shape_text(item: Input | Definition) -> str:
    return f"[{', '.join(str(length) for length in item.shape)}]" if item.shape else ""


def _returned(body: list[ast.stmt], outputs: list[str]) -> list[ast.stmt]:
    """The body with a ``return``; a single output that was just computed is returned directly."""
    last = body[-1] if body else None
    if len(outputs) == 1:
        if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name) and last.targets[0].id == outputs[0]:
            return [*body[:-1], ast.Return(last.value)]
        return [*body, ast.Return(name(outputs[0]))]
    return [*body, ast.Return(ast.Tuple([name(output) for output in outputs], ast.Load()))]


# ---- definitions ------------------------------------------------------------------------------------------


def _values(program: Program, names: Mapping[str, str], *, plain: bool) -> Iterator[tuple[Definition, ast.expr]]:
    """The definitions that get a line of their own, each with its right-hand side."""
    kept = _kept(program, plain=plain)
    for item in program.definitions:
        if item.name in kept:
            node = kept[item.name]
            yield item, explicit_axes(program, item, names) if node is None else python(node, names)


def _kept(program: Program, *, plain: bool) -> dict[str, Node | None]:
    """The definitions that get a line of their own, in matrix notation where they have a matrix form.

    Those with a name, those that are used more than once, and those that a definition without a
    matrix form reads.  Logarithms that may be infinite are written in, where ``0 * log(0)`` is seen,
    unless the plain formula is wanted.
    """
    uses, wild = program.uses(), frozenset() if plain else wild_names(program)
    finite = finite_names(program) | {length.name for length in program.dims}
    kept = {
        definition.name
        for definition in program.definitions
        if definition.name in program.outputs
        or (definition.origin != "auto" and definition.name not in wild)
        or (uses[definition.name] > 1 and definition.reduce != "logsumexp")
    }
    needed: set[str] = set()
    while True:
        own = (item.name for item in program.definitions if item.name in kept)
        nodes = {name: _node(program, name, kept, wild, finite, plain=plain) for name in own}
        explicit_ones = (item for item in program.definitions if item.name in nodes and nodes[item.name] is None)
        read = (program.by_name[name] for item in explicit_ones for name in item.reads)
        needed |= {item.name for item in read if isinstance(item, Definition)}
        if not needed <= kept:
            kept |= needed
            continue
        once = _read_once(program, nodes) - needed if plain else set()
        if not once:
            return nodes
        kept -= once


def _read_once(program: Program, nodes: Mapping[str, Node | None]) -> set[str]:
    """The nameless definitions that only one other reads, in one place."""
    names = (part.name for node in nodes.values() if node is not None for part in walk(node) if isinstance(part, Name))
    counts = Counter(names)
    nameless = (item.name for item in program.definitions if item.origin == "auto" and item.name not in program.outputs)
    return {name for name in nameless if name in nodes and counts[name] == 1}


def _node(
    program: Program, name: str, kept: Container[str], wild: frozenset[str], finite: frozenset[str], *, plain: bool
) -> Node | None:
    node = matrix_node(program, name, lambda inner: inner.name not in kept, readable=False, ordered=plain)
    if node is None and plain:
        printed = matrix_node(program, name, lambda inner: inner.name not in kept, readable=True)
        node = printed if printed is not None and all(map(_has_values, walk(printed))) else None
    # In a matrix product nothing can be done about 0 * log(0).
    guarded = node is not None and not plain and _contracts_infinity(node, wild, finite)
    return None if guarded else node


def _has_values(part: Node) -> bool:
    """Whether NumPy or the catalogue has what a part of a printed form calls."""
    return not isinstance(part, Call) or any(
        part.function in table for table in (ARRAY_FUNCTIONS, MATRIX_FUNCTION_BY_NAME, BY_NAME)
    )


def _contracts_infinity(node: Node, wild: frozenset[str], finite: frozenset[str]) -> bool:
    """Whether a matrix product may multiply by 0 what is infinite, or not defined where an indicator is 0."""
    sides: list[Node] = []
    for part in walk(node):
        if isinstance(part, Binary) and part.operator == "@":
            sides += [part.left, part.right]
        elif isinstance(part, Call) and part.function == "einsum" and len(part.arguments) > 2:
            sides += [side for side in part.arguments[1:] if not isinstance(side, Call) or side.function == "log"]
    return any(_is_wild(side, wild) for side in sides) and not all(_is_finite(side, finite) for side in sides)


def _is_finite(node: Node, finite: frozenset[str]) -> bool:
    """Whether a node has finite values, so that nothing happens to what an indicator leaves of it."""
    match node:
        case Name(name):
            return name in finite
        case Number() | NewAxis() | Slice():
            return True
        case Binary("/", left, right):
            return _is_finite(left, finite) and isinstance(right, Number)
        case Binary("**", left, right):
            return _is_finite(left, finite) and isinstance(right, Number) and right.value > 0
        case Call(function) if function not in FINITE:
            return False
    return all(_is_finite(part, finite) for part in children(node))


def _is_wild(node: Node, wild: frozenset[str]) -> bool:
    """Whether a node is a logarithm or an indicator, or a sum, product or rearrangement with one."""
    if isinstance(node, Name):
        return node.name in wild
    if isinstance(node, Call):
        return node.function in ("log", "where")
    if isinstance(node, Binary) and node.operator not in "+-*/":
        return False
    through = isinstance(node, Binary | Negative | Transpose | Subscript)
    return through and any(_is_wild(part, wild) for part in children(node))


# ---- nodes ---------------------------------------------------------------------------------------------------


@singledispatch
def python(node: Node, names: Mapping[str, str]) -> ast.expr:
    """A node of matrix notation as a Python expression over ``np`` and ``special``."""
    raise UnsupportedError(f"no NumPy form of {type(node).__name__}")


@python.register
def _number(node: Number, names: Mapping[str, str]) -> ast.expr:
    return rational(node.value)


@python.register
def _name(node: Name, names: Mapping[str, str]) -> ast.expr:
    if node.name in ("pi", "inf") and node.name not in names:
        return ast.Attribute(name("np"), node.name, ast.Load())
    if node.name in ("True", "False") and node.name not in names:
        return ast.Constant(node.name == "True")
    return name(names.get(node.name, node.name))


@python.register
def _text(node: Text, names: Mapping[str, str]) -> ast.expr:
    return ast.Constant(node.text)


@python.register
def _negative(node: Negative, names: Mapping[str, str]) -> ast.expr:
    return ast.UnaryOp(ast.USub(), python(node.operand, names))


@python.register
def _binary(node: Binary, names: Mapping[str, str]) -> ast.expr:
    if node.operator == "@" and isinstance(node.left, Call) and node.left.function == "inv":
        # Solving a system of equations is faster and more accurate than inverting its matrix.
        return calling("np.linalg.solve", python(node.left.arguments[0], names), python(node.right, names))
    left, right = python(node.left, names), python(node.right, names)
    special = {"*": product, "/": quotient}.get(node.operator)
    return operation(node.operator, left, right) if special is None else special(left, right)


@python.register
def _transpose(node: Transpose, names: Mapping[str, str]) -> ast.expr:
    return ast.Attribute(python(node.operand, names), "T", ast.Load())


@python.register
def _subscript(node: Subscript, names: Mapping[str, str]) -> ast.expr:
    items = [python(item, names) for item in node.items]
    inside = items[0] if len(items) == 1 else ast.Tuple(items, ast.Load())
    return ast.Subscript(python(node.operand, names), inside, ast.Load())


@python.register
def _slice(node: Slice, names: Mapping[str, str]) -> ast.expr:
    start, stop = (None if part is None else python(part, names) for part in (node.start, node.stop))
    return ast.Slice(start, stop)


@python.register
def _new_axis(node: NewAxis, names: Mapping[str, str]) -> ast.expr:
    return ast.Constant(None)


@python.register
def _tuple(node: Tuple, names: Mapping[str, str]) -> ast.expr:
    if node.square:
        whole = all(_is_whole(part) for part in walk(node) if not isinstance(part, Tuple))
        return calling("np.array", _entries(node, names), **({"dtype": name("float")} if whole else {}))
    return ast.Tuple([python(item, names) for item in node.items], ast.Load())


def _entries(node: Node, names: Mapping[str, str]) -> ast.expr:
    """The entries of an array as nested lists."""
    if isinstance(node, Tuple) and node.square:
        return ast.List([_entries(item, names) for item in node.items], ast.Load())
    return python(node, names)


def _is_whole(node: Node) -> bool:
    """Whether a node is a whole number, or the sign of one: of such entries NumPy would make an array of integers."""
    return isinstance(node, Negative) or (isinstance(node, Number) and bool(node.value.is_Integer))


@python.register
def _call(node: Call, names: Mapping[str, str]) -> ast.expr:
    arguments = [python(argument, names) for argument in node.arguments]
    keywords = {key: python(value, names) for key, value in node.keywords}
    if node.function in MATRIX_FUNCTION_BY_NAME:
        return matrix_source(node.function, arguments[0])
    if node.function in ARRAY_FUNCTIONS:
        return calling(ARRAY_FUNCTIONS[node.function], *arguments, **keywords)
    entry = BY_NAME.get(node.function)
    if entry is None:
        raise no_values(node.function)
    return function_call(entry, arguments)
