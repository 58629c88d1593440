"""Values computed once: common parts of bodies, and parts that do not change in an inner loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sympy import Add, Expr, Function, Integer, KroneckerDelta, Mul, Symbol, preorder_traversal

from chainrule.derive.program import Dim, Index, Program, Ref
from chainrule.derive.scalar import Indicator, compares_indices, where
from chainrule.derive.zero_products import is_mask, is_wild
from chainrule.kernels.scalar_code import ScalarPrinter

INDENT = "    "


@dataclass
class Scope:
    """What is known inside one loop: its variable, entries held in local variables, values computed."""

    variable: Index | None = None
    entries: dict[Ref, str] = field(default_factory=dict)
    values: dict[Expr, str] = field(default_factory=dict)


class Sharing:
    """The values that are at hand inside the loops open at the moment.

    Attributes:
        scopes: the function itself, then one scope for each open loop.
        pending: lines that must stand before the loop about to be closed, by the number of loops
            around them.
    """

    def __init__(self, printer: ScalarPrinter, temporaries: Iterator[str], program: Program) -> None:
        self.printer, self.temporaries = printer, temporaries
        self.shared = _shared_functions(program)
        self.scopes: list[Scope] = [Scope()]
        self.pending: dict[int, list[str]] = {}

    def held(self, ref: Ref) -> str | None:
        """The local variable that holds an entry, if there is one."""
        return next((scope.entries[ref] for scope in reversed(self.scopes) if ref in scope.entries), None)

    def prepared(self, body: Expr, depth: int) -> tuple[Expr, list[str]]:
        """The body in terms of local variables that hold what is shared, and the lines that assign them."""
        # First what other definitions want as well: it is known by its form before anything is taken out of it.
        shared = [part for part in _repeated(body, self.shared) if self._depth_of(part) == depth]
        lines = [line for part in shared if _is_shared(part, self.shared) for line in self._kept(part, depth)]
        body = self._hoisted(self._with_values(body), depth)
        lines += [line for part in _repeated(body, self.shared) for line in self._kept(part, depth)]
        return self._with_values(body), lines

    def _kept(self, part: Expr, depth: int) -> Iterator[str]:
        """The line that assigns a part to a local variable, unless there is one."""
        if self._known_value(part) is None:
            name = next(self.temporaries)
            # Parts of this part come earlier and are replaced in it already.
            text = self.printer.source(self._hoisted(self._with_values(part, whole=False), depth))
            self._remember(part, name, len(self.scopes) - 1)
            yield f"{INDENT * (depth + 1)}{name} = {text}"

    def _remember(self, value: Expr, name: str, level: int) -> None:
        if is_wild(value, self.printer.is_infinite):
            self.printer.infinite.add(name)
        self.scopes[level].values[value] = name

    def _known_value(self, part: Expr) -> str | None:
        return next((scope.values[part] for scope in reversed(self.scopes) if part in scope.values), None)

    def _with_values(self, body: Expr, whole: bool = True) -> Expr:
        """The expression with the values at hand replaced by local variables."""
        known = self._known_value(body) if whole else None
        if known is not None:
            return _variable(known, body)
        if not body.args or isinstance(body, Ref | KroneckerDelta):
            return body
        arguments = [self._with_values(argument) for argument in body.args]
        return body if tuple(arguments) == body.args else body.func(*arguments)

    def _hoisted(self, body: Expr, depth: int) -> Expr:
        """The body with its loop-invariant parts computed outside the loops they do not depend on."""
        if depth == 0:
            return body
        return self._outside(body, depth)

    def _outside(self, node: Expr, depth: int) -> Expr:
        if not node.args or isinstance(node, Ref | where) or _is_masked(node) or compares_indices(node):
            return node
        level = self._depth_of(node)
        if level < depth and _worth_keeping(node):
            return self._assigned(node, level)
        if isinstance(node, Mul | Add):
            node = self._collected(node, depth)
        arguments = [self._outside(argument, depth) for argument in node.args]
        return node if tuple(arguments) == node.args else node.func(*arguments)

    def _collected(self, node: Expr, depth: int) -> Expr:
        """A product or sum with all its loop-invariant parts taken together."""
        if isinstance(node, Mul) and any(is_wild(factor, self.printer.is_infinite) for factor in node.args):
            return node
        fixed = [part for part in node.args if not part.is_number and self._depth_of(part) < depth]
        if len(fixed) < 2:
            return node
        together = node.func(*fixed)
        rest = [part for part in node.args if part not in fixed]
        return node.func(self._assigned(together, self._depth_of(together)), *rest)

    def _assigned(self, node: Expr, level: int) -> Expr:
        """A local variable that holds the value, assigned within ``level`` loops."""
        for scope in self.scopes[: level + 1]:
            if node in scope.values:
                return _variable(scope.values[node], node)
        name = next(self.temporaries)
        inner = self._hoisted(node, level)
        source = self.printer.source(self._with_values(inner))
        self.pending.setdefault(level, []).append(f"{INDENT * (level + 1)}{name} = {source}")
        self._remember(node, name, level)
        return _variable(name, node)

    def _depth_of(self, node: Expr) -> int:
        """The number of loops within which the value of an expression changes."""
        symbols = node.free_symbols
        depths = [depth for depth, scope in enumerate(self.scopes) if scope.variable in symbols]
        holders = {text: depth for depth, scope in enumerate(self.scopes) for text in scope.values.values()}
        depths += [holders[symbol.name] for symbol in symbols if symbol.name in holders]
        return max(depths, default=0)


def _is_masked(node: Expr) -> bool:
    """Whether a product is computed only where a mask is 1."""
    return isinstance(node, Mul) and any(map(is_mask, node.args))


def _variable(name: str, value: Expr) -> Symbol:
    """A local variable, known to be positive if its value is."""
    return Symbol(name, positive=True) if value.is_positive else Symbol(name, real=True)


def _worth_keeping(node: Expr) -> bool:
    """Whether the value of an expression is worth a variable; an indicator is needed as a condition."""
    if is_mask(node):
        return False
    if isinstance(node, Mul):
        factors = [factor for factor in node.args if not factor.is_number]
        return len(factors) > 1 or any(_worth_keeping(factor) for factor in factors)
    return bool(node.args) and not isinstance(node, Ref | Index | Dim | KroneckerDelta) and not node.is_number


def _pattern(node: Expr) -> Expr:
    """The node with its indices numbered by the order in which they occur."""
    found = dict.fromkeys(part for part in preorder_traversal(node) if isinstance(part, Index))
    return node.xreplace({index: Index(f"n{position}") for position, index in enumerate(found)})


def _shared_functions(program: Program) -> set[Expr]:
    """The function values, up to the naming of indices, that several definitions contain."""
    users: dict[Expr, set[str]] = {}
    for definition in program.definitions:
        for node in definition.body.atoms(Function):
            if not isinstance(node, where | Indicator | KroneckerDelta):
                users.setdefault(_pattern(node), set()).add(definition.name)
    return {pattern for pattern, names in users.items() if len(names) > 1}


def _repeated(body: Expr, shared: set[Expr]) -> list[Expr]:
    """The parts that are needed several times and are computed in any case, smaller ones first."""
    counts: dict[Expr, int] = {}
    eager: dict[Expr, None] = {}

    def visit(node: Expr, lazy: bool) -> None:
        if compares_indices(node):
            return
        if not _worth_keeping(node):
            for argument in () if isinstance(node, Ref) else node.args:
                visit(argument, lazy)
            return
        counts[node] = counts.get(node, 0) + 1
        if not lazy:
            eager[node] = None
        if counts[node] > 1:
            return
        for position, argument in enumerate(node.args):
            visit(argument, lazy or (isinstance(node, where) and position > 0))

    visit(body, False)
    found = [
        node for node in eager
        if (counts[node] > 1 and _costly(node)) or _is_shared(node, shared)
    ]  # fmt: skip
    return sorted(found, key=lambda node: (node.count_ops(), node.sort_key()))


def _is_shared(node: Expr, shared: set[Expr]) -> bool:
    return isinstance(node, Function) and _pattern(node) in shared


def _costly(node: Expr) -> bool:
    return node != Integer(-1) and not (isinstance(node, Mul) and len(node.args) == 2 and node.args[0] == -1)
