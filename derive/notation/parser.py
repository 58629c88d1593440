"""Tokens to syntax trees: a Pratt parser for expressions.

The binding powers are NumPy's; juxtaposition binds like ``*``.  Recursion goes one level deeper
per nested bracket, sign or function, and stops at ``MAX_DEPTH`` of ``postfix``; chains of operators at one
level are read in a loop and may be as long as the text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import get_args

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import NOT_A_TENSOR, TENSOR_BY_NAME
from chainrule.derive.errors import NotationError, Span, UnknownNameError, near_names
from chainrule.derive.notation.cursor import inside, join, number_value, since
from chainrule.derive.notation.postfix import Postfix
from chainrule.derive.notation.signs import (
    COMPARISON,
    COMPARISONS,
    Sign,
    check_letters,
    letters_and_numbers,
    small_items,
)
from chainrule.derive.notation.syntax import (
    ALONG,
    Applied,
    Binary,
    BinaryOperator,
    Call,
    IndexSum,
    Iverson,
    Juxtaposed,
    Name,
    Negative,
    Node,
    Number,
    Subscripted,
    Text,
    Tuple,
    walk,
)
from chainrule.derive.notation.tokens import Token, canonical_name, tokenize

SUM, PRODUCT, SIGN, POWER = 20, 30, 40, 50
BINDING: dict[str, int] = {
    **dict.fromkeys(COMPARISONS, COMPARISON),
    "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT, "**": POWER,
}  # fmt: skip
OPERATOR: dict[str, BinaryOperator] = {sign: sign for sign in get_args(BinaryOperator)}
FUNCTIONS: frozenset[str] = frozenset({*BY_NAME, *TENSOR_BY_NAME, *NOT_A_TENSOR})
#: Functions that may stand before a single operand without brackets: ``log p_i``.
UNARY: frozenset[str] = frozenset(name for name, entry in BY_NAME.items() if len(entry.args) - len(entry.defaults) == 1)
NORMS = {"1": "norm1", "2": "norm2", "F": "norm", "inf": "norminf"}


def parse_expression(text: str, names: Collection[str] = ()) -> Node:
    """The syntax tree of one expression; ``names`` are the variables that are known.

    Raises:
        NotationError, LimitError: the text is not an expression of the notation.
    """
    parser = Parser(tokenize(text), names)
    node = parser.expression()
    parser.finish()
    return node


class Parser(Postfix):
    """Reads expressions.

    Attributes:
        functions: names that stand for functions without a definition.
        values: names that were given with arguments, as in ``H(X) = ..``.
    """

    def __init__(
        self, tokens: Sequence[Token], names: Collection[str] = (), left: Sequence[str] = (),
        functions: Collection[str] = (), values: Collection[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(tokens, names, left)
        self.functions, self.values = frozenset(functions), frozenset(values)

    # ---- operators ------------------------------------------------------------------------------

    def expression(self, least: int = 0) -> Node:
        """An expression of operators that bind at least as tightly as ``least``."""
        self.deeper(1)
        left, previous = self.operand(), ""
        while (binding := self.binding()) >= least and binding:
            token = self.token
            if not token.is_(*BINDING):
                left, previous = self.juxtaposed(left, previous), ""
                continue
            left, previous = self.binary(left, self.take(), binding), token.text
        self.deeper(-1)
        return left

    def binding(self) -> int:
        """How tightly what follows binds to the operand before it; 0 if nothing follows."""
        token = self.token
        if token.kind == "operator" and token.text in BINDING:
            return BINDING[token.text]
        return PRODUCT if self.starts_factor(token) else 0

    def starts_factor(self, token: Token) -> bool:
        """Whether a token after an operand begins a further factor."""
        if token.kind == "operator" and token.text in ("|", "‖"):
            return token.text not in self.open[-1:] and "||" not in self.open[-1:]
        return token.kind in {"name", "number"} or token.is_("(", "[", "{", "√")

    def binary(self, left: Node, token: Token, binding: int) -> Node:
        """An operator, which has been read, with its right operand."""
        if token.text == "**":
            self.refuse_letter_t()
            right = self.expression(SIGN)
        else:
            right = self.expression(binding + 1)
        if binding == COMPARISON and self.token.is_(*COMPARISONS):
            raise NotationError(
                "comparisons cannot be chained", self.token.span,
                hint="nest them: where(0 < x, where(x < 1, a, b), b)",
            )  # fmt: skip
        return Binary(OPERATOR[token.text], left, right, span=join(left, right))

    def refuse_letter_t(self) -> None:
        """Refuse ``x^T`` and the braces of LaTeX after a power sign."""
        token = self.token
        if token.kind == "name" and token.text == "T" and "T" not in self.names:
            raise NotationError("the transpose is not a power", token.span, hint="write X.T or X'")
        if token.is_("{"):
            raise NotationError("LaTeX is not read here", token.span, hint="write x^(-1) or x**(-1)")

    def juxtaposed(self, left: Node, previous: str) -> Node:
        """A product without a sign; ``previous`` is the operator before the left operand's end."""
        token = self.token
        if token.kind == "number":
            raise NotationError(
                "an operator is missing before this number", token.span, expected="an operator", found=token.shown
            )
        sign = self.sign()
        right = self.expression(PRODUCT + 1)
        span = join(left, right)
        # A quotient before a sign is its coefficient: 1/n Σ_i x_i.
        if previous == "/" and isinstance(left, Binary) and sign is None:
            above, below, factor = (_excerpt(node) for node in (left.left, left.right, right))
            raise NotationError(
                "this quotient can be read in two ways", span,
                expected=f"({above} / {below}) * {factor} or {above} / ({below} * {factor})",
                hint="write the product sign or brackets",
            )  # fmt: skip
        return Juxtaposed(left, right, span=span)

    # ---- operands -------------------------------------------------------------------------------

    def operand(self) -> Node:
        """An operand with what follows it directly: transposes, subscripts, powers, methods."""
        token = self.token
        if token.is_("-", "+"):
            self.take()
            inner = self.expression(SIGN)
            span = Span(token.span.text, token.span.start, inner.span.end if inner.span else token.span.end)
            return Negative(inner, span=span) if token.text == "-" else replace(inner, span=span)
        if token.is_("√"):
            return self.root()
        return self.postfix(self.atom())

    def atom(self) -> Node:
        """An operand without what follows it."""
        token = self.token
        if token.kind == "number":
            return Number(number_value(self.take()), span=token.span)
        sign = self.sign()
        if sign is not None:
            return self.reduction(sign)
        if token.kind == "name":
            return self.name()
        if token.kind == "text":
            self.take()
            return Text(token.text, span=token.span)
        if token.is_("(", "[", "{"):
            return self.bracket()
        if token.is_("|", "‖"):
            return self.bars()
        raise NotationError(
            "an operand is missing", token.span, expected="a number, a name or an expression in brackets",
            found=token.shown, hint=_operand_hint(token),
        )  # fmt: skip

    def name(self) -> Node:
        """A name, with a subscript or arguments, or the call of a function."""
        token = self.take()
        if token.text in self.functions and (primes := self.primes(token)) is not None:
            self.at += primes
            return self.call(replace(token, text=token.text + "'" * primes))
        subscripted = self.subscripted(token)
        if self.token.is_("("):
            if subscripted is None or not self.is_entry(subscripted):
                called = self.called(token)
                if called is not None:
                    return called
        elif token.text in UNARY and token.text not in self.names and self.token.kind == "name":
            return self.applied_to_next(token)
        return subscripted or Name(token.text, span=token.span)

    def primes(self, token: Token) -> int | None:
        """The number of primes between a function's name and its bracket; ``None`` without a bracket.

        In a chain a name is a value as well, and then the bracket follows directly.
        """
        place = self.at
        while self.tokens[place].is_("'"):
            place += 1
        bracket = self.tokens[place]
        return place - self.at if bracket.is_("(") and not (bracket.spaced and token.text in self.names) else None

    def subscripted(self, token: Token) -> Subscripted | None:
        """A name with a subscript, such as ``y_i``, ``yᵢ``, ``X_ij``, ``x_{i+1}``."""
        if token.text in self.names:
            return None
        written = token.span.excerpt
        if written.endswith("_") and len(written) > 1 and self.token.is_("{") and not self.token.spaced:
            return self.braced(token)
        found = small_items(token)
        if found is None:
            return None
        base, items = found
        whole = token.text if all(isinstance(item, Name | Number) for item in items) else ""
        return Subscripted(canonical_name(base), items, whole, span=token.span)

    def braced(self, token: Token) -> Subscripted:
        """``x_{i+1}``: the subscript in braces."""
        opening = self.take()
        self.open.append("{")
        items = [self.expression()]
        while self.accept(","):
            items.append(self.expression())
        last = self.expect("}", opening)
        self.open.pop()
        span = Span(token.span.text, token.span.start, last.span.end)
        word = items[0].name if len(items) == 1 and isinstance(items[0], Name) else ""
        if word.isascii() and word.isalnum() and word not in self.names:
            items = list(letters_and_numbers(word, items[0].span))
        inner = Span(token.span.text, opening.span.end, last.span.start).excerpt.strip()
        whole = token.text + inner if inner.isalnum() else ""
        return Subscripted(canonical_name(token.span.excerpt[:-1]), tuple(items), whole, span=span)

    def is_entry(self, node: Subscripted) -> bool:
        """Whether the subscript consists of indices that are open here."""
        open_letters = {*self.letters, *self.left}
        names = [part.name for item in node.items for part in walk(item) if isinstance(part, Name)]
        return bool(names) and open_letters.issuperset(names)

    def called(self, token: Token) -> Node | None:
        """The name that has been read with the bracket that follows; ``None`` if that begins a factor."""
        name, spaced = token.text, self.token.spaced
        if name in FUNCTIONS and not (spaced and name in self.names):
            return self.call(token)
        if name in self.names:
            applied = not spaced and (name in self.values or self.is_single_name())
            return self.applied(token) if applied else None
        near = near_names(name, FUNCTIONS)
        if not spaced:
            return self.applied(token)
        if near:
            raise UnknownNameError(f"there is no function called {name}", token.span, near=near)
        return None

    def is_single_name(self) -> bool:
        """Whether the bracket that opens here holds one name that is not known."""
        inner, closing = (*self.tokens[self.at + 1 :], self.token, self.token)[:2]
        return inner.kind == "name" and inner.text not in self.names and closing.is_(")")

    def applied(self, token: Token) -> Applied:
        """``p(x)``, ``P(A|B)``: a name that is no function, with arguments."""
        bars = sum(item.is_("|") for item, _ in inside(self.tokens, self.at))
        opening = self.take()
        self.open.append("|" if bars == 1 else "(")
        arguments = self.listed(")", "|")
        given: tuple[Node, ...] = ()
        self.open.pop()
        if bars == 1 and self.accept("|"):
            self.open.append("(")
            given = self.listed(")")
            self.open.pop()
        last = self.expect(")", opening)
        span = Span(token.span.text, token.span.start, last.span.end)
        return Applied(token.text, arguments, given, span=span)

    def listed(self, *closing: str) -> tuple[Node, ...]:
        """Expressions separated by commas."""
        items: list[Node] = []
        while not self.token.is_(*closing):
            items.append(self.expression())
            if not self.accept(","):
                break
        return tuple(items)

    def applied_to_next(self, token: Token) -> Node:
        """``log p_i``: a function before one operand without brackets."""
        self.deeper(1)
        argument = self.reduction(sign) if (sign := self.sign()) else self.name()
        self.deeper(-1)
        following = self.token
        if self.binding() >= PRODUCT or following.kind == "superscript":
            if following.kind == "name" and following.text in FUNCTIONS and following.text not in self.names:
                return _call(token.text, token, argument)
            span = Span(token.span.text, token.span.start, following.span.end)
            whole, written = _excerpt(argument), f"{token.text}({_excerpt(argument)})"
            raise NotationError(
                f"{token.text} without brackets can be read in two ways here", span,
                expected=f"{written} {following.span.excerpt} .. or {token.text}({whole} {following.span.excerpt} ..)",
                hint=f"put the argument of {token.text} in brackets",
            )  # fmt: skip
        return _call(token.text, token, argument)

    def bracket(self) -> Node:
        """An expression or a tuple in brackets."""
        opening = self.take()
        closing = {"(": ")", "[": "]", "{": "}"}[opening.text]
        self.open.append(opening.text)
        items = [self.expression()]
        is_tuple = self.token.is_(",")
        while self.accept(","):
            if not self.token.is_(closing):
                items.append(self.expression())
        last = self.expect(closing, opening)
        self.open.pop()
        span = Span(opening.span.text, opening.span.start, last.span.end)
        if closing == "]" and isinstance(items[0], Binary) and items[0].operator in COMPARISONS:
            return Iverson(items[0], span=span)
        return Tuple(tuple(items), closing == "]", span=span) if is_tuple else replace(items[0], span=span)

    def bars(self) -> Node:
        """``|x|`` is the absolute value, ``||x||`` and ``‖x‖`` the norm."""
        opening = self.take()
        double = opening.text == "|" and self.token.is_("|") and not self.token.spaced
        if double:
            self.take()
        self.open.append("||" if double else opening.text)
        inner = self.expression()
        last = self.expect(opening.text, opening)
        if double:
            last = self.expect("|", opening)
        self.open.pop()
        function = "abs" if opening.text == "|" and not double else self.which_norm()
        return Call(function, (inner,), span=Span(opening.span.text, opening.span.start, last.span.end))

    def which_norm(self) -> str:
        """The norm that a subscript after the bars names."""
        token = self.token
        if token.spaced:
            return "norm"
        kind = token.text.removeprefix("_")
        if token.kind == "subscript" or (token.kind == "name" and token.text != kind and kind in NORMS):
            self.take()
            return NORMS.get(kind, "norm")
        return "norm"

    def root(self) -> Node:
        """``√x`` or ``√(x)``."""
        sign = self.take()
        if self.token.is_("√"):
            self.deeper(1)
            inner = self.root()
            self.deeper(-1)
            return _call("sqrt", sign, inner)
        inner = self.atom()
        if self.token.kind == "superscript" or self.token.is_("**"):
            if self.tokens[self.at - 1].is_(")"):
                return self.postfix(_call("sqrt", sign, inner))
            raise NotationError(
                "this root can be read in two ways", self.token.span, expected="√(x²) or (√x)²",
                hint="put the root or the power in brackets",
            )  # fmt: skip
        return self.postfix(_call("sqrt", sign, inner))

    # ---- signs over indices ---------------------------------------------------------------------

    def reduction(self, sign: Sign) -> Node:
        """``Σ term``, ``Σ_i term``, ``max_j term``: the sign takes the product that follows it."""
        token = self.take()
        under = self.under(sign)
        commas = any(item.is_(",") and level == 1 for item, level in inside(self.tokens, self.at))
        if not under.letters and self.token.is_("(") and commas:
            return self.call(replace(token, text=sign.kind))
        if sign.kind in ALONG:
            # Its letter is open already and stays so.
            body = self.bracket()
            return IndexSum(under.letters, body, sign.kind, span=since(token, body))
        check_letters(under.letters, token.span, self.names, self.letters)
        self.letters += under.letters
        body = self.expression(PRODUCT)
        del self.letters[len(self.letters) - len(under.letters) :]
        return IndexSum(under.letters, body, sign.kind, under.ranges, under.conditions, span=since(token, body))


def _excerpt(node: Node) -> str:
    return node.span.excerpt if node.span else ""


def _call(function: str, token: Token, argument: Node) -> Call:
    return Call(function, (argument,), span=since(token, argument))


def _operand_hint(token: Token) -> str:
    if token.is_("="):
        return "equality inside where is =="
    if token.is_("&", "**"):
        return "a power needs a base"
    return ""
