"""Backpropagation layer by layer: every line derived by the engine from one layer, and checked in the whole network.

The recursion ``delta_l = (delta_{l+1} @ W_{l+1}.T) * phi_l'(z_l)`` is Bishop, Pattern Recognition and Machine
Learning (2006), eq. 5.56.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.instances import instance
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.goals import gradient
from chainrule.derive.narrative.symbols import equation, named
from chainrule.derive.narrative.symbols import partial as derivative
from chainrule.derive.notation.tokens import WORD
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.derive.remarks import about_kinks
from chainrule.derive.render.page import Note, Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.layers.differences import Bench
from chainrule.learning.layers.stack import ARROW, Layer, functions_of
from chainrule.learning.layers.writing import Stack

Array = npt.NDArray[np.float64]
#: What stands for a width of 1.
UNITS = "units"
RECURSION = Shown(
    "delta[l] = (delta[l+1] @ W[l+1].T) * phi[l]'(z[l])",
    r"\delta_l = \left(\delta_{l+1} W_{l+1}^{\top}\right) \odot \varphi_l'(z_l)",
)


def backpropagation(net: Stack) -> Explanation:
    """The layers forward, and what flows back through each of them."""
    story = Story(net)
    parts = (
        Part("Given", tuple(story.given())),
        Part("Forward", tuple(story.forward())),
        Part("Parameters", tuple(story.sizes())),
        Part(*story.goal()),
        Part("Backward, from the last layer to the first", tuple(story.backward()), _introduction(net)),
    )  # fmt: skip
    kinks = about_kinks(net.objective.program, net.parameters)
    notes = [net.loss.note] if net.loss and net.loss.note else []
    title = f"Network {' -> '.join(part.strip() for part in ARROW.split(net.text))}"
    return Explanation(Shown(title, ""), parts, (*notes, *kinks))


def _introduction(net: Stack) -> Note:
    """The recursion, where there is something to recur to."""
    start: Note = ("With ", Shown("delta[l] = dL/dz[l]", r"\delta_l = \partial L/\partial z_l"))
    if len(net.layers) == 1:
        return (*start, ": the gradients of weights and bias follow from it.")
    together = not all(layer.by_entry(net.given) for layer in net.layers[:-1])
    more = "; where an activation mixes entries, its own derivative takes the place of the slope" if together else ""
    return (*start, " the chain rule gives ", RECURSION, f", line by line{more}.")


@dataclass
class Story:
    """The lines of one network; ``known`` are the names that have been written."""

    net: Stack
    known: set[str] = field(default_factory=set)
    found: dict[str, Formula] = field(default_factory=dict)

    @cached_property
    def bench(self) -> Bench:
        """The network with numbers."""
        return Bench(self.net.objective.program)

    def given(self) -> Iterator[Move]:
        """The inputs."""
        for item in self.net.objective.inputs:
            shape = f"[{', '.join(map(str, item.shape))}]" if item.shape else ""
            yield _given(item.name, f"{item.domain.name}{shape}")
        for name in functions_of(self.net.given):
            yield _given(name, "function (any differentiable function, entry by entry)")

    def forward(self) -> Iterator[Move]:
        """Product and activation of every layer, with their shapes."""
        program = replace(self.net, layers=tuple(map(_widened, self.net.layers))).output.program
        for layer in self.net.layers:
            rows, columns = layer.rows, layer.columns
            shapes = f"(n, {rows}) @ ({rows}, {columns}) + ({columns},) = (n, {columns})"
            yield self._defined(program, layer.z, (f"Shapes: {shapes}.",))
            name = self.activated(layer)
            if name != layer.z:
                yield self._defined(program, name, (f"Shape (n, {columns}).",))

    def activated(self, layer: Layer) -> str:
        """The name of what a layer puts out."""
        if layer is self.net.layers[-1]:
            return self.net.last
        return f"a{layer.number}" if layer.activation else layer.z

    def sizes(self) -> Iterator[Move]:
        """How many parameters each layer has."""
        for layer in self.net.layers:
            text = f"{layer.rows}*{layer.columns} + {layer.columns}"
            latex = rf"{layer.rows} \cdot {layer.columns} + {layer.columns}"
            names = Shown(f"{layer.weights}, {layer.bias}", rf"{named(layer.weights).latex}, {named(layer.bias).latex}")
            yield Move(Shown(text, latex), (Shown(f"size of {names.text}", rf"|{names.latex}|"),))
        total = str(self.net.count())
        yield Move(Shown(total, total.replace("*", r" \, ")), (Shown("in all", r"\text{in all}"),))

    def goal(self) -> tuple[str, tuple[Move, ...], Note]:
        """The loss, or what stands for it."""
        program = self.net.objective.program
        name = program.output.name
        moves = [self._defined(program, item.name, ()) for item in program.definitions
                 if item.origin != "auto" and item.name not in self.known | {name}]  # fmt: skip
        line = self._defined(program, name, ())
        if self.net.loss is not None:
            return "Loss", (*moves, line), ()
        return "What is differentiated", (*moves, line), (
            "The adjoint G = dL/doutput comes from whatever follows; along it, all derivatives are those of ",
            line.right, ".",
        )  # fmt: skip

    def backward(self) -> Iterator[Move]:
        """What reaches every layer, from the last to the first, and its parameters' gradients."""
        above: Layer | None = None
        for layer in reversed(self.net.layers):
            yield from self._delta(layer, above)
            yield from self._parameters(layer)
            above = layer
        yield from self._input()

    def _delta(self, layer: Layer, above: Layer | None) -> Iterator[Move]:
        """The derivative by the product of a layer."""
        if above is None:
            loss, adjoint = "The loss, differentiated by the last product.", "The adjoint, through the layer."
            reason: Note = (loss if self.net.loss else adjoint,)
            body, more = self.net.ending(), [*self._parameters_of_loss(), *self.net.targets()]
        else:
            reason = self._through(layer, above)
            layer, above = _widened(layer), _widened(above)
            name = self.activated(layer)
            body = [f"{name} = {layer.activated(layer.z)}"] if layer.activation else []
            body.append(f"sum((delta{above.number} @ {above.weights}.T)*{name})")
            more = [_declared(f"delta{above.number}", "n", above.columns),
                    _declared(above.weights, above.rows, above.columns)]  # fmt: skip
        found = self._local([_declared(layer.z, "n", layer.columns), *more, *self._given()], body, [layer.z])[layer.z]
        delta = f"delta{layer.number}"
        yield from self._lines(found, (named(delta), derivative("L", layer.z)), layer.z, reason)
        self.known.add(delta)

    def _through(self, layer: Layer, above: Layer) -> Note:
        product = f"{above.z} = {self.activated(layer)} @ {above.weights} + {above.bias}"
        if not layer.activation:
            return (f"Back through {product}.",)
        slope = self._slope(layer)
        return (f"Back through {product}, then through the activation", *slope, ".")

    def _slope(self, layer: Layer) -> Note:
        """The derivative of an activation of one number."""
        if not layer.by_entry(self.net.given):
            return ()
        z = layer.z
        try:
            program = self._local([f"{z}: real[n, {layer.columns}]", *self._given()],
                                  [f"sum({layer.activated(z)})"], [z])[z].program  # fmt: skip
        except ChainruleError:
            return ()
        left, right = equation(Shown("", ""), program, program.output.name)
        return (": its slope is ", right) if not left.text else ()

    def _parameters(self, layer: Layer) -> Iterator[Move]:
        """The gradients by weights and bias of a layer; the loss may depend on them by itself as well."""
        shapes = {layer.weights: f"({layer.rows}, {layer.columns})", layer.bias: f"({layer.columns},)"}
        own = self._direct([layer.weights, layer.bias])
        layer = layer if own else _widened(layer)
        below, delta = self.net.below(layer), f"delta{layer.number}"
        given = [_declared(below, "n", layer.rows), _declared(delta, "n", layer.columns)]
        given += [_declared(layer.weights, layer.rows, layer.columns), _declared(layer.bias, layer.columns)]
        goal = f"sum({delta}*({below} @ {layer.weights} + {layer.bias}))"
        statements, last = own[:-1], [f"{goal} + ({part})" for part in own[-1:]] or [goal]
        given += self._of_ending(given) if own else []
        found = self._local(given, [*statements, *last], [layer.weights, layer.bias])
        for name, result in found.items():
            yield from self._lines(result, (derivative("L", name),), name, (f"Shape {shapes[name]}.",))

    def _input(self) -> Iterator[Move]:
        first = _widened(self.net.layers[0])
        given = [_declared("X", "n", first.rows), _declared("delta1", "n", first.columns),
                 _declared("W1", first.rows, first.columns)]  # fmt: skip
        if not self._direct(["X"]):
            found = self._local(given, ["sum(delta1*(X @ W1))"], ["X"])["X"]
            yield from self._lines(found, (derivative("L", "X"),), "X", (f"Shape (n, {self.net.layers[0].rows}).",))

    # ---- helpers -------------------------------------------------------------------------------------------

    def _direct(self, names: Sequence[str]) -> list[str]:
        """The statements of the loss, where it depends on these inputs not only through the layers."""
        statements = [part.strip() for part in self.net.loss_text.split(";") if part.strip()]
        return statements if set(names) & set(WORD.findall(self.net.loss_text)) else []

    def _of_ending(self, declared: Sequence[str]) -> list[str]:
        """Declarations of what the loss reads, last product and output as quantities of their own."""
        last = self.net.layers[-1]
        quantities = [_declared(name, "n", last.columns) for name in dict.fromkeys((last.z, self.net.last))]
        names = {text.split(":")[0] for text in declared}
        more = [*quantities, *self.net.targets(), *self._parameters_of_loss(), *self._given()]
        return [item for item in more if item.split(":")[0] not in names]

    def _parameters_of_loss(self) -> list[str]:
        """Declarations of the parameters that a loss depends on by itself."""
        words = set(WORD.findall(self.net.loss_text))
        return [part for part in self.net.declared() if part.split(":")[0] in words]

    def _given(self) -> list[str]:
        return [part for part in [self.net.given.strip(" ;\n")] if part]

    def _local(self, declared: Sequence[str], body: Sequence[str], wrt: Sequence[str]) -> dict[str, Formula]:
        """Derivatives of a part of the network; names that were written stay free for what they mean."""
        parts = list(dict.fromkeys(declared))
        defined = {text.split("=")[0].strip() for text in ";".join(body).split(";")}
        taken = {text.split(":")[0].strip() for text in ";".join(parts).split(";")} | defined
        spare = [f"{name}: real" for name in sorted(self.known - taken)]
        return dict(gradient(formula("; ".join([*parts, *spare, *body])), list(wrt)).result)

    def _lines(self, found: Formula, left: tuple[Shown, ...], name: str, reason: Note) -> Iterator[Move]:
        """The parts of a derivative that have no line yet, and the derivative."""
        for part, _ in found.parts():
            if part not in self.known:
                yield self._defined(found.program, part, ())
        program = found.program
        symbol, right = equation(left[0], program, program.output.name)
        lefts = (symbol,) if symbol.text != left[0].text else left
        self.found[left[0].text] = found
        yield Move(right, lefts, reason, partial(self._difference, left[0].text, name))

    def _defined(self, program: Program, name: str, reason: Note) -> Move:
        self.known.add(name)
        left, right = equation(named(name), program, name)
        return Move(right, (left,), reason)

    def _difference(self, name: str, variable: str) -> float:
        """A line computed on its own, against differences of the whole network along some direction."""
        value = float(np.sum(self._value(name) * self.bench.direction(variable)))
        slope = self.bench.along(variable)
        return abs(value - slope) / (1 + abs(slope))

    def _value(self, name: str) -> Array:
        """A derivative as its line says, from the lines before; any other quantity as the network has it."""
        if name not in self.found:
            return self.bench.value(name)
        program = instance(self.found[name].program)
        reads = {read for definition in program.definitions for read in definition.reads}
        values = {item.name: self._value(item.name) if item.shape or item.name in reads else np.zeros(())
                  for item in program.inputs}  # fmt: skip
        return np.asarray(evaluate(program, values)[program.output.name], dtype=np.float64)


def _given(name: str, what: str) -> Move:
    return Move(Shown(f"{name}: {what}", rf"{named(name).latex}: \text{{{what}}}"))


def _declared(name: str, *lengths: str) -> str:
    return f"{name}: real[{', '.join(lengths)}]"


def _widened(layer: Layer) -> Layer:
    """The layer with a name for a width of 1, at which formulas of one layer look like those of any width."""
    rows, columns = (UNITS if width == "1" else width for width in (layer.rows, layer.columns))
    return replace(layer, rows=rows, columns=columns)
