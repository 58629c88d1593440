"""One operation of the user's: names its operands, and places its errors in the source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chainrule.derive.errors import ChainruleError, Span
from chainrule.derive.notation.syntax import Name
from chainrule.derive.tracing.places import Site, site
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.value import Traced


def perform(
    record: Record,
    read: Callable[..., Any],
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    method: bool = False,
) -> Any:
    """The result of reading an operation.

    Operations inside the reading of another belong to that one.  An operation that fails is read
    again with the places of its operands in the source, so that the message can quote them.

    Args:
        record: the run.
        read: makes the result from the arguments.
        arguments: the operands.
        keywords: further arguments by name.
        method: whether the first argument is what the method was called on.
    """
    if record.busy:
        return read(*arguments, **keywords)
    with _busy(record):
        record.note(_named([*arguments, *keywords.values()]))
        try:
            return read(*arguments, **keywords)
        except ChainruleError as error:
            place = site(record.here())
            if error.span is not None or place is None:
                raise
        spans = _operands(place, method)
        plain = {id(value): span for value, span in zip(arguments, spans, strict=False)}
        with record.at(place.span, plain):
            return read(*_placed(arguments, spans), **_placed_keywords(keywords, place))


@contextmanager
def _busy(record: Record) -> Iterator[None]:
    record.busy = True
    try:
        yield
    finally:
        record.busy = False


def _named(values: Iterable[object]) -> Iterator[tuple[str, object]]:
    """The provisional names of traced values, those in lists and conditions too."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _named(value)
        elif isinstance(value, Traced) and isinstance(value.node, Name):
            yield value.node.name, value


def _operands(place: Site, method: bool) -> tuple[Span, ...]:
    return (place.receiver, *place.operands) if method and place.receiver else place.operands


def _placed(arguments: Sequence[Any], spans: Sequence[Span]) -> list[Any]:
    """The arguments with their places, as far as these are known."""
    known: list[Span | None] = [*spans, *[None] * len(arguments)]
    return [_at(argument, span) for argument, span in zip(arguments, known, strict=False)]


def _placed_keywords(keywords: Mapping[str, Any], place: Site) -> dict[str, Any]:
    return {name: _at(value, place.keywords.get(name)) for name, value in keywords.items()}


def _at(value: Any, span: Span | None) -> Any:
    if isinstance(value, Traced) and span is not None:
        return replace(value, node=replace(value.node, span=span))
    return value
