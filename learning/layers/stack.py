"""The short notation of networks: ``4 -> 16 tanh -> 3 softmax``, widths with what is applied after each product."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.errors import InputError, NotationError, ShapeError, UnknownNameError, near_names
from chainrule.derive.formula import formula
from chainrule.derive.notation.tokens import WORD

#: Activations that leave their argument as it is.
LINEAR = ("linear", "identity")
#: Activations that normalise each row.
ROWS = ("softmax", "log_softmax")
#: Functions of one number.
OF_ONE = tuple(
    name for entry in ELEMENTWISE if len(entry.args) - len(entry.defaults) == 1 for name in (entry.name, *entry.aliases)
)
#: Layers that are written down at most.
MAX_LAYERS = 40
MAX_WIDTH = 1_000_000
ARROW = re.compile(r"->|→")
SEGMENT = re.compile(r"\s*(?P<width>\d+|[^\W\d]\w*)(?:\s+(?P<activation>\S.*?))?\s*", re.DOTALL)
#: An activation that is called with its argument.
CALLED = re.compile(r"(?P<name>\w+)\(\s*z\s*(,\s*(axis\s*=\s*)?(1|-1)\s*)?\)")
#: Names that the network gives to its own quantities.
OWN_NAMES = re.compile(r"X|Y|n|L|G|z|output|logits|[WbzaG]\d+|delta\d+")
EXPECTED = '"4 -> 16 tanh -> 3 softmax": the width of the input, then a width and an activation for each layer'


@dataclass(frozen=True)
class Layer:
    """``a = phi(z)`` with ``z = previous @ W + b``.

    Attributes:
        number: its place, from 1.
        rows, columns: the shape of the weights, numbers or names of lengths.
        activation: the activation as an expression in ``z``; empty if there is none.
        name: the activation as it was written.
    """

    number: int
    rows: str
    columns: str
    activation: str
    name: str

    @property
    def weights(self) -> str:
        """The name of the weights."""
        return f"W{self.number}"

    @property
    def bias(self) -> str:
        """The name of the bias."""
        return f"b{self.number}"

    @property
    def z(self) -> str:
        """The name of the product."""
        return f"z{self.number}"

    def by_entry(self, given: str = "") -> bool:
        """Whether the activation takes every entry by itself."""
        read = formula(f"z: real[n, units]; {given}; {self.activation or 'z'}")
        return not any(item.reduce for item in read.program.definitions)

    def activated(self, z: str) -> str:
        """The activation of an argument."""
        return replaced(self.activation, {"z": z}) if self.activation else z


def replaced(text: str, names: dict[str, str]) -> str:
    """A text with other names."""
    return WORD.sub(lambda found: names.get(found.group(), found.group()), text)


def read_layers(text: str, given: str = "") -> tuple[Layer, ...]:
    """The layers of a network in the short notation.

    Args:
        text: widths and activations between arrows.
        given: declarations of further names that activations use.

    Raises:
        InputError: the text is not in this notation.
        UnknownNameError: there is no such activation.
    """
    if not isinstance(text, str):
        raise InputError("a network is a text", expected=EXPECTED, found=type(text).__name__)
    segments = ARROW.split(text)
    if len(segments) < 2:
        raise InputError("a network has a width and a layer at least", expected=EXPECTED, found=text)
    if len(segments) - 1 > MAX_LAYERS:
        raise InputError(f"at most {MAX_LAYERS} layers are written down", found=str(len(segments) - 1))
    rows, first = _segment(segments[0])
    if first:
        raise InputError("the input has a width only", expected=EXPECTED, found=segments[0].strip())
    layers: list[Layer] = []
    for number, segment in enumerate(segments[1:], start=1):
        columns, name = _segment(segment)
        name = _usual(name)
        layers.append(Layer(number, rows, columns, _activation(name, given), name))
        rows = columns
    return tuple(layers)


def _segment(text: str) -> tuple[str, str]:
    found = SEGMENT.fullmatch(text)
    if found is None:
        raise InputError(f"{text.strip()!r} is no layer", expected=EXPECTED)
    width, activation = found["width"], (found["activation"] or "").strip("\"'").strip()
    if width.isdecimal() and not 1 <= int(width) <= MAX_WIDTH:
        raise InputError("a width is a whole number from 1 on", expected=f"1 to {MAX_WIDTH}", found=width)
    if width in OF_ONE or width in ROWS:
        raise InputError(f"{text.strip()!r} has no width", expected=EXPECTED, hint=f"for example: 16 {width}")
    if OWN_NAMES.fullmatch(width):
        raise InputError(
            f"the network itself has something called {width}", expected="another name for the width", found=width
        )
    return width, activation


def _activation(name: str, given: str) -> str:
    if not name or name in LINEAR:
        return ""
    if name in ROWS:
        return f"{name}(z, axis=1)"
    if name in OF_ONE or name in functions_of(given):
        return f"{name}(z)"
    if name.isidentifier():
        raise UnknownNameError(
            f"there is no activation called {name!r}", near=near_names(name, (*OF_ONE, *ROWS, *LINEAR)),
            hint="an activation of one's own is an expression in z, such as z*sigmoid(z)",
        )  # fmt: skip
    _check(name, given)
    return name


def _usual(name: str) -> str:
    """``softmax(z)`` is softmax, ``sigmoid(z)`` sigmoid."""
    found = CALLED.fullmatch(name)
    return found["name"] if found and found["name"] in (*OF_ONE, *ROWS) else name


def functions_of(given: str) -> tuple[str, ...]:
    """The names that are declared as functions without a definition."""
    parts = (part.partition(":") for part in given.split(";"))
    return tuple(name for names, _, domain in parts if domain.strip() == "function" for name in WORD.findall(names))


def _check(expression: str, given: str) -> None:
    """An expression in ``z`` that keeps its shape."""
    try:
        read = formula(f"z: real[n, units]; {given}; {expression}")
    except NotationError as error:
        error.hint = error.hint or "an activation is an expression in z, such as z*sigmoid(z); --given declares others"
        raise
    if "z" not in WORD.findall(expression):
        raise InputError(f"the activation {expression!r} does not depend on z", expected="an expression in z")
    if tuple(map(str, read.shape)) != ("n", "units"):
        shape = ", ".join(map(str, read.shape))
        raise ShapeError(
            f"the activation {expression!r} changes the shape", expected="(n, units)", found=f"({shape})",
        )  # fmt: skip
