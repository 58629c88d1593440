"""A small network with numbers: the derivative of its loss by any quantity in it, by differences in many digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import mpmath
import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.instances import instance
from chainrule.derive.checking.sampling import exact, sample, size_assignments, to_mp
from chainrule.derive.numeric import MPMATH, bind_dims, evaluate, evaluate_definition
from chainrule.derive.program import Program

Array = npt.NDArray[np.float64]
#: Digits that are computed with, and the distance of differences.
DIGITS, STEP = 50, mpmath.mpf("1e-16")
SEED = 5


class Bench:
    """A program with values for its inputs, and what the differences of its output say."""

    def __init__(self, program: Program) -> None:
        program = instance(program)
        sizes = size_assignments(program)[0]
        self.program = program
        self._inputs = exact(program.inputs, sample(program.inputs, sizes, np.random.default_rng(SEED)))

    @cached_property
    def _env(self) -> Mapping[str, npt.NDArray[np.object_]]:
        with mpmath.workdps(DIGITS):
            return evaluate(self.program, self._inputs, MPMATH)

    def value(self, name: str) -> Array:
        """An input or definition as doubles."""
        return np.asarray(self._env[name], dtype=np.float64)

    def direction(self, name: str) -> Array:
        """A direction in which an array is moved."""
        rng = np.random.default_rng([SEED, *name.encode()])
        return np.round(rng.uniform(-1, 1, np.shape(self._env[name])), 3)

    def along(self, name: str) -> float:
        """The derivative of the output along the direction of an input or definition, by central differences."""
        with mpmath.workdps(DIGITS):
            direction = to_mp(self.direction(name))
            ends = [self._moved(name, side * STEP * direction) for side in (1, -1)]
            return float((ends[0] - ends[1]) / (2 * STEP))

    def _moved(self, name: str, by: npt.NDArray[np.object_]) -> mpmath.mpf:
        """The output after an array has moved."""
        env, changed = {**self._env, name: np.asarray(self._env[name] + by, dtype=object)}, {name}
        dims = bind_dims(self.program.inputs, self._env)
        for definition in self.program.definitions:
            if definition.name != name and definition.reads & changed:
                env[definition.name] = evaluate_definition(definition, env, dims, MPMATH)
                changed.add(definition.name)
        return mpmath.mpf(env[self.program.output.name].item())
