"""Functions and their arguments: with brackets, or before one operand without."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from sympy import Rational

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import NotationError, Span, UnknownNameError, near_names
from chainrule.derive.notation.latex.conditions import has_relation
from chainrule.derive.notation.latex.greek import GREEK
from chainrule.derive.notation.latex.letters import Letter, begins_letter, entry_of, read_letter
from chainrule.derive.notation.latex.reading import Group, Reading, Scripts, group_of, missing
from chainrule.derive.notation.latex.sums import KINDS, index_sign
from chainrule.derive.notation.latex.symbols import symbol_of
from chainrule.derive.notation.latex.tables import (
    APPLIED,
    OPERATORS,
    OWN_OPERATORS,
    PREFIXED,
    RECIPROCALS,
    TRANSPOSES,
    function_name,
)
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.notation.syntax import Applied, Binary, Call, Name, Node, Number, Overloaded
from chainrule.derive.notation.tokens import Token

ONE = Number(Rational(1))
#: What closes each bracket.
CLOSING = {"(": ")", "[": "]", "{(": "})"}
#: Logarithms to bases that have a name.
BASES = {"2": "log2", "10": "log10", "e": "log"}
#: Functions of one argument whose parameter stands below them.
PARAMETERS = frozenset(["leaky_relu", "elu"])


# ---- application -----------------------------------------------------------------------------------


def upright_function(token: Token) -> str:
    """The function that a word is, or an empty text."""
    if token.kind != "command":
        return ""
    word = token.text.partition(":")[2]
    return function_name(word) if word else OPERATORS.get(token.text) or OWN_OPERATORS.get(token.text, "")


def apply_word(reading: Reading, function: str) -> Node:
    """A function by its upright name, with scripts and arguments."""
    token = reading.take()
    scripts = reading.scripts()
    if scripts.primes:
        raise _derivative(token)
    if scripts.below is not None and function in KINDS and not _keywords(reading, scripts.below):
        return _powered(reading, index_sign(reading, token, KINDS[function], scripts), None)
    keywords = _keywords(reading, scripts.below) if scripts.below is not None else ()
    before = () if scripts.below is None or keywords else _parameters(reading, token, function, scripts.below)
    entry = TENSOR_BY_NAME.get(function)
    reduces = entry is not None and entry.group == "reduction"
    reading.entrywise += reduces
    arguments = read_arguments(reading, token, function)
    reading.entrywise -= reduces
    node = built(token, function, (*arguments, *before), keywords, reading)
    return _powered(reading, node, scripts.above)


def _powered(reading: Reading, node: Node, above: Group | None) -> Node:
    r"""A function whose power stands at its name, as in ``\sin^2 x``."""
    if above is None:
        return node
    power = reading.whole(above)
    if isinstance(power, Number) and power.value.is_Integer and power.value > 1:
        return Binary("**", node, power, span=node.span)
    raise NotationError(
        "this superscript of a function can be read in two ways", above.span,
        expected="a power of the value, (f(x))^{k}, or the inverse function by its name",
    )  # fmt: skip


def built(
    token: Token, function: str, arguments: tuple[Node, ...], keywords: tuple[tuple[str, Node], ...], reading: Reading
) -> Node:
    """The call of a function, or what stands for it in the notation."""
    span = reading.from_(token)
    if function in RECIPROCALS:
        return Binary("/", ONE, Call(RECIPROCALS[function], arguments, keywords, span=span), span=span)
    if function in ("max", "min") and len(arguments) > 1:
        pair = f"{function}imum"
        return reduce(lambda left, right: Call(pair, (left, right), span=span), arguments)
    if function == "log" and len(arguments) == 2:
        above, below = (Call("log", (argument,), span=span) for argument in arguments)
        return Binary("/", above, below, span=span)
    if function == "log" and len(arguments) == 1:
        inner = arguments[0]
        if isinstance(inner, Overloaded) and inner.sign == "bars":
            (operand,) = inner.operands
            if isinstance(operand, Call) and operand.function == "det":
                return Call("logdet", operand.arguments, span=span)
            return Overloaded("log bars", inner.operands, inner.detail, span=span)
        if isinstance(inner, Call) and inner.function == "det":
            return Call("logdet", inner.arguments, span=span)
    return Call(function, arguments, keywords, span=span)


def _parameters(reading: Reading, token: Token, function: str, below: Group) -> tuple[Node, ...]:
    """What a subscript says of a function: the base of a logarithm, the slope of a unit."""
    if function == "log":
        return (reading.whole(below),)
    if function in PARAMETERS:
        return (reading.whole(below),)
    raise NotationError(
        f"a subscript of {token.span.excerpt} is not read", below.span,
        hint="the subscript of the value is written after it: (f(x))_i",
    )  # fmt: skip


def _keywords(reading: Reading, below: Group) -> tuple[tuple[str, Node], ...]:
    r"""``\mathrm{axis}=1, \mathrm{keepdims}`` below a function."""
    found: list[tuple[str, Node]] = []
    for part in below.parts():
        word = part.tokens[0].text.partition(":")[2]
        if word not in ("axis", "keepdims"):
            return ()
        if word == "keepdims" and len(part.tokens) == 2:
            found.append((word, Name("True", span=part.span)))
        elif len(part.tokens) > 3 and part.tokens[1].is_("="):
            found.append((word, reading.whole(group_of(part.tokens[2:-1], part.span))))
        else:
            return ()
    return tuple(found)


def keywords_of(reading: Reading, below: Group) -> tuple[tuple[str, Node], ...]:
    """The axis that stands below the bars of a norm, if one does."""
    return _keywords(reading, below)


# ---- arguments -------------------------------------------------------------------------------------


def read_arguments(reading: Reading, token: Token, function: str) -> tuple[Node, ...]:
    """The arguments of a function that has been read."""
    opening = reading.token
    if opening.is_(*CLOSING) and not (opening.text == "[" and has_relation(reading)):
        arguments = bracketed(reading)
        _refuse_power(reading, token, function, len(arguments))
        return arguments
    return (_operand_without_brackets(reading, token),)


def bracketed(reading: Reading) -> tuple[Node, ...]:
    """Expressions in brackets, separated by commas."""
    opening = reading.take()
    reading.open.append(opening.text)
    found: list[Node] = []
    while not reading.token.is_(CLOSING[opening.text]):
        found.append(reading.expression())
        if not reading.accept(","):
            break
    close(reading, CLOSING[opening.text], opening)
    reading.open.pop()
    return tuple(found)


def close(reading: Reading, sign: str, opening: Token) -> Token:
    """Step over a closing delimiter."""
    if not reading.token.is_(sign):
        reading_error = reading.token
        if reading_error.kind == "command" and ":" not in reading_error.text:
            reading.finish()
        raise missing(sign, reading_error, opening)
    return reading.take()


def _refuse_power(reading: Reading, token: Token, function: str, count: int) -> None:
    r"""``\log(x)^2`` may be a power of the logarithm or of its argument."""
    after = reading.next if not reading.next.is_("{") else reading.tokens[min(reading.at + 2, len(reading.tokens) - 1)]
    if reading.token.is_("^") and function in PREFIXED and count == 1 and after.text not in TRANSPOSES:
        name = token.span.excerpt
        raise NotationError(
            "this power can be read in two ways", reading.token.span,
            expected=f"({name}(x))^{{2}} or {name}(x^{{2}})",
            hint=f"the power of the value may also stand at the name: {name}^{{2}}(x)",
        )  # fmt: skip


def _operand_without_brackets(reading: Reading, token: Token) -> Node:
    """The operand directly after a function; a further factor would leave open where it ends."""
    start = reading.token
    if not reading.starts_factor():
        raise NotationError(
            f"the argument of {token.span.excerpt} is missing", start.span,
            expected="an operand or an expression in brackets", found=start.shown,
        )  # fmt: skip
    reading.deeper(1)
    argument = reading.atom()
    reading.deeper(-1)
    if isinstance(argument, Number) and reading.is_command("pi") and "π" not in reading.names.ranks:
        argument = Binary("*", argument, reading.atom(), span=reading.from_(start))
    following = reading.token
    if upright_function(following) and not reading.is_command("max", "min"):
        return argument
    if reading.starts_factor() or following.is_("·", "×", "⊙", "⊘", "⊗", "∗", "/"):
        inner, name = reading.from_(start).excerpt, token.span.excerpt
        raise NotationError(
            f"{name} without brackets can be read in two ways here", reading.from_(token),
            expected=f"{name}({inner} {following.span.excerpt} ..) or ({name} {inner}) {following.span.excerpt} ..",
            hint=f"put the argument of {name} in brackets", also=(("what follows", following.span),),
        )  # fmt: skip
    return argument


# ---- Greek functions and names before brackets --------------------------------------------------------


def apply_letter(reading: Reading, written: Letter, scripts: Scripts, start: Token) -> Node | None:
    r"""A letter before a bracket that is a function there: ``\sigma(z)``, ``f(x)`` if the text defines it.

    Raises:
        NotationError: it can also be a product.
    """
    if not reading.token.is_("(", "["):
        return None
    greek = _greek_function(written)
    known = reading.names.find(written.symbol, written.span)
    if greek and scripts.below is None and not _is_plain_power(scripts):
        if known is not None:
            raise _two_readings(reading, start, f"\\operatorname{{{greek}}}")
        return _greek(reading, written, greek, scripts, start)
    if greek == "digamma" and known is None and scripts.below is not None and scripts.below.words in (("0",), ("1",)):
        function = "digamma" if scripts.below.words == ("0",) else "trigamma"
        return Call(function, bracketed(reading), span=reading.from_(start))
    called = _unspecified(reading, written, scripts, start)
    if called is not None or scripts or not reading.token.is_("(") or (known is None and written.symbol.name == "π"):
        return called
    if known is None and written.symbol.name in reading.names.events:
        return read_event(reading, written.symbol.name, start)
    if known is None:
        return _of_index(reading, written, start)
    return _defined(reading, known, start)


def _unspecified(reading: Reading, written: Letter, scripts: Scripts, start: Token) -> Node | None:
    """``f(x)`` and ``f'(x)`` of a function that is declared without a definition."""
    name = written.exact or next((each for each in reading.names.unspecified if symbol_of(each) == written.symbol), "")
    if name not in reading.names.unspecified or scripts.below is not None or scripts.above is not None:
        return None
    return Call(name + "'" * scripts.primes, bracketed(reading), span=reading.from_(start))


