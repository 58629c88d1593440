"""Text to programs: the entry of the notation."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from types import MappingProxyType

from chainrule.derive.errors import InputError, LimitError, NotationError, Span
from chainrule.derive.notation.declarations import Declared, Statement, check_name, collect, split_statements
from chainrule.derive.notation.lower import Reader, located
from chainrule.derive.notation.parser import Parser
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tensors import Workspace
from chainrule.derive.notation.tokens import MAX_CHARACTERS
from chainrule.derive.program import Definition, Dim, Input, Program, fresh_names

NO_DECLARATIONS: Mapping[str, str] = MappingProxyType({})
#: What an expression without a name is called, the first that is free.
TARGET_NAMES = ("L", "f", "out")
#: Stack frames that a formula of the greatest depth takes.
FRAMES = 6000


def parse_formula(
    text: str,
    declarations: Mapping[str, str] = NO_DECLARATIONS,
    scope: Program | None = None,
    max_characters: int = MAX_CHARACTERS,
) -> Program:
    """The program that a formula's text means; its one output is the last statement.

    Named statements stay in the program even where the output does not need them, so that a
    claim may refer to them.

    Args:
        text: declarations and statements, separated by newlines or ``;``.
        declarations: further declarations, ``{"X": "real[n, d]"}``.
        scope: a program whose inputs and named definitions the text may use.  Nothing can be
            declared then, every name must be known, and the result has the same inputs.
        max_characters: limit on the length of the text.

    Raises:
        NotationError: the text is not in the notation (UnknownNameError for names).
        ShapeError: axes do not fit together.
        UnsupportedError: a function is known but not available yet.
        LimitError: the text is too long, too deep, or its meaning too large.

    >>> program = parse_formula("X: real[n, d]; w: real[d]; mean((X @ w)^2)")
    >>> [str(definition.body) for definition in program.definitions]
    ['w[k0]*X[i0,k0]', 'z[k0]**2/n']
    """
    if not isinstance(text, str):
        raise InputError("a formula is a text", found=type(text).__name__)
    with _room():
        try:
            return _read(text, declarations, scope, max_characters)
        except RecursionError:
            raise LimitError("the formula is nested too deeply for the stack that is left here") from None


def _read(text: str, declarations: Mapping[str, str], scope: Program | None, max_characters: int) -> Program:
    statements = split_statements(text, max_characters)
    declared = collect(statements, declarations, max_characters)
    reader = _reader(declared, scope)
    rest = [statement for statement in statements if statement.kind != "declaration"]
    if not rest:
        raise NotationError(
            "there is no formula to read", Span(text, 0, len(text)), expected="an expression, or name = expression"
        )
    nodes = _nodes(rest, reader)
    names = {statement.name.text for statement in rest if statement.name}
    reader.later = set(names)
    taken = {*reader.values, *reader.dims, *names, *(scope.by_name if scope else ())}
    for statement, node in zip(rest, nodes, strict=True):
        tensor = reader.lower(node)
        name = statement.name.text if statement.name else _target_name({*taken, *reader.undeclared})
        with located(node):
            reader.values[name] = reader.work.name(tensor, name)
        reader.later.discard(name)
    inputs = (*(scope.inputs if scope else (entry.item for entry in declared.values())), *reader.undeclared.values())
    taken |= {*reader.undeclared, name, "pi"}
    return reader.work.finish(tuple(inputs), name, taken, () if scope else names)


def _reader(declared: Mapping[str, Declared], scope: Program | None) -> Reader:
    work = Workspace()
    if scope is None:
        dims = {d.name: d for entry in declared.values() for length in entry.item.shape for d in length.atoms(Dim)}
        return Reader(work, {name: entry.item for name, entry in declared.items()}, dims)
    for entry in declared.values():
        raise NotationError(
            "nothing can be declared here", entry.span, hint="the names are those of the formula that this is about"
        )
    work.adopt(scope)
    values: dict[str, Input | Definition] = {item.name: item for item in scope.inputs}
    values |= {item.name: item for item in scope.definitions if item.origin == "named"}
    return Reader(work, values, {d.name: d for d in scope.dims}, closed=True)


def _nodes(statements: Sequence[Statement], reader: Reader) -> list[Node]:
    """The syntax trees of the statements, whose names are checked."""
    given: dict[str, Span] = {}
    known = {*reader.values, *reader.dims}
    nodes: list[Node] = []
    for statement in statements:
        parser = Parser(statement.tokens, {*known, *given})
        nodes.append(parser.expression())
        parser.finish()
        if statement.name is None and statement is not statements[-1]:
            raise NotationError(
                "only the last statement may be without a name", nodes[-1].span, expected="name = expression"
            )
        if statement.name is not None:
            _check_new(statement, reader, given)
            given[statement.name.text] = statement.name.span
    return nodes


def _check_new(statement: Statement, reader: Reader, given: Mapping[str, Span]) -> None:
    token = statement.name
    assert token is not None
    check_name(token)
    if token.text in given:
        raise NotationError(
            f"{token.text} is defined twice", token.span, also=(("defined first here", given[token.text]),),
            hint="each statement gives a new name",
        )  # fmt: skip
    if token.text in reader.values or token.text in reader.dims:
        what = "the length of an axis" if token.text in reader.dims else "known already"
        raise NotationError(f"{token.text} is {what} and cannot be defined", token.span, hint="choose another name")


def _target_name(taken: set[str]) -> str:
    for name in TARGET_NAMES:
        if name not in taken:
            return name
    return next(fresh_names(taken, TARGET_NAMES[-1]))


_LOCK = Lock()
_READERS: list[int] = []


@contextmanager
def _room() -> Iterator[None]:
    """Raise Python's limit on frames while a formula is read; nested formulas need many small ones."""
    with _LOCK:
        _READERS.append(sys.getrecursionlimit())
        sys.setrecursionlimit(max(_READERS[0], FRAMES))
    try:
        yield
    finally:
        with _LOCK:
            original = _READERS[0]
            _READERS.pop()
            if not _READERS:
                sys.setrecursionlimit(original)
