"""Losses of networks: by name, from the catalogue, or a formula of one's own in output, logits and y."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chainrule.derive.catalog.losses import ALIASES, BY_NAME, ENTRIES, Entry
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.derive.formula import formula
from chainrule.derive.notation.tokens import WORD
from chainrule.learning.layers.stack import Layer, replaced


@dataclass(frozen=True)
class Loss:
    """A loss of a network's last layer.

    Attributes:
        text: statements in ``logits``, ``output`` and ``Y``; the last one is the loss.
        domain: what the targets are.
        note: a sentence on the form that was chosen.
        parameters: declarations of the numbers that it depends on.
    """

    text: str
    domain: str = "real"
    note: str = ""
    parameters: tuple[str, ...] = ()


#: A statement that declares names.
DECLARATION = re.compile(r"[\w, ]+:")
#: Losses by name that are formulas of the output.
PLAIN = {
    "mse": Loss("mean((output - Y)^2)"),
    "mae": Loss("mean(abs(output - Y))"),
    "logcosh": Loss("mean(logcosh(output - Y))"),
    "huber": Loss("r = abs(output - Y); mean(where(r < 1, r^2/2, r - 1/2))"),
    "hinge": Loss("mean(relu(1 - Y*output))", "pm1"),
}
#: Cross-entropy by the last activation: through the logits, so that no logarithm of a rounded 0 is taken.
CROSS_ENTROPY = {
    "softmax": Loss("-sum(Y*log_softmax(logits, axis=1))/n", "onehot",
                    "Softmax and cross-entropy are taken together, through the logits: -log p_k = logsumexp(z) - z_k."),
    "log_softmax": Loss("-sum(Y*log_softmax(logits, axis=1))/n", "onehot"),
    "sigmoid": Loss("sum(softplus(logits) - Y*logits)/n", "unit",
                    "Sigmoid and cross-entropy are taken together, through the logits: "
                    "-y log p - (1 - y) log(1 - p) = softplus(z) - y z."),
}  # fmt: skip
EXPECTED = "cross_entropy, " + ", ".join(PLAIN) + ", a loss of the catalogue, or a formula in output, logits and y"


def read_loss(text: str, last: Layer) -> Loss:
    """The loss that a text means, after this last layer.

    Raises:
        UnknownNameError: there is no loss of this name.
        InputError: it does not fit the last layer, or does not depend on it.
    """
    name = text.strip()
    if name == "cross_entropy":
        if last.name not in CROSS_ENTROPY:
            raise InputError(
                "cross-entropy is a loss of probabilities", expected="a last layer with softmax or sigmoid",
                found=last.name or "no activation",
            )  # fmt: skip
        return CROSS_ENTROPY[last.name]
    if name in PLAIN:
        return PLAIN[name]
    if name.isidentifier():
        return _of_catalogue(name)
    words = set(WORD.findall(text))
    if not words & {"output", "logits"}:
        raise InputError("the loss does not depend on the network", expected=EXPECTED, found=text)
    return Loss(replaced(text, {"y": "Y"}))


def _of_catalogue(name: str) -> Loss:
    entry = BY_NAME.get(ALIASES.get(name, name))
    found = None if entry is None else _as_loss(entry)
    if found is None:
        names = [item.name for item in ENTRIES if _as_loss(item)]
        raise UnknownNameError(
            f"there is no loss called {name!r} for networks", expected=EXPECTED,
            near=near_names(name, ["cross_entropy", *PLAIN, *names]),
        )  # fmt: skip
    return found


def _as_loss(entry: Entry) -> Loss | None:
    """A loss of predictions and targets of one shape, one row for each example; what is called z is a logit."""
    if entry.kind != "loss":
        return None
    read = formula(entry.name)
    arrays = sorted((item for item in read.inputs if item.shape), key=lambda item: item.name not in entry.wrt)
    if read.shape or len(arrays) != 2 or arrays[0].shape != arrays[1].shape or str(arrays[0].shape[0]) != "n":
        return None
    prediction, target = arrays
    parts = [part.strip() for part in entry.text.split(";")]
    statements = [part for part in parts if not DECLARATION.match(part)]
    named = {prediction.name, target.name}
    numbers = [part for part in parts if DECLARATION.match(part) and not named & set(WORD.findall(part.split(":")[0]))]
    swap = {prediction.name: "logits" if prediction.name.lower() == "z" else "output", target.name: "Y"}
    return Loss(replaced("; ".join(statements), swap), target.domain.name, parameters=tuple(numbers))