def read_event(reading: Reading, name: str, start: Token) -> Applied:
    """``P(A | B)``: a number of its own, called after its events."""
    opening = reading.take()
    sides: list[list[Node]] = [[]]
    while not reading.token.is_(")"):
        token = reading.token
        if len(sides) == 1 and reading.accept("|", "∣"):
            sides.append([])
        elif begins_letter(token):
            found = read_letter(reading)
            sides[-1].append(Name(found.symbol.name, span=found.span))
        elif not reading.accept(","):
            raise NotationError(
                f"the arguments of {name} are names of events", token.span, expected=f"{name}(A \\mid B)"
            )
    close(reading, ")", opening)
    given = tuple(sides[1]) if len(sides) > 1 else ()
    return Applied(name, tuple(sides[0]), given, span=reading.from_(start))


def _greek_function(written: Letter) -> str:
    word = written.shape or next((word for word, char in GREEK.items() if char == written.symbol.base), "")
    return APPLIED.get(word, "") if not written.symbol.accents and GREEK.get(word) == written.symbol.base else ""


def _is_plain_power(scripts: Scripts) -> bool:
    return scripts.above is not None and scripts.above.words[:1] not in (("(",), ("2",), ("3",))


def _greek(reading: Reading, written: Letter, function: str, scripts: Scripts, start: Token) -> Node:
    above = scripts.above.words if scripts.above else ()
    order: tuple[Node, ...] = ()
    if above and not (function == "digamma" and len(above) == 3 and above[0] == "(" and above[1].isdigit()):
        raise _two_readings(reading, start, f"(\\operatorname{{{function}}}(..))^{{2}}")
    if scripts.primes:
        raise _derivative(start)
    if above:
        function, order = "polygamma", (Number(Rational(int(above[1])), span=start.span),)
    reading.names.note_function(written.symbol.name, written.span)
    return Call(function, (*order, *bracketed(reading)), span=reading.from_(start))


