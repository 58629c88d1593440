"""Statements as they are lowered: parsed in order, left sides and subscripts understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.carried import with_carried_letters
from chainrule.derive.notation.chains import read_chain
from chainrule.derive.notation.declarations import Statement, check_name
from chainrule.derive.notation.infer import bound_names
from chainrule.derive.notation.latex.names import Names
from chainrule.derive.notation.latex.program import latex_events, read_latex_statement
from chainrule.derive.notation.left import Left, Stated, event_heads, joined_words
from chainrule.derive.notation.lower import USUAL_FUNCTIONS, Reader
from chainrule.derive.notation.parser import Parser
from chainrule.derive.notation.resolve import Resolver, bracket_letters, compared_letters, free_letters, scoped
from chainrule.derive.notation.signs import check_letters, is_letter, small_items
from chainrule.derive.notation.syntax import IndexSum, Node, Subscripted, walk
from chainrule.derive.notation.tokens import Token
from chainrule.derive.program import dim


@dataclass
class Statements:
    """What the statements so far have said.

    Attributes:
        reader: what names mean.
        rows: declared matrices, and whether the text uses them by their own name.
        events: names such as P of ``P(A|B)``, whose applications are numbers of their own.
        given: names that statements give, with their places.
        arguments: those that were given with arguments: H of ``H(X) = ..``.
    """

    reader: Reader
    rows: Mapping[str, bool]
    events: frozenset[str]
    given: dict[str, Span] = field(default_factory=dict)
    arguments: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def known(self) -> set[str]:
        """Every name that is declared or given."""
        return {*self.reader.values, *self.reader.dims, *self.given}

    def letters(self, left: Left | None) -> tuple[str, ...]:
        """The letters of a left side that may be indices."""
        return left.letters if left and (left.certain or self.known.isdisjoint({left.name, *left.letters})) else ()

    def read(self, statement: Statement) -> Stated:
        """One statement."""
        known, left = self.known, statement.left
        tokens = joined_words(statement.tokens, known, left is not None and left.words)
        letters = self.letters(left)
        functions = self.reader.functions - (USUAL_FUNCTIONS & known)
        parser = Parser(tokens, known, letters, functions, self.arguments)
        node = parser.expression()
        parser.finish()
        return self.resolved(left, node)

    def resolved(self, left: Left | None, node: Node) -> Stated:
        """A statement that has been parsed; the letters on its left are indices if its right side has them."""
        known, letters = self.known, self.letters(left)
        node = with_carried_letters(node, {*known, *self.reader.dims}, letters)
        if not self.reader.closed:
            self.name_lengths(bound_names(node, {*known, *letters}))
        resolver = Resolver({*known, *self.reader.dims}, self.rows, self.events, self.arguments)
        free = self.free(node, known) if left is None else ()
        if free:
            return Stated("", free, resolver.resolve(node, frozenset(free)), ordered=False)
        if left and letters and (left.certain or free_letters(node).issuperset(letters)):
            check_letters(letters, left.token.span, known)
            return Stated(left.base, letters, resolver.resolve(node, frozenset(letters)))
        return Stated(left.result(self.events) if left else "", (), resolver.resolve(node))

    def free(self, node: Node, known: set[str]) -> tuple[str, ...]:
        """Free letters of an expression without a left side: of a claim, or beside a sum over an index."""
        letters = bracket_letters(node)
        if self.reader.closed:
            letters |= compared_letters(node)
            letters |= {
                letter for part, bound in scoped(node)
                if isinstance(part, Subscripted) and part.whole not in known
                and len(self.reader.shape_of_name(part.base) or ()) == len(part.items)
                for letter in free_letters(part) - bound
            }  # fmt: skip
        elif not any(isinstance(part, IndexSum) for part in walk(node)):
            return ()
        return tuple(sorted(filter(is_letter, letters - known - self.reader.dims.keys())))

    def name_lengths(self, names: Mapping[str, Span | None]) -> None:
        """Take the bounds of ranges that nobody has declared for lengths."""
        self.reader.named_lengths |= names
        self.reader.dims |= {name: dim(name) for name in names}

    def add(self, name: str, left: Left) -> None:
        """Note the name that a statement gives, which must be new."""
        token, reader = left.token, self.reader
        check_name(replace(token, text=name))
        if name in self.given:
            raise NotationError(
                f"{name} is defined twice", token.span, also=(("defined first here", self.given[name]),),
                hint="each statement gives a new name",
            )  # fmt: skip
        if name in reader.functions - USUAL_FUNCTIONS:
            raise NotationError(f"{name} is a function and cannot be defined", token.span, hint="choose another name")
        if name in reader.dims or (name in reader.values and not reader.replaceable(name)):
            what = "the length of an axis" if name in reader.dims else "known already"
            raise NotationError(f"{name} is {what} and cannot be defined", token.span, hint="choose another name")
        self.given[name] = token.span
        if left.arguments and name == left.name:
            self.arguments[name] = left.arguments


def stated(statements: Sequence[Statement], reader: Reader, latex: bool = False) -> list[Stated]:
    """The statements, whose names are checked."""
    chain = None if latex else read_chain(statements)
    if chain is not None:
        _check_chain(chain, reader)
        reader.functions |= {item.name for item in chain}
        return chain
    ranks = {name: len(item.shape) for name, item in reader.values.items()}
    names = Names.of(ranks, reader.dims, reader.functions)
    events = latex_events(statements) if latex else _events(statements)
    names.events = events
    found = Statements(reader, _rows(statements, reader), events)
    parsed: list[Stated] = []
    for statement in statements:
        if latex:
            left, node = read_latex_statement(statement, names)
            item = found.resolved(left, node)
        else:
            left, item = statement.left, found.read(statement)
        if left is None and statement is not statements[-1]:
            raise NotationError(
                "only the last statement may be without a name", item.node.span, expected="name = expression"
            )
        if left is not None:
            found.add(item.name, left)
            names.add(item.name)
        parsed.append(item)
    return parsed


def _check_chain(chain: Sequence[Stated], reader: Reader) -> None:
    """Refuse a chain in a claim, and one whose quantities are declared."""
    if reader.closed:
        raise NotationError(
            "derivatives are not read in a claim", chain[-1].node.span, expected="the derivative itself",
            hint="the chain of a formula is part of its derivation: chainrule show prints it",
        )  # fmt: skip
    for item in chain:
        if item.name in reader.values or item.name in reader.dims:
            raise NotationError(f"{item.name} is declared and cannot be a function in a chain", item.node.span)


def _events(statements: Sequence[Statement]) -> frozenset[str]:
    """Names whose applications are numbers of their own: those that a bar stands behind somewhere."""
    left = {item.left.name for item in statements if item.left and item.left.conditions}
    return frozenset(left).union(*(event_heads(item.tokens) for item in statements))


def _rows(statements: Sequence[Statement], reader: Reader) -> dict[str, bool]:
    """Declared matrices whose rows may be written by the small letter, and whether the text uses them otherwise."""
    names: list[Token] = [token for item in statements for token in item.tokens if token.kind == "name"]
    used = {token.text for token in names} | {found[0] for token in names if (found := small_items(token))}
    return {name: name in used for name, item in reader.values.items() if len(item.shape) == 2}
