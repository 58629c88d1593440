"""Text to programs: the entry of the notation."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import Literal, get_args

from chainrule.derive.catalog.unspecified import function_names
from chainrule.derive.domains import FUNCTION
from chainrule.derive.errors import InputError, LimitError, NotationError, Span
from chainrule.derive.notation.attach import refuse_new, with_requirements
from chainrule.derive.notation.declarations import Declared, collect, split_statements
from chainrule.derive.notation.infer import Inference, words_of
from chainrule.derive.notation.latex.program import latex_statements
from chainrule.derive.notation.latex.statements import looks_like_latex
from chainrule.derive.notation.left import Stated
from chainrule.derive.notation.lower import USUAL_FUNCTIONS, Reader, located
from chainrule.derive.notation.stated import stated
from chainrule.derive.notation.syntax import Name, Node
from chainrule.derive.notation.tensors import Shape, Workspace
from chainrule.derive.notation.tokens import MAX_CHARACTERS
from chainrule.derive.notation.writing import PRODUCTS, SUMS, calls, with_nameless, written_order
from chainrule.derive.program import Definition, Dim, Input, Program, Written, free_index, fresh_names

#: What a text may be written in.
Notation = Literal["auto", "text", "latex"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)
#: What a trace is called.
TRACES = frozenset({"trace", "tr"})
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
    shape: Shape | None = None,
    notation: Notation = "auto",
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
        shape: the shape that the value is to have, where index letters alone do not tell: the
            lengths of ``delta[i, j]``, the order of the axes of ``sum_k X[i, k] Y[k, j]``.
        notation: ``"latex"``, ``"text"``, or ``"auto"``: LaTeX where the text has a word with a
            backslash, ``$``, or a superscript in braces.

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
    with room():
        try:
            return _read(text, declarations, scope, max_characters, shape, is_latex(text, notation))
        except RecursionError:
            raise LimitError("the formula is nested too deeply for the stack that is left here") from None


def is_latex(text: str, notation: Notation) -> bool:
    """Whether a text is to be read as LaTeX.

    Raises:
        InputError: there is no such notation.
    """
    if notation not in NOTATIONS:
        raise InputError(f"there is no notation called {notation!r}", expected=" or ".join(NOTATIONS))
    return notation == "latex" or (notation == "auto" and looks_like_latex(text))


def _read(
    text: str, declarations: Mapping[str, str], scope: Program | None, max_characters: int, shape: Shape | None,
    latex: bool,
) -> Program:  # fmt: skip
    statements = (latex_statements if latex else split_statements)(text, max_characters)
    declared = collect(statements, declarations, max_characters)
    reader = _reader(declared, scope)
    rest = [statement for statement in statements if statement.kind != "declaration"]
    if not rest:
        raise NotationError(
            "there is no formula to read", Span(text, 0, len(text)), expected="an expression, or name = expression"
        )
    parsed = stated(rest, reader, latex)
    names = {item.name for item in parsed if item.name}
    reader.later = set(names)
    inference = None if scope else _inference(parsed, reader)
    taken = {*reader.values, *reader.dims, *names, *(scope.by_name if scope else ())}
    for place, item in enumerate(parsed):
        reader.current = item.name
        if inference is not None:
            inference.before(place)
        tensor = reader.indices.statement(item, shape if place == len(parsed) - 1 else None)
        name = item.name or _known_name(item, reader) or target_name({*taken, *reader.undeclared})
        if item.name or name not in reader.values:
            with located(item.node):
                reader.values[name] = reader.work.name(tensor, _free_name(name, reader))
        reader.later.discard(name)
    _check_lengths(reader)
    given = scope.inputs if scope else [item for item in reader.values.values() if isinstance(item, Input)]
    inputs = (*given, *reader.undeclared.values())
    if scope:
        refuse_new(inputs, reader.work.requirements)
    else:
        inputs = with_requirements(inputs, reader.work.requirements)
    taken |= {*reader.undeclared, name, "pi"}
    program = reader.work.finish(inputs, name, taken, () if scope else names)
    return program if scope else replace(program, written=_written(program, [item.node for item in parsed]))


def _written(program: Program, formulas: Sequence[Node]) -> Written:
    """How the formulas write their products and sums."""
    called = calls(formulas)
    names = [name for name, item in program.by_name.items() if not _is_nameless(item)]
    factors, terms = (written_order(names, formulas, signs) for signs in (PRODUCTS, SUMS))
    in_products, in_sums = with_nameless(factors, program, (free_index(0),)), with_nameless(terms, program)
    return Written(in_products, in_sums, "sum" not in called and bool(TRACES & called))


def _is_nameless(item: Input | Definition) -> bool:
    return isinstance(item, Definition) and item.origin == "auto"


def _known_name(statement: Stated, reader: Reader) -> str:
    """The name of what a statement only asks for: ``p`` in ``p = softmax(z); p``."""
    name = statement.node.name if isinstance(statement.node, Name) and not reader.closed else ""
    return name if isinstance(reader.values.get(name), Definition) else ""


def _free_name(name: str, reader: Reader) -> str:
    """The name of a definition; another one where a claim defines anew what the formula calls so."""
    return next(fresh_names(reader.work.definitions, name)) if reader.closed else name


def _reader(declared: Mapping[str, Declared], scope: Program | None) -> Reader:
    work = Workspace()
    if scope is None:
        functions = {name for name, entry in declared.items() if entry.item.domain is FUNCTION}
        inputs = {name: entry.item for name, entry in declared.items() if name not in functions}
        dims = {d.name: d for item in inputs.values() for length in item.shape for d in length.atoms(Dim)}
        return Reader(work, dict(inputs), dims, USUAL_FUNCTIONS - inputs.keys() | functions)
    for entry in declared.values():
        raise NotationError(
            "nothing can be declared here", entry.span, hint="the names are those of the formula that this is about"
        )
    work.adopt(scope)
    values: dict[str, Input | Definition] = {item.name: item for item in scope.inputs}
    values |= {item.name: item for item in scope.definitions if item.origin == "named"}
    named = frozenset(function_names(definition.body for definition in scope.definitions))
    return Reader(work, values, {d.name: d for d in scope.dims}, named, closed=True)


def _inference(parsed: Sequence[Stated], reader: Reader) -> Inference:
    def shape(name: str) -> Shape | None:
        item = reader.values.get(name)
        return None if item is None else item.shape

    words = {*reader.values, *(word for item in parsed for word in (*words_of(item.node), *item.letters))}
    inference = Inference(parsed, shape, reader.dims, words, reader.inferred)
    inference.whole()
    return inference


def _check_lengths(reader: Reader) -> None:
    """A length that only a range names must be the length of some axis."""
    inputs = [item for item in (*reader.values.values(), *reader.undeclared.values()) if isinstance(item, Input)]
    axes = {length for item in inputs for size in item.shape for length in size.atoms(Dim)}
    for name, span in reader.named_lengths.items():
        if reader.dims[name] not in axes:
            raise NotationError(
                f"no axis has the length {name}", span, expected="the length of an axis that the index stands on",
                hint=f"declare an array with it, for example x: real[{name}]",
            )  # fmt: skip


def target_name(taken: Collection[str]) -> str:
    """What a value without a name of its own is called."""
    for name in TARGET_NAMES:
        if name not in taken:
            return name
    return next(fresh_names(taken, TARGET_NAMES[-1]))


_LOCK = Lock()
_READERS: list[int] = []


@contextmanager
def room() -> Iterator[None]:
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