def _two_readings(reading: Reading, start: Token, function: str) -> NotationError:
    written = reading.from_(start).excerpt
    return NotationError(
        f"{written} before a bracket can be read in two ways", reading.from_(start),
        expected=f"{function}(..) or {written} \\cdot (..)", hint=f"{written} is a function only where it is no name",
    )  # fmt: skip


def _of_index(reading: Reading, written: Letter, start: Token) -> Node:
    """``p(x)`` under a sum over x is the entry of p at x; any other unknown name before a bracket is an error."""
    name = written.symbol.name
    if _is_open_index(reading):
        return _applied_index(reading, name, start)
    if written.exact:
        raise UnknownNameError(f"there is no function called {name}", written.span, near=near_names(name, FUNCTIONS))
    raise _undeclared(name, written.span, written.span.excerpt)


def refuse_unknown_function(reading: Reading, node: Name, start: Token) -> None:
    """Refuse a name before a bracket that is neither known nor an entry."""
    if node.name not in reading.names.ranks and node.name not in reading.letters and node.name not in ("π", "pi"):
        raise _undeclared(node.name, start.span, reading.from_(start).excerpt)


def _undeclared(name: str, span: Span, written: str) -> UnknownNameError:
    return UnknownNameError(
        f"{name} is not declared, so this can be read as a function of the bracket or as a product with it", span,
        expected=f"a declaration {name}: real, or {written} \\cdot (..)",
        hint=f"a function is defined by a statement {written}(x) = ..",
    )  # fmt: skip


