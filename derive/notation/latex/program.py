"""The statements of a LaTeX text, and each of them as a syntax tree."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derive.notation.declarations import Statement
from chainrule.derive.notation.latex.left import read_left
from chainrule.derive.notation.latex.names import Names, square_name
from chainrule.derive.notation.latex.parser import Parser
from chainrule.derive.notation.latex.reading import group_of
from chainrule.derive.notation.latex.statements import equals_place, split_latex
from chainrule.derive.notation.latex.symbols import symbol_of
from chainrule.derive.notation.left import PROBABILITIES, Left
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tokens import Token


def latex_statements(text: str, max_characters: int) -> list[Statement]:
    """The statements of a text; what stands left of ``=`` is among the tokens."""
    return [
        Statement("declaration" if declares else "expression", tokens)
        for declares, tokens in split_latex(text, max_characters)
    ]


def read_latex_statement(statement: Statement, names: Names) -> tuple[Left | None, Node]:
    """The left side of a statement, if it has one, and its value."""
    tokens = statement.tokens
    place = equals_place(tokens)
    left = None
    if place >= 0:
        left = read_left(Parser(group_of(tokens[:place], tokens[0].span).tokens, names))
        tokens = tokens[place + 1 :]
    parser = Parser(tokens, names, left.letters if left else ())
    node = parser.expression()
    parser.finish()
    if left is None or not (left.name or left.square):
        return None, node
    if left.square:
        names.squares[left.base] = left.span
        name = square_name(left.base)
        return Left(Token("name", name, left.span), name), node
    if left.arguments:
        names.arguments[left.name] = left.arguments
    arguments, conditions = left.events
    token = Token("name", left.name, left.span)
    return Left(token, left.base, left.letters, arguments=arguments, conditions=conditions), node


def latex_events(statements: Sequence[Statement]) -> frozenset[str]:
    """Names that stand before brackets with one bar somewhere, as P in ``P(A | B)``; P and Pr in any case."""
    found = set(PROBABILITIES)
    for statement in statements:
        tokens = statement.tokens
        for place, token in enumerate(tokens[:-1]):
            if token.kind == "name" and tokens[place + 1].is_("(") and _bars(tokens, place + 1) == 1:
                found.add(symbol_of(token.text).name)
    return frozenset(found)


def _bars(tokens: Sequence[Token], opening: int) -> int:
    """The number of bars in a bracket."""
    level = bars = 0
    for token in tokens[opening:]:
        level += token.is_("(", "[", "{", "{(") - token.is_(")", "]", "}", "})")
        if level == 0:
            break
        bars += level == 1 and token.is_("|", "∣")
    return bars
