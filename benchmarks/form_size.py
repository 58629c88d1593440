"""How long printed results are: their operations beside those of the published closed forms.

    python benchmarks/form_size.py [part of a name ..]

An operation is an operator, a transpose, a subscript or a call of a function.  The quantities that
a result refers to by name count once.  The last line is the median and the worst ratio.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable

from closed_forms import CASES, Case

import chainrule as cr
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.syntax import Binary, Call, Negative, Node, Number, Subscript, Transpose, walk

#: The promise: how long results may be, as a multiple of the published form.
MEDIAN, WORST = 1.0, 1.5
COUNTED = (Binary, Call, Negative, Subscript, Transpose)
DERIVE = {"grad": cr.gradient, "hess": cr.hessian, "jac": cr.jacobian}


def operations(text: str, names: Iterable[str]) -> int:
    """The operations of an expression; the sign of a number is none."""
    return sum(isinstance(node, COUNTED) and not _is_number(node) for node in walk(parse_expression(text, list(names))))


def _is_number(node: Node) -> bool:
    return isinstance(node, Negative) and isinstance(node.operand, Number)


def sizes(case: Case) -> tuple[str, int, int]:
    """The printed result, its operations, and those of the closed form."""
    what, _, variable = case.derivative.partition(":")
    if case.symmetric:
        derivation = cr.gradient(case.formula, variable, symmetric=True)
    else:
        derivation = DERIVE[what](case.formula, variable)
    result = derivation.result[variable]
    names = [*result.program.by_name, *(length.name for length in result.program.dims)]
    parts = [text for _, text in result.parts()]
    ours = sum(operations(text, names) for text in (result.matrix(), *parts))
    return str(result), ours, operations(case.closed, names)


def ratio(ours: int, published: int) -> float:
    """The ratio of operations; a result without any is as short as can be."""
    return max(ours, 1) / max(published, 1)


def main(wanted: list[str]) -> int:
    """Prints a line per case; 1 if the promise is not kept."""
    ratios = []
    for case in CASES:
        if wanted and not any(part in case.name for part in wanted):
            continue
        text, ours, published = sizes(case)
        ratios.append(ratio(ours, published))
        print(f"{ratios[-1]:5.2f} {ours:4d}/{published:<4d} {case.name} {case.derivative}")
        if ratios[-1] > 1:
            print(f"             {text}\n             {case.closed}")
    print(f"median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}, {len(ratios)} results")
    return int(statistics.median(ratios) > MEDIAN or max(ratios) > WORST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
