"""Functions that everybody knows and that are not read, because they have no derivative to speak of."""

from __future__ import annotations

from chainrule.derive.errors import Span, UnsupportedError

_PLACE = "where an extreme lies has no derivative: take its value, the max, or a softmax"
_ORDER = "sorted values are not read: a quantile is the minimum of the quantile loss"
_ROUNDING = "rounding has no derivative other than 0: declare the rounded value as an input, q: integer"
#: Names of functions, with what to do instead.
UNAVAILABLE = {
    **dict.fromkeys(("argmax", "argmin", "arg_max", "arg_min", "argsort"), _PLACE),
    **dict.fromkeys(("sort", "median", "quantile", "percentile", "topk"), _ORDER),
    **dict.fromkeys(("floor", "ceil", "round", "rint", "trunc", "mod", "fmod", "remainder"), _ROUNDING),
}


def refuse_unavailable(name: str, span: Span | None) -> None:
    """Refuse a function that is known but not read.

    Raises:
        UnsupportedError: with what to write instead.
    """
    if name in UNAVAILABLE:
        raise UnsupportedError(f"the function {name} is not read", span, hint=UNAVAILABLE[name])