def _applied_index(reading: Reading, name: str, start: Token) -> Node:
    opening = reading.take()
    index = reading.take()
    close(reading, ")", opening)
    items = (Name(index.text, span=index.span),)
    return entry_of(Name(name, span=start.span), items, reading.from_(start))


def _defined(reading: Reading, name: str, start: Token) -> Node | None:
    """A name that the text defines as ``f(x) = ..``, with the same arguments; ``None`` for a product."""
    arguments = reading.names.arguments.get(name)
    if arguments is None:
        if _is_open_index(reading):
            return _applied_index(reading, name, start)
        return None
    opening = reading.take()
    given: Sequence[str] = [token.text for token in _to_closing(reading, opening)]
    if "".join(given) != arguments:
        raise NotationError(
            f"{name} is defined with other arguments", reading.from_(start), expected=f"{name}({arguments})",
            found=reading.from_(start).excerpt, hint="functions of other arguments are written out",
        )  # fmt: skip
    return Name(name, span=reading.from_(start))


def _is_open_index(reading: Reading) -> bool:
    inside = reading.tokens[reading.at + 1 :][:2]
    return inside[0].kind == "name" and inside[0].text in reading.letters and inside[1].is_(")")


def _to_closing(reading: Reading, opening: Token) -> list[Token]:
    found: list[Token] = []
    level = 1
    while True:
        token = reading.take()
        if token.kind == "end":
            raise missing(")", token, opening)
        level += token.is_("(") - token.is_(")")
        if level == 0:
            return found
        found.append(token)


def _derivative(token: Token) -> NotationError:
    return NotationError(
        "a prime of a function is its derivative, which is not read", token.span,
        hint="derivatives are what is computed: write the function itself",
    )  # fmt: skip
