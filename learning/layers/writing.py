"""A stack of dense layers written in the notation: declarations, statements, and the formulas they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chainrule.derive.formula import Formula, formula
from chainrule.derive.notation.tokens import WORD
from chainrule.derive.program import Input
from chainrule.learning.layers.losses import Loss
from chainrule.learning.layers.stack import Layer, replaced

#: The loss of a network without one: its output along the adjoint that comes from above.
UPSTREAM = Loss("sum(G*output)")


@dataclass(frozen=True)
class Stack:
    """Dense layers, one after the other, as texts and formulas of the notation.

    Attributes:
        text: the short notation.
        layers: the layers.
        loss: the loss, or ``None`` where the network ends with its output.
        given: declarations of further names.
    """

    text: str
    layers: tuple[Layer, ...]
    loss: Loss | None = None
    given: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of weights and biases, layer by layer."""
        return tuple(name for layer in self.layers for name in (layer.weights, layer.bias))

    @cached_property
    def formula(self) -> Formula:
        """The loss as a formula of ``X``, the parameters and the targets ``Y``; without a loss the output."""
        return self.output if self.loss is None else self._whole(self.loss)

    @cached_property
    def objective(self) -> Formula:
        """What backpropagation differentiates: the loss; without one ``sum(G*output)``, with the adjoint ``G``."""
        return self._whole(self.loss or UPSTREAM)

    @cached_property
    def output(self) -> Formula:
        """The output as a formula of ``X`` and the parameters."""
        last = self.layers[-1]
        return self._read([*self.head(), *self.forward(), f"output = {last.activated(last.z)}"])

    @cached_property
    def logits(self) -> Formula:
        """The last product, before its activation, as a formula of ``X`` and the parameters."""
        return self._read([*self.head(), *self.forward()])

    @property
    def last(self) -> str:
        """The name of the output: ``output``, or the last product where there is no activation."""
        return "output" if self.layers[-1].activation else self.layers[-1].z

    @property
    def loss_text(self) -> str:
        """The statements of the loss, in the names of the network."""
        text = (self.loss or UPSTREAM).text
        return replaced(text, {"logits": self.layers[-1].z, "output": self.last})

    def head(self) -> list[str]:
        """The declarations of the input, the parameters, and what was given."""
        given = self.given.strip(" ;\n")
        return [f"X: real[n, {self.layers[0].rows}]", *self.declared(), *([given] if given else [])]

    def declared(self) -> Iterator[str]:
        """The declarations of the parameters."""
        for layer in self.layers:
            yield f"{layer.weights}: real[{layer.rows}, {layer.columns}]"
            yield f"{layer.bias}: real[{layer.columns}]"

    def targets(self) -> list[str]:
        """The declarations of the targets and of the numbers of the loss, or of the adjoint, but for what was given."""
        last = self.layers[-1].columns
        if self.loss is None:
            return [f"G: real[n, {last}]"]
        declared = {name for part in self.given.split(";") for name in WORD.findall(part.split(":")[0])}
        used = set(WORD.findall(self.loss.text))
        own = [f"Y: {self.loss.domain}[n, {last}]", *self.loss.parameters]
        return [part for part in own if part.split(":")[0] in used - declared]

    def forward(self) -> Iterator[str]:
        """The statements up to the last product."""
        for layer in self.layers:
            yield f"{layer.z} = {self.below(layer)} @ {layer.weights} + {layer.bias}"
            if layer.activation and layer is not self.layers[-1]:
                yield f"a{layer.number} = {layer.activated(layer.z)}"

    def below(self, layer: Layer) -> str:
        """The name of what a layer multiplies."""
        if layer.number == 1:
            return "X"
        previous = self.layers[layer.number - 2]
        return f"a{previous.number}" if previous.activation else previous.z

    def ending(self) -> list[str]:
        """The statements after the last product."""
        layer = self.layers[-1]
        uses = self.last == "output" and "output" in WORD.findall(self.loss_text)
        return [*([f"output = {layer.activated(layer.z)}"] if uses else []), self.loss_text]

    def _whole(self, loss: Loss) -> Formula:
        return self._read([*self.head(), *self.targets(), *self.forward(), *self.ending()])

    def _read(self, parts: list[str]) -> Formula:
        return replace(formula("; ".join(parts)), wrt=self.parameters)

    def count(self) -> Any:
        """How many parameters there are, a number or an expression of the widths."""
        total: Any = 0
        for item in self.unknowns():
            product: Any = 1
            for length in item.shape:
                product = product * length
            total = total + product
        return total

    def unknowns(self) -> list[Input]:
        """The parameters with their shapes."""
        return [item for item in self.output.inputs if item.name in self.parameters]
