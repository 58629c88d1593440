"""The arguments of a call, matched with the function's signature and read by their kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sympy import Integer

from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.catalog.tensor_functions import NOT_A_TENSOR, TENSOR_BY_NAME, ArgumentKind, TensorFunction
from chainrule.derive.errors import NotationError, UnsupportedError, near_names
from chainrule.derive.notation import lengths, subscripts
from chainrule.derive.notation.functions import ALL_AXES, Axes
from chainrule.derive.notation.open_lengths import refuse_open
from chainrule.derive.notation.syntax import Call, Node, Text, Tuple
from chainrule.derive.notation.tensors import Tensor
from chainrule.derive.program import Index

#: What the defaults in signatures mean, by the kind of the argument.
DEFAULTS: dict[ArgumentKind, Callable[[str], Any]] = {
    "axis": lambda text: Axes((int(text),), None),
    "axes": lambda text: Axes(None if text == "None" else (int(text),), None),
    "order": lambda text: ALL_AXES,
    "switch": lambda text: text == "True",
    "integer": lambda text: Integer(text),
    "numbers": lambda text: Integer(text),
    "length": lambda text: None,
}
#: Kinds of arguments that take all that is left.
SEVERAL = frozenset({"tensors", "shape", "new shape", "integers", "order"})
#: Groups of functions that run over the axes of their operand.
ONE_OPERAND = frozenset({"reduction", "along an axis"})


class Context(subscripts.Context, Protocol):
    """What reading arguments needs of the reader of expressions."""

    def condition(self, node: Node) -> Tensor:
        """The indicator of a condition."""

    def refuse_undeclared(self, node: Node, proposal: str) -> None:
        """Refuse an undeclared name where a scalar cannot stand."""


def refuse_unavailable(node: Call) -> None:
    """Refuse functions that are known and have no single tensor as their value."""
    if node.function in NOT_A_TENSOR:
        raise UnsupportedError(
            f"{node.function} gives more than one tensor", node.span, hint=NOT_A_TENSOR[node.function]
        )


def elementwise_arguments(node: Call, entry: Elementwise) -> list[Node]:
    """The arguments of an elementwise function, without the defaults at the end."""
    names = [str(symbol) for symbol in entry.args]
    shown = f"{entry.name}({', '.join(names)})"
    found = _match(node, names, len(names), shown)
    given = [name for name in names if name in found]
    required = len(names) - len(entry.defaults)
    if given != names[: len(given)] or len(given) < required:
        raise _missing(node, next(name for name in names if name not in found), shown)
    return [found[name][0] for name in given]


def arguments(context: Context, node: Call, entry: TensorFunction) -> list[Any]:
    """The arguments of a function of tensors, read by their kinds, defaults filled in."""
    names = [argument.name for argument in entry.arguments]
    several = [argument for argument in entry.arguments if argument.kind in SEVERAL]
    positional = sum(not argument.keyword_only for argument in entry.arguments)
    if _in_brackets(node, entry):
        several, positional = [], len(names)
    found = _match(node, names, positional, entry.signature, bool(several))
    values: list[Any] = []
    for argument in entry.arguments:
        if argument.name in found:
            values.append(_READERS[argument.kind](context, found[argument.name], node))
        elif argument.default:
            values.append(DEFAULTS[argument.kind](argument.default))
        else:
            raise _missing(node, argument.name, entry.signature)
    return values


def _in_brackets(node: Call, entry: TensorFunction) -> bool:
    """Whether several tensors are given in brackets, so that an axis may follow them: concat((a, b), 1)."""
    whole = entry.arguments[0].kind == "tensors" and len(entry.arguments) > 1
    return whole and len(node.arguments) > 1 and isinstance(node.arguments[0], Tuple)


def _match(
    node: Call, names: Sequence[str], positional: int, signature: str, several: bool = False
) -> dict[str, tuple[Node, ...]]:
    """The written arguments by name; with ``several`` the last positional one takes all that is left."""
    found: dict[str, tuple[Node, ...]] = {}
    for place, argument in enumerate(node.arguments):
        if place >= positional and not several:
            raise NotationError(
                f"{node.function} takes {positional} argument{'s' * (positional != 1)} without a name, "
                f"and {len(node.arguments)} are given",
                argument.span, expected=signature, hint=_pair_hint(node.function),
            )  # fmt: skip
        name = names[min(place, positional - 1)]
        found[name] = (*found.get(name, ()), argument)
    for keyword, value in node.keywords:
        if keyword not in names:
            raise NotationError(
                f"{node.function} has no argument called {keyword}", value.span, expected=signature,
                near=near_names(keyword, names),
            )  # fmt: skip
        if keyword in found:
            raise NotationError(f"the argument {keyword} is given twice", value.span, expected=signature)
        found[keyword] = (value,)
    return found


def _missing(node: Call, name: str, signature: str) -> NotationError:
    return NotationError(f"the argument {name} of {node.function} is missing", node.span, expected=signature)


def _pair_hint(function: str) -> str:
    if function in {"max", "min"}:
        return f"the {function}imum of two values is {function}imum(a, b); an axis is given as axis=0"
    return "the norm of order 1 is norm1(x), the largest absolute entry norminf(x)" if function == "norm" else ""


# ---- kinds ----------------------------------------------------------------------------------------


def _tensor(context: Context, nodes: Sequence[Node], call: Call) -> Tensor:
    (node,) = nodes
    tensor = context.lower(node)
    refuse_open(tensor.shape, node)
    # A sum over a scalar is that scalar; where the scalar is one only for lack of a declaration,
    # the declaration was forgotten.
    if tensor.rank == 0 and call.function != "where":
        context.refuse_undeclared(node, "{0}: real[n]")
        refuse_entry(tensor, call)
    return tensor


def refuse_entry(tensor: Tensor, call: Call) -> None:
    """Refuse ``sum(x[i])``: one entry has no axis, and the sum over an index is written ``Σ_i``."""
    letters = sorted(index.name.removeprefix("Σ") for index in tensor.body.atoms(Index))
    entry = TENSOR_BY_NAME.get(call.function)
    if letters and entry is not None and entry.group in ONE_OPERAND:
        raise NotationError(
            f"{call.function} of one entry has nothing to run over", call.span,
            expected=f"{call.function}_{letters[0]} {tensor.text}, over the index, or {call.function}(..) of an array",
        )  # fmt: skip


def _tensors(context: Context, nodes: Sequence[Node], call: Call) -> list[Tensor]:
    items = nodes[0].items if len(nodes) == 1 and isinstance(nodes[0], Tuple) else tuple(nodes)
    return [_tensor(context, [item], call) for item in items]


def _blocks(context: Context, nodes: Sequence[Node], call: Call) -> Any:
    """Tensors in brackets in brackets."""
    (node,) = nodes
    if isinstance(node, Tuple):
        return tuple(_blocks(context, [item], call) for item in node.items)
    return _tensor(context, [node], call)


def _text(context: Context, nodes: Sequence[Node], call: Call) -> Text:
    (node,) = nodes
    if isinstance(node, Text):
        return node
    raise NotationError("the subscripts are a text in quotes", node.span, expected="a text such as 'ij,jk->ik'")


_READERS: dict[ArgumentKind, Callable[[Context, tuple[Node, ...], Call], Any]] = {
    "tensor": _tensor,
    "tensors": _tensors,
    "axis": lambda context, nodes, call: lengths.axes(nodes[0], several=False),
    "axes": lambda context, nodes, call: lengths.axes(nodes[0], several=True),
    "order": lambda context, nodes, call: lengths.axes(nodes[0] if len(nodes) == 1 else Tuple(nodes), several=True),
    "switch": lambda context, nodes, call: lengths.switch(nodes[0]),
    "length": lambda context, nodes, call: lengths.side(nodes[0], context.dims),
    "shape": lambda context, nodes, call: lengths.shape(nodes, context.dims),
    "text": _text,
    "new shape": lambda context, nodes, call: lengths.new_shape(nodes, context.dims),
    "integer": lambda context, nodes, call: lengths.length(nodes[0], context.dims),
    "integers": lambda context, nodes, call: [lengths.length(node, context.dims) for node in nodes],
    "numbers": lambda context, nodes, call: lengths.numbers(nodes[0], context.dims),
    "blocks": _blocks,
    "labels": lambda context, nodes, call: subscripts.labels(context, nodes[0]),
    "condition": lambda context, nodes, call: context.condition(nodes[0]),
}
