"""Training on mini-batches: Adam on the derived and compiled gradient of the loss of a few rows at a time.

Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import bind_dims
from chainrule.derive.errors import InputError, near_names
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.learning.chart import Chart, Series
from chainrule.learning.fitting.descent import ADAM
from chainrule.learning.fitting.unknowns import Unknowns, start_of, unknowns

Array = npt.NDArray[np.float64]
Keep = Literal["best", "last"]
RATE = 0.001


@dataclass(frozen=True, eq=False)
class Training:
    """What a training has found.

    Attributes:
        formula: the loss.
        values: the unknowns, after the best epoch or after the last one.
        losses: the mean loss of the batches of every epoch.
        held_out: the loss on the rows that were held out after every epoch; empty without them.
        epoch: the number of the epoch that they are from, counted from 1.
    """

    formula: Formula
    values: Mapping[str, Any]
    losses: tuple[float, ...]
    held_out: tuple[float, ...]
    epoch: int

    def chart(self) -> Chart:
        """The loss by epoch, on the rows trained on and on those held out."""
        epochs = tuple(float(number) for number in range(1, len(self.losses) + 1))
        series = [Series("trained on", epochs, self.losses)]
        if self.held_out:
            series.append(Series("held out", epochs, self.held_out))
        return Chart("Loss by epoch", "epoch", self.formula.output.name, tuple(series), y_scale="log")

    def text(self) -> str:
        """The report."""
        lines = [f"epochs    {len(self.losses)}, of which number {self.epoch} is kept",
                 f"trained   {self.losses[0]:.6g} -> {self.losses[self.epoch - 1]:.6g}"]  # fmt: skip
        if self.held_out:
            least = int(np.argmin(self.held_out))
            lines.append(f"held out  {self.held_out[0]:.6g} -> {self.held_out[self.epoch - 1]:.6g}, "
                         f"least {self.held_out[least]:.6g} after epoch {least + 1}")  # fmt: skip
        return "\n".join(lines)


def train(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, data: Mapping[str, Any],
    held_out: Mapping[str, Any] | None = None, rows: str = "n", batch: int = 32, epochs: int = 50, rate: float = RATE,
    start: Mapping[str, Any] | None = None, seed: int = 0, keep: Keep = "best",
) -> Training:  # fmt: skip
    """The unknowns of a loss, by Adam on mini-batches.

    Args:
        f: the loss, a mean over rows.
        wrt: the unknowns; without it those the formula brings, or all inputs that the data do not give.
        data: the other inputs by name; those whose first axis has the length ``rows`` are cut into batches.
        held_out: the same inputs for rows that are not trained on, to look at the loss on them.
        rows: the name of the length that counts the rows.
        batch: rows in a batch.
        epochs: how often every row is seen.
        rate: the learning rate.
        start: where the unknowns start; the others as for ``fit``.
        seed: of the order of the rows, and of the start.
        keep: the unknowns of the ``best`` epoch on the rows that are held out, or of the ``last`` epoch.

    Raises:
        InputError: names, numbers or shapes that do not fit, or a loss that is no longer finite.

    Source: Kingma and Ba (2015), algorithm 1.

    Example:
        >>> found = train("x, y: real[n]; w: real; mean((w*x - y)^2)", data={"x": [1, 2, 3], "y": [2, 4, 6]}, rate=0.1)
        >>> round(found.values["w"], 2)
        2.0
    """
    f = as_formula(f)
    names = variables(f, wrt or f.wrt or [item.name for item in f.inputs if item.name not in data])
    _check(batch, epochs, rate)
    given, cut = _rows(f, names, data, rows)
    items = [item for name in names for item in f.inputs if item.name == name]
    inputs = [item for item in f.inputs if item.name in given]
    found = unknowns(items, bind_dims(inputs, given))
    rng = np.random.default_rng(seed)
    compiled = kernel(f, list(names))
    point = start_of(items, found, start or {}, seed)
    steps = _adam(compiled, found, given, cut, point, (batch, rate), rng)
    apart = _rows(f, names, held_out, rows)[0] if held_out is not None else None
    losses: list[float] = []
    beside: list[float] = []
    best = point
    for _ in range(epochs):
        with np.errstate(all="ignore"):
            loss, point = next(steps)
        if not (np.isfinite(loss) and np.isfinite(point).all()):
            raise InputError("the loss is no longer finite", hint="a smaller rate may help", found=f"rate {rate:g}")
        losses.append(loss)
        if apart is not None:
            beside.append(float(compiled.value(**apart, **found.arrays(point))))
        if apart is None or keep == "last" or beside[-1] <= min(beside):
            best = point
    number = int(np.argmin(beside)) + 1 if beside and keep == "best" else epochs
    return Training(f, found.arrays(best), tuple(losses), tuple(beside), number)


def _check(batch: int, epochs: int, rate: float) -> None:
    if batch < 1 or epochs < 1:
        raise InputError("batches and epochs are counted from 1", found=f"batch {batch}, epochs {epochs}")
    if not (np.isfinite(rate) and rate > 0):
        raise InputError("a learning rate is a number above zero", found=str(rate))


def _rows(
    f: Formula, names: Sequence[str], data: Mapping[str, Any], rows: str
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The data as arrays, and those that are cut into batches."""
    inputs = {item.name: item for item in f.inputs if item.name not in names}
    for name in data:
        if name not in inputs:
            raise InputError(f"the data give {name}, which is no input beside the unknowns",
                             near=near_names(name, inputs))  # fmt: skip
    missing = [name for name in inputs if name not in data]
    if missing:
        raise InputError(f"no values for {', '.join(missing)}", expected="data for every input that is no unknown")
    arrays = {name: np.asarray(data[name], dtype=np.float64) for name in inputs}
    cut = tuple(name for name, item in inputs.items() if item.shape and str(item.shape[0]) == rows)
    if not cut:
        raise InputError(f"no input has rows of number {rows}", hint="rows= names the length of the first axis")
    return arrays, cut


def _adam(
    compiled: Kernel, found: Unknowns, given: Mapping[str, Array], cut: Sequence[str], point: Array,
    settings: tuple[int, float], rng: np.random.Generator,
) -> Iterator[tuple[float, Array]]:  # fmt: skip
    """The mean loss of the batches and the unknowns, epoch after epoch."""
    (batch, rate), (beta1, beta2, guard) = settings, ADAM
    first, second, count = np.zeros_like(point), np.zeros_like(point), 0
    total = len(given[cut[0]])
    while True:
        order, losses = rng.permutation(total), []
        for begin in range(0, total, batch):
            chosen = order[begin : begin + batch]
            arrays = {**given, **{name: given[name][chosen] for name in cut}}
            value, gradients = compiled(**arrays, **found.arrays(point))
            gradient = found.vector(gradients)
            losses.append(float(value) * len(chosen))
            count += 1
            first = beta1 * first + (1 - beta1) * gradient
            second = beta2 * second + (1 - beta2) * gradient**2
            step = first / (1 - beta1**count) / (np.sqrt(second / (1 - beta2**count)) + guard)
            point = found.inside(point - rate * step)
        yield sum(losses) / total, point
