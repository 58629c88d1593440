"""The chain rule as textbooks print it, ``∂L/∂w = ∂L/∂y × ∂y/∂z × ∂z/∂w``, read as a chain of functions.

It says that L is a function of y, y of z and z of w; the formula is L, and the functions are
unspecified.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.cursor import Cursor
from chainrule.derive.notation.declarations import Statement
from chainrule.derive.notation.left import Stated
from chainrule.derive.notation.syntax import Call, Name
from chainrule.derive.notation.tokens import Token

HINT = "write the formula and let it be derived: z = w*x; y = sigmoid(z); (y - t)^2, by w"


def read_chain(statements: Sequence[Statement]) -> list[Stated] | None:
    """The statements ``z = z(w)``, ``y = y(z)``, ``L = L(y)`` of a chain rule; ``None`` for other texts.

    Raises:
        NotationError: derivatives stand in the text, but not as one chain.
    """
    tokens = statements[0].tokens
    sign = next((token for item in statements for token in item.tokens if token.is_("∂")), None)
    if sign is None and not _is_quotient(tokens):
        return None
    if len(statements) > 1 or (sign is not None and not tokens[0].is_("∂")):
        raise NotationError("derivatives are not read inside formulas", sign.span if sign else None, hint=HINT)
    reader = _Chain(tokens)
    whole, links = reader.equation()
    return [
        Stated(above.text, (), Call(above.text, (Name(below.text, span=below.span),), span=above.span))
        for above, below in reversed(_ordered(whole, links))
    ]


def _is_quotient(tokens: Sequence[Token]) -> bool:
    """Whether a text begins like ``dL/dw =``."""
    names = [token for token in tokens[:4:2] if token.kind == "name" and token.text[:1] == "d" and token.text[1:]]
    return len(names) == 2 and len(tokens) > 3 and tokens[1].is_("/") and tokens[3].is_("=")


Link = tuple[Token, Token]


class _Chain(Cursor):
    def equation(self) -> tuple[Link, list[Link]]:
        """The derivative on the left and the factors on the right."""
        whole = self.quotient()
        if not self.accept("="):
            raise NotationError("a derivative alone is no formula", whole[0].span, hint=HINT)
        links = [self.quotient()]
        while self.token.kind not in {"end", "separator"}:
            self.accept("*")
            links.append(self.quotient())
        return whole, links

    def quotient(self) -> Link:
        """``∂y/∂z`` or ``dy/dz``."""
        above = self.quantity()
        self.expect("/")
        return above, self.quantity()

    def quantity(self) -> Token:
        """``∂y`` or ``dy``."""
        sign = self.accept("∂")
        token = self.take()
        if token.kind != "name" or (not sign and (token.text[0] != "d" or len(token.text) < 2)):
            raise NotationError(
                "this is not a chain of derivatives", token.span, expected="factors such as ∂y/∂z", found=token.shown,
                hint=HINT,
            )  # fmt: skip
        if sign:
            return token
        span = Span(token.span.text, token.span.start + 1, token.span.end)
        return Token("name", token.text[1:], span)


def _ordered(whole: Link, links: Sequence[Link]) -> list[Link]:
    """The factors from the top of the chain to its end."""
    below = {above.text: (above, end) for above, end in links}
    top, last = whole
    chain: list[Link] = []
    while len(chain) < len(links) and top.text in below:
        chain.append(below[top.text])
        top = chain[-1][1]
    names = [above.text for above, _ in chain]
    if len(chain) < len(links) or top.text != last.text or len({*names, last.text}) <= len(names) < 2:
        raise NotationError(
            f"these factors are no chain from {whole[0].text} to {last.text}",
            Span(whole[0].span.text, links[0][0].span.start, links[-1][1].span.end),
            expected=f"∂{whole[0].text}/∂y × ∂y/∂z × .. × ∂z/∂{last.text}", hint=HINT,
        )  # fmt: skip
    return chain
