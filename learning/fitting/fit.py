"""``fit``: the unknowns of a scalar formula that make it small, by descent on its derived gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import bind_dims
from chainrule.derive.errors import ChainruleError, InputError, near_names
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.derive.program import Dim, Input
from chainrule.derive.stationary import solve_stationary
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.learning.chart import Chart, Series
from chainrule.learning.fitting.curvature import Curvature, curvature
from chainrule.learning.fitting.descent import DESCENTS, METHODS, Method, Problem, Visit, largest_curvature
from chainrule.learning.fitting.unknowns import Unknowns, start_of, unknowns

Array = npt.NDArray[np.float64]
Ending = Literal["converged", "saddle", "stuck", "steps", "diverged"]

#: Steps by default, and the largest entry of the gradient that counts as zero.
STEPS, TOLERANCE = 1000, 1e-8
#: A loss that has grown so much diverges.
GROWN = 1e8
#: A gradient that rounding does not let a descent improve on, relative to the loss.
ROUNDING = 1e-6
#: The standard deviation of a start that is not at a saddle.
NUDGE = 0.1
#: Unknowns up to which the largest curvature is worked out to explain a divergence.
SMALL = 500

ENDINGS: Mapping[Ending, str] = {
    "converged": "the gradient is zero to the tolerance",
    "saddle": "the gradient is zero, but this is no minimum: start elsewhere, with start= or --start",
    "stuck": "no step makes the loss smaller, to rounding",
    "steps": "the limit of steps was reached; more steps or another method may go on",
    "diverged": "the loss grew without bound: the rate is too large, or the formula has no minimum",
}
#: What is said of a descent that diverges downwards.
FALLING = "the loss fell without bound: the formula has no minimum"


@dataclass(frozen=True)
class Fit:
    """What a descent has found.

    Attributes:
        formula: what was made small.
        values: the unknowns at the end, by name.
        method: how the descent went.
        losses: the value of the formula at every visited point, the start first.
        slope: the largest entry of the gradient at the end, bounds taken into account.
        ending: why the descent ended.
        closed: the unknowns in closed form by name, where there is one.
        stable_rate: the largest stable rate of gradient descent at the last good point, where it explains a divergence.
        curvature: that at the end, where the gradient is zero and the unknowns are few.
    """

    formula: Formula
    values: Mapping[str, Any]
    method: Method
    losses: tuple[float, ...]
    slope: float
    ending: Ending
    closed: Mapping[str, Any] | None = None
    stable_rate: float | None = None
    curvature: Curvature | None = None

    @property
    def converged(self) -> bool:
        """Whether the end is a stationary point, to rounding."""
        return self.ending == "converged" or (
            self.ending == "stuck" and self.slope <= ROUNDING * (1 + abs(self.losses[-1]))
        )

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.losses) - 1

    @property
    def _is_falling(self) -> bool:
        return self.ending == "diverged" and self.losses[-1] < self.losses[0]

    def text(self) -> str:
        """The report."""
        name = self.formula.output.name
        lines = [
            f"method    {self.method}, {self.steps} step{'s' if self.steps != 1 else ''}",
            f"{name:<9} {self.losses[0]:.6g} -> {self.losses[-1]:.6g}",
            f"gradient  largest entry {self.slope:.2g}",
            f"ended     {FALLING if self._is_falling else ENDINGS[self.ending]}",
        ]
        if self.curvature is not None:
            lines.append(f"curvature {self.curvature.text()}")
        if self.stable_rate is not None:
            lines.append(f"rate      gradient descent is stable below 2/(largest curvature) = {self.stable_rate:.6g}")
        lines += ["", *(f"{key} = {_shown(value)}" for key, value in self.values.items())]
        if self.closed is not None:
            lines += ["", "in closed form", *(f"{key} = {_shown(value)}" for key, value in self.closed.items())]
            lines.append(f"the fit differs by {self.distance():.1e}")
        return "\n".join(lines)

    def distance(self) -> float | None:
        """The largest difference from the closed form."""
        if self.closed is None:
            return None
        gaps = (np.abs(np.asarray(self.values[name]) - np.asarray(value)) for name, value in self.closed.items())
        return max(float(np.max(gap)) for gap in gaps)

    def chart(self) -> Chart:
        """The loss by step."""
        lowest = min(self.losses)
        line = Series("", tuple(map(float, range(len(self.losses)))), self.losses)
        scale: Literal["linear", "log"] = "log" if lowest > 0 and max(self.losses) > 100 * lowest else "linear"
        return Chart(f"Descent by {self.method}", "step", self.formula.output.name, (line,), y_scale=scale)

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain data."""
        return {
            "values": _lists(self.values), "method": self.method, "losses": list(self.losses), "slope": self.slope,
            "ending": self.ending, "converged": self.converged, "closed": self.closed and _lists(self.closed),
            "stable_rate": self.stable_rate, "curvature": self.curvature and asdict(self.curvature),
        }  # fmt: skip


