"""Statements of a program's text: declarations ``names: domain[dims]`` and ``name = expression``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Integer

from chainrule.derive.domains import DOMAINS, FUNCTION, Domain, interval
from chainrule.derive.errors import ChainruleError, LimitError, NotationError, Span, near_names
from chainrule.derive.notation.cursor import Cursor
from chainrule.derive.notation.left import Left, read_left
from chainrule.derive.notation.tokens import Token, tokenize
from chainrule.derive.program import Input, dim

#: The largest length that may be written as a number.
MAX_LENGTH = 10**9
#: The sets that a domain may be written as.
SETS = {frozenset({0, 1}): "binary", frozenset({-1, 1}): "pm1"}
#: Other words for domains, each with what is written here.
OTHER_WORDS = {
    "float": "real", "double": "real", "R": "real", "matrix": "real", "vector": "real", "scalar": "real",
    "func": "function", "fn": "function", "int": "integer",
    "bool": "binary", "probability": "unit", "prob": "unit", "pd": "spd", "lower": "real",
    "one_hot": "onehot", "orthogonal": "orthonormal", "natural": "count", "sign": "pm1",
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """A declared name with the place of its declaration."""

    item: Input
    span: Span
    dims: tuple[tuple[str, Span], ...]


@dataclass(frozen=True)
class Statement:
    """The tokens of one statement, ended by a separator or the end.

    ``left`` is what stands before ``=``, if anything does.
    """

    kind: Literal["declaration", "assignment", "expression"]
    tokens: tuple[Token, ...]
    left: Left | None = None


def split_statements(text: str, max_characters: int) -> list[Statement]:
    """The statements of a text, sorted into declarations, assignments and expressions."""
    statements: list[Statement] = []
    current: list[Token] = []
    start: Token | None = None
    for token in tokenize(text, max_characters):
        current.append(token)
        if token.kind in {"separator", "end"}:
            if len(current) > 1:
                if start is not None:
                    _refuse_continuation(current[0], start)
                statements.append(_statement(tuple(current)))
                start = None if statements[-1].kind == "declaration" or token.text == ";" else current[0]
            current = []
    return _parts_first(statements)


def _parts_first(statements: list[Statement]) -> list[Statement]:
    """The statements with those after a line ``where`` before the expression that stands before it."""
    places = [n for n, item in enumerate(statements) if len(item.tokens) == 2 and item.tokens[0].text == "where"]
    if not places:
        return statements
    (place, *others) = places
    before, after = statements[:place], statements[place + 1 :]
    if others or not before or before[-1].kind == "declaration" or any(item.left is None for item in after):
        raise NotationError(
            "where on a line of its own stands between a formula and its named parts",
            statements[(others or places)[0]].tokens[0].span, expected="formula, where, then lines name = expression",
        )  # fmt: skip
    return [*before[:-1], *after, before[-1]]


def _refuse_continuation(first: Token, start: Token) -> None:
    """Refuse a line that may go on with the statement before it, which began at ``start``."""
    if first.is_("+") or (first.is_("-") and first.span.column > start.span.column):
        raise NotationError(
            "this line may be meant as the end of the line before it", first.span,
            hint="put the operator at the end of that line, or the whole in brackets",
        )  # fmt: skip


def _statement(tokens: tuple[Token, ...]) -> Statement:
    equals = _outside(tokens, "=")
    if equals > 0:
        colon = tokens[equals - 1].is_(":") and not tokens[equals].spaced
        left = read_left(tokens[: equals - colon])
        if left is not None:
            return Statement("assignment", tokens[equals + 1 :], left)
    if _outside(tokens, ":") >= 0:
        return Statement("declaration", tokens)
    if equals > 0 and tokens[1].is_("("):
        raise NotationError(
            "a statement gives a value its name, it does not define a function", tokens[0].span,
            expected=f"{tokens[0].text} = expression",
        )  # fmt: skip
    return Statement("expression", tokens)


def _outside(tokens: Sequence[Token], sign: str) -> int:
    """The place of the first such sign outside all brackets, -1 if there is none."""
    level = 0
    for place, token in enumerate(tokens):
        level += token.is_("(", "[", "{") - token.is_(")", "]", "}")
        if level == 0 and token.is_(sign):
            return place
    return -1


def read_declaration(tokens: Sequence[Token]) -> list[Declared]:
    """The names that ``a, b: domain[dims]`` declares.

    Raises:
        NotationError: the text is not a declaration.
    """
    reader = _Declaration(tokens)
    names = reader.names()
    reader.expect(":")
    return reader.meaning(names)


def read_keyword_declaration(name: str, text: str, max_characters: int) -> Declared:
    """The declaration ``name: text``; places in errors are places in ``text``."""
    if not isinstance(text, str):
        raise NotationError(f"the declaration of {name} is not a text", expected="a text such as 'real[n, d]'")
    names = tokenize(name, max_characters)
    if len(names) != 2 or names[0].kind != "name":
        raise NotationError(f"{name!r} is not a name", expected="letters, digits and _")
    check_name(names[0])
    try:
        return _Declaration(tokenize(text, max_characters)).meaning([names[0]])[0]
    except ChainruleError as error:
        error.message = f"in the declaration of {name}: {error.message}"
        raise


def check_name(token: Token) -> None:
    """Refuse words that mean something else."""
    if token.text in {"True", "False", "None"}:
        raise NotationError(f"{token.text} cannot be declared or defined", token.span)


class _Declaration(Cursor):
    def names(self) -> list[Token]:
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        return found

    def name(self) -> Token:
        token = self.token
        if token.kind != "name":
            raise NotationError(
                "a name is missing in this declaration", token.span, expected="names: domain[dims]", found=token.shown
            )
        check_name(token)
        return self.take()

    def meaning(self, names: Sequence[Token]) -> list[Declared]:
        start = self.token
        domain = self.domain()
        shape, dims = self.dims()
        if self.token.is_(","):
            raise NotationError(
                "a declaration ends with ; or its line", self.token.span, expected="X: real[n, d]; y: real[n]",
                hint="names of one domain and shape may share a declaration: a, b: real[n]",
            )  # fmt: skip
        self.finish("the end, or lengths in brackets such as [n, d]")
        span = Span(start.span.text, start.span.start, self.token.span.start)
        _check_shape(domain, shape, span)
        return [Declared(Input(token.text, shape, domain), token.span, dims) for token in names]

    def domain(self) -> Domain:
        token = self.token
        if token.is_("("):
            return self.interval()
        if token.is_("{"):
            return self.set()
        if token.kind != "name":
            raise NotationError(
                "a domain is missing", token.span, expected="a domain such as real[n, d]", found=token.shown,
                hint="domains: " + ", ".join(DOMAINS) + ", (lo, hi), {0,1}, {-1,1}",
            )  # fmt: skip
        if token.text == FUNCTION.name:
            self.take()
            return FUNCTION
        if token.text not in DOMAINS:
            other = OTHER_WORDS.get(token.text) or OTHER_WORDS.get(token.text.lower())
            raise NotationError(
                f"there is no domain called {token.text}", token.span,
                near=(other,) if other else near_names(token.text, DOMAINS),
                hint="domains: " + ", ".join(DOMAINS) + ", (lo, hi), {0,1}, {-1,1}",
            )  # fmt: skip
        return DOMAINS[self.take().text]

    def interval(self) -> Domain:
        opening = self.take()
        low = self.bound()
        self.expect(",", opening)
        high = self.bound()
        last = self.expect(")", opening)
        if not low < high:
            span = Span(opening.span.text, opening.span.start, last.span.end)
            raise NotationError("this interval is empty", span, expected="(lo, hi) with lo < hi")
        if high == float("inf") and low in (0, -float("inf")):
            return DOMAINS["positive" if low == 0 else "real"]
        if high == float("inf") or low == -float("inf"):
            raise NotationError(
                "half-bounded intervals other than (0, inf) are not read", opening.span,
                hint="declare a positive name and shift it: x = t + 2",
            )  # fmt: skip
        return interval(low, high)

    def bound(self) -> float:
        sign = -1.0 if self.accept("-") else 1.0
        self.accept("+")
        token = self.take()
        if token.kind == "name" and token.text in {"inf", "oo"}:
            return sign * float("inf")
        value = float(token.text) if token.kind == "number" else float("inf")
        if value == float("inf"):
            raise NotationError("a bound is missing", token.span, expected="a number", found=token.shown)
        return sign * value

    def set(self) -> Domain:
        opening = self.take()
        values = {self.bound()}
        while self.accept(","):
            values.add(self.bound())
        last = self.expect("}", opening)
        name = SETS.get(frozenset(int(value) for value in values if value == int(value)))
        if name is None or len(values) != 2:
            span = Span(opening.span.text, opening.span.start, last.span.end)
            raise NotationError(
                "this set is not a domain", span, expected="{0,1} or {-1,1}", hint="use count or integer for others"
            )
        return DOMAINS[name]

    def dims(self) -> tuple[tuple[Expr, ...], tuple[tuple[str, Span], ...]]:
        """Shape and the dims' names with their places."""
        opening = self.token
        if not self.accept("["):
            return (), ()
        shape: list[Expr] = []
        names: list[tuple[str, Span]] = []
        while not self.token.is_("]"):
            shape.append(self.sum_of_lengths(names))
            if not self.accept(","):
                break
        if self.token.is_("-", "/", "**"):
            raise NotationError(
                "a length is a name, an integer, or a sum or product of these", self.token.span,
                hint="give this axis a name of its own: real[m]",
            )  # fmt: skip
        self.expect("]", opening)
        return tuple(shape), tuple(names)

    def sum_of_lengths(self, names: list[tuple[str, Span]]) -> Expr:
        """``n``, ``2*n``, ``n*d + 1``; the names in it are added to ``names``."""
        total: Expr = Integer(0)
        while True:
            product = self.length(self.take(), names)
            while self.accept("*"):
                product = product * self.length(self.take(), names)
            total = total + product
            if not self.accept("+"):
                return total

    def length(self, token: Token, names: list[tuple[str, Span]]) -> Expr:
        if token.kind == "name":
            check_name(token)
            names.append((token.text, token.span))
            return dim(token.text)
        if token.kind != "number" or not token.text.isdigit() or int(token.text) == 0:
            raise NotationError(
                "this is not the length of an axis", token.span, expected="a name or a positive integer",
                found=token.shown,
            )  # fmt: skip
        if int(token.text) > MAX_LENGTH:
            raise LimitError(f"the length {token.text} of an axis is above the limit {MAX_LENGTH}", token.span)
        return Integer(int(token.text))


