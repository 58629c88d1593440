"""Where in a user's Python source something happens: frames, the text of expressions, local variables."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType, TracebackType
from typing import Any

from chainrule.derive.errors import Span

#: Packages whose frames are not the user's.
LIBRARIES = ("chainrule.derive", "chainrule.kernels", "numpy", "scipy")


@dataclass(frozen=True)
class Spot:
    """One instruction of a Python function."""

    code: CodeType
    instruction: int


@dataclass(frozen=True)
class Site:
    """An expression of a Python source, with its operands.

    Attributes:
        span: the whole expression.
        called: the text of the function that it calls, if it is a call.
        operands: the operands in order: of an operator, of a call, of a subscript.
        keywords: the keyword arguments of a call.
        receiver: what a called method belongs to.
    """

    span: Span
    called: str = ""
    operands: tuple[Span, ...] = ()
    keywords: dict[str, Span] = field(default_factory=dict)
    receiver: Span | None = None


def is_library(frame: FrameType) -> bool:
    """Whether a frame belongs to chainrule, NumPy or SciPy."""
    module = frame.f_globals.get("__name__") or ""
    return any(module == name or module.startswith(f"{name}.") for name in LIBRARIES)


def frames(until: CodeType | None) -> Iterator[FrameType]:
    """The frames between here and the one that runs ``until``, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not until:
        yield frame
        frame = frame.f_back


def library_call(inner: Iterable[FrameType]) -> str:
    """The function of NumPy or SciPy that the user's innermost frame has called, if it is written in Python."""
    last = ""
    for frame in inner:
        if not is_library(frame):
            return last
        module = str(frame.f_globals.get("__name__", ""))
        name = frame.f_code.co_name
        ours = module.startswith("chainrule.") or name.startswith("__")
        last = "" if ours else f"{module.partition('.')[0]}.{name}"
    return ""


def spot(frame: FrameType) -> Spot:
    """The instruction that a frame is at."""
    return Spot(frame.f_code, frame.f_lasti)


def raised_at(traceback: TracebackType | None) -> Spot | None:
    """The user's innermost instruction of a traceback."""
    found = None
    while traceback is not None:
        if not is_library(traceback.tb_frame):
            found = Spot(traceback.tb_frame.f_code, traceback.tb_lasti)
        traceback = traceback.tb_next
    return found


def variables(frame: FrameType, outermost: bool) -> Iterator[tuple[str, Any]]:
    """The local variables of a frame; a parameter of an inner function names nothing of its own."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    parameters = () if outermost else code.co_varnames[:count]
    return ((name, value) for name, value in frame.f_locals.items() if name not in parameters)


# ---- source text ----------------------------------------------------------------------------------


def site(where: Spot | None) -> Site | None:
    """The expression that an instruction belongs to; ``None`` where there is no source."""
    if where is None:
        return None
    lines = linecache.getlines(where.code.co_filename)
    position = next(islice(where.code.co_positions(), where.instruction // 2, None), None)
    if not lines or position is None or None in position:
        return None
    source = _Source("".join(lines), where.code.co_filename)
    start, end, left, right = (int(part or 0) for part in position)
    span = source.span(start, left, end, right)
    node = _node_at("".join(lines), (start, left, end, right))
    return _site(node, span, source)


@dataclass(frozen=True)
class _Source:
    text: str
    file: str

    def span(self, start: int, left: int, end: int, right: int) -> Span:
        """The span of a position: lines from 1, columns in bytes."""
        return Span(self.text, self.offset(start, left), self.offset(end, right), self.file)

    def offset(self, line: int, column: int) -> int:
        lines = self.text.split("\n")
        if line > len(lines):
            return len(self.text)
        before = lines[line - 1].encode()[:column].decode(errors="ignore")
        return sum(len(earlier) + 1 for earlier in lines[: line - 1]) + len(before)

    def of(self, node: ast.expr) -> Span:
        return self.span(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)


@lru_cache(maxsize=4)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def _node_at(text: str, position: tuple[int, int, int, int]) -> ast.AST | None:
    tree = _tree(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.expr | ast.AugAssign | ast.For):
            place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            if place == position:
                return node
    return None


def _site(node: ast.AST | None, span: Span, source: _Source) -> Site:
    match node:
        case ast.BinOp(left, _, right):
            return Site(span, operands=(source.of(left), source.of(right)))
        case ast.AugAssign(target, _, value):
            return Site(span, operands=(source.of(target), source.of(value)))
        case ast.Compare(left, _, [right, *_]):
            return Site(span, operands=(source.of(left), source.of(right)))
        case ast.UnaryOp(_, operand):
            return Site(span, operands=(source.of(operand),))
        case ast.Subscript(value):
            return Site(span, operands=(source.of(value),))
        case ast.For(_, iterated) | ast.ListComp(_, [ast.comprehension(_, iterated), *_]):
            return Site(source.of(iterated))
        case ast.Attribute(value):
            return Site(span, operands=(source.of(value),), receiver=source.of(value))
        case ast.Call(function, arguments, keywords):
            receiver = source.of(function.value) if isinstance(function, ast.Attribute) else None
            named = {keyword.arg: source.of(keyword.value) for keyword in keywords if keyword.arg}
            called = " ".join(source.of(function).excerpt.split())
            return Site(span, called, tuple(source.of(argument) for argument in arguments), named, receiver)
    return Site(span)