def fit(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, data: Mapping[str, Any], method: Method = "lbfgs",
    rate: float | None = None, steps: int = STEPS, tolerance: float = TOLERANCE,
    start: Mapping[str, Any] | None = None, sizes: Mapping[str, int] | None = None, seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> Fit:  # fmt: skip
    """The unknowns ``wrt`` that make a scalar formula small, by descent on its compiled gradient.

    Args:
        f: the formula.
        wrt: the unknowns; without it all inputs that the data do not give.
        data: the other inputs by name.
        method: ``gradient``, ``momentum``, ``adam``, ``newton`` or ``lbfgs``.
        rate: the learning rate; without it a line search (gradient, newton), one over the largest curvature at
            the start (momentum), or 0.01 (adam).
        steps: how many at most.
        tolerance: the largest entry of the gradient that counts as zero.
        start: where unknowns start; by default at zero, matrices at small random numbers; all at small random
            numbers where zero is a stationary point that is no minimum.
        sizes: lengths that the data do not tell, such as the units of a hidden layer.
        seed: of the random start.
        progress: is told the step and the loss.

    Raises:
        InputError: names, shapes or options that do not fit.
        UnsupportedError: the formula is not scalar, or an unknown cannot move freely.

    Example:
        >>> found = fit("x, y: real[n]; w, b: real; mean((w*x + b - y)^2)", data={"x": [0, 1, 2], "y": [1, 3, 5]})
        >>> round(found.values["w"], 6), round(found.values["b"], 6)
        (2.0, 1.0)
    """
    _check(method, rate, steps)
    f = as_formula(f)
    names = variables(f, [item.name for item in f.inputs if item.name not in data] if wrt is None else wrt)
    given, items = _given(f, names, data)
    found = unknowns(items, _lengths(f, given, sizes or {}))
    compiled = kernel(f, list(names))
    problem = _problem(compiled, found, given, steps)
    begin = _begin(problem, start_of(items, found, start or {}, seed), None if start else seed, tolerance)
    losses, last, ending = _followed(problem, DESCENTS[method](problem, begin, rate), tolerance, progress)
    bent = curvature(problem, last.point) if ending in ("converged", "stuck") else None
    if ending == "converged" and bent is not None and bent.is_negative:
        ending = "saddle"
    return Fit(
        f, found.arrays(last.point), method, tuple(losses), _slope(problem, last), ending,
        _minimum(problem, found, _closed(f, names, given)),
        _stable_rate(problem, last) if ending == "diverged" else None, bent,
    )  # fmt: skip


def _minimum(problem: Problem, found: Unknowns, closed: dict[str, Any] | None) -> dict[str, Any] | None:
    """A closed form unless the curvature there says that it is no minimum."""
    if closed is None:
        return None
    vector = found.vector([closed[name] for name in found.names])
    bent = curvature(problem, vector) if np.isfinite(vector).all() else None
    return None if bent is not None and bent.is_negative else closed


def _stable_rate(problem: Problem, visit: Visit) -> float | None:
    """2 over the largest curvature, where there is one."""
    if visit.point.size > SMALL:
        return None
    largest = largest_curvature(problem, visit.point)
    return 2 / largest if largest > 0 else None


def _begin(problem: Problem, point: Array, seed: int | None, tolerance: float) -> Array:
    """The start, moved at random where nobody chose it and a descent would not leave it.

    Raises:
        InputError: the formula has no finite value there.
    """
    value, gradient = problem.value_and_gradient(point)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        hint = "start elsewhere, with start= or --start, or declare the domain of the unknowns"
        raise InputError("the formula is not finite where the descent starts", found=f"{value:.6g}", hint=hint)
    if seed is not None and _slope(problem, Visit(point, value, gradient)) <= tolerance:
        bent = curvature(problem, point)
        if bent is not None and bent.is_negative:
            return problem.inside(point + np.random.default_rng(seed).normal(scale=NUDGE, size=point.shape))
    return point


def _check(method: str, rate: float | None, steps: int) -> None:
    if method not in METHODS:
        near = near_names(method, METHODS)
        raise InputError(f"there is no method {method!r}", expected=", ".join(METHODS), near=near)
    if rate is not None and not (np.isfinite(rate) and rate > 0):
        raise InputError("a learning rate is a number above zero", found=str(rate))
    if method == "lbfgs" and rate is not None:
        raise InputError("lbfgs finds its own step lengths", hint="leave the rate out, or choose another method")
    if steps < 1:
        raise InputError("a fit takes at least one step", found=str(steps))


def _given(f: Formula, names: Sequence[str], data: Mapping[str, Any]) -> tuple[dict[str, Array], list[Input]]:
    """The data as arrays, and the unknowns."""
    inputs = {item.name: item for item in f.inputs}
    for name in data:
        if name not in inputs or name in names:
            raise InputError(
                f"the data give {name}, which is " + ("an unknown" if name in names else "no input of the formula"),
                near=near_names(name, inputs), hint="an unknown starts where start={..} says",
            )  # fmt: skip
    missing = [name for name in inputs if name not in data and name not in names]
    if missing:
        raise InputError(f"no values for {', '.join(missing)}", expected="data for every input that is not an unknown")
    given = {name: np.asarray(data[name], dtype=float) for name in inputs if name in data}
    for name, array in given.items():
        if not np.isfinite(array).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
            raise InputError(f"the data of {name} have an entry that is not finite", found=f"{array[place]} at {place}",
                             hint="leave out examples with missing values")  # fmt: skip
    return given, [inputs[name] for name in names]


def _lengths(f: Formula, given: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[Dim, int]:
    known = {dim.name: dim for item in f.inputs for length in item.shape for dim in length.atoms(Dim)}
    for name in sizes:
        if name not in known:
            raise InputError(f"no axis has the length {name}", near=near_names(name, known))
    bound = bind_dims([item for item in f.inputs if item.name in given], given)
    return {**{known[name]: size for name, size in sizes.items()}, **bound}


def _problem(compiled: Kernel, found: Unknowns, given: Mapping[str, Array], steps: int) -> Problem:
    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        value, gradients = compiled(**given, **found.arrays(vector))
        return float(value), found.vector(gradients)

    def hessian(vector: Array) -> Array:
        rows = compiled.hessian(**given, **found.arrays(vector))
        sizes = [max(1, int(np.prod(shape))) for shape in found.shapes]
        return np.block([
            [np.reshape(block, (height, width)) for block, width in zip(row, sizes, strict=True)]
            for row, height in zip(rows, sizes, strict=True)
        ])  # fmt: skip

    return Problem(value_and_gradient, hessian, found.inside, found.low, found.high, steps)


def _followed(
    problem: Problem, visits: Iterator[Visit], tolerance: float, progress: Callable[[int, float], None] | None
) -> tuple[list[float], Visit, Ending]:
    """The losses, the last good point, and why the descent ended there."""
    losses: list[float] = []
    last: Visit | None = None
    for number, visit in enumerate(itertools.islice(visits, problem.steps + 1)):
        if last is not None and not _is_sound(visit, losses[0]):
            return losses, last, "diverged"
        losses.append(visit.value)
        last = visit
        if progress:
            progress(number, visit.value)
        if _slope(problem, visit) <= tolerance:
            return losses, visit, "converged"
    assert last is not None
    return losses, last, "steps" if len(losses) > problem.steps else "stuck"


def _is_sound(visit: Visit, first: float) -> bool:
    finite = np.isfinite(visit.value) and np.isfinite(visit.gradient).all()
    return bool(finite and visit.value <= first + GROWN * (1 + abs(first)))


def _slope(problem: Problem, visit: Visit) -> float:
    """The largest entry of the gradient, without what pushes against a bound."""
    return float(np.max(np.abs(visit.point - problem.inside(visit.point - visit.gradient))))


def _closed(f: Formula, names: Sequence[str], given: Mapping[str, Array]) -> dict[str, Any] | None:
    """The unknowns in closed form, where there is one that these data have."""
    try:
        solution = solve_stationary(f, list(names)).solution
        return {name: solution[name].evaluate(**given) for name in names}
    except (ChainruleError, np.linalg.LinAlgError):
        return None


def _lists(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in arrays.items()}


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=6, suppress_small=True, threshold=40)