def _check_shape(domain: Domain, shape: tuple[Expr, ...], span: Span) -> None:
    if domain is FUNCTION and shape:
        raise NotationError(
            "a function has no lengths", span, expected="function", hint="it is applied to every entry: phi(X @ w)"
        )
    if domain.square and (len(shape) != 2 or shape[0] != shape[1]):
        raise NotationError(
            f"the domain {domain} needs a square matrix", span, expected=f"{domain}[n, n]", found=span.excerpt.strip()
        )
    if domain.name == "orthonormal" and len(shape) != 2:
        raise NotationError("the domain orthonormal needs a matrix", span, expected="orthonormal[n, d]")
    if domain.sums_to_one and not shape:
        raise NotationError(f"the domain {domain} needs an axis", span, expected=f"{domain}[k] or {domain}[n, k]")


def collect(
    statements: Sequence[Statement], keywords: Mapping[str, str], max_characters: int
) -> dict[str, Declared]:
    """All declared names of a program, keyword declarations first.

    Raises:
        NotationError: a name is declared twice, or is also the name of an axis's length.
    """
    found = [read_keyword_declaration(name, text, max_characters) for name, text in keywords.items()]
    for statement in statements:
        if statement.kind == "declaration":
            found += read_declaration(statement.tokens)
    declared: dict[str, Declared] = {}
    for entry in found:
        if entry.item.name in declared:
            first = declared[entry.item.name].span
            raise NotationError(
                f"{entry.item.name} is declared twice", entry.span, also=(("declared first here", first),)
            )
        declared[entry.item.name] = entry
    axes = {length for entry in found for length in entry.item.shape}
    for entry in found:
        for name, place in entry.dims:
            if dim(name) not in axes:
                raise NotationError(
                    f"no axis has the length {name} alone, so the arrays do not tell it", place,
                    expected=f"another array with it, such as x: real[{name}]",
                )  # fmt: skip
            if name in declared:
                raise NotationError(
                    f"{name} is the length of an axis and cannot be an input as well", declared[name].span,
                    also=(("an axis here", place),), hint="a length is a number that the arrays tell",
                )  # fmt: skip
    return declared
