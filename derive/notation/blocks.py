"""Arrays of blocks as papers write them: a vector is a column, its transpose a row, 0 and I fit their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, S

from chainrule.derive.errors import ShapeError
from chainrule.derive.notation.functions import Axes
from chainrule.derive.notation.open_lengths import is_open, refuse_open
from chainrule.derive.notation.structure import lower_concat
from chainrule.derive.notation.syntax import Node, Overloaded
from chainrule.derive.notation.tensors import Tensor, Workspace, shape_text


def lower_blocks(work: Workspace, node: Overloaded, *blocks: Tensor) -> Tensor:
    """The matrix of blocks in rows of ``node.detail``; a single column of numbers and vectors is a vector.

    Raises:
        ShapeError: blocks in one row differ in height, or in one column in width.
    """
    count = int(node.detail)
    columns = [_column(work, block) for block in blocks]
    if any(block.rank > 2 for block in columns):
        raise ShapeError("the blocks of a matrix have at most two axes", node.span)
    rows = [columns[start : start + count] for start in range(0, len(columns), count)]
    heights, widths = _lengths(rows)
    fitted = [
        [_fitted(block, height, width) for block, width in zip(row, widths, strict=True)]
        for row, height in zip(rows, heights, strict=True)
    ]
    whole = _joined(work, node, [_joined(work, node, row, 1) for row in fitted], 0)
    if count > 1 or len(rows) == 1 or any(block.rank == 2 or block.row for block in blocks):
        return whole
    return replace(whole, shape=whole.shape[:1])


def _column(work: Workspace, block: Tensor) -> Tensor:
    """A block with two axes; a number keeps none until its place is known to be one entry."""
    if block.rank != 1:
        return block
    return replace(work.widened(block, (1 if block.row else 0,), 2), row=False)


def _lengths(rows: Sequence[Sequence[Tensor]]) -> tuple[list[Expr], list[Expr]]:
    """The heights of rows and the widths of columns; an identity matrix is as high as it is wide."""
    heights = [_common(row, 0) for row in rows]
    widths = [_common(column, 1) for column in zip(*rows, strict=True)]
    for line, row in enumerate(rows):
        for place, block in enumerate(row):
            if any(map(is_open, block.shape)):
                side = heights[line] or widths[place]
                heights[line], widths[place] = side, widths[place] or side
                if side is None:
                    refuse_open(block.shape, block.node)
    return [length or S.One for length in heights], [length or S.One for length in widths]


def _common(blocks: Sequence[Tensor], axis: int) -> Expr | None:
    """The length that the blocks of a row or column have along an axis, if one of them tells it."""
    told = [block for block in blocks if block.rank and not is_open(block.shape[axis])]
    for block in told[1:]:
        if block.shape[axis] != told[0].shape[axis]:
            raise ShapeError(
                f"the blocks of a {('row', 'column')[axis]} differ in {('height', 'width')[axis]}", block.span,
                expected=f"{told[0].shape[axis]}, as {told[0].text} has", found=f"shape {shape_text(block.shape)}",
            )  # fmt: skip
    return told[0].shape[axis] if told else None


def _fitted(block: Tensor, height: Expr, width: Expr) -> Tensor:
    """A block in the size of its place: zeros and identity matrices fill it."""
    if block.rank == 0 and block.body != 0 and (height, width) != (1, 1):
        raise ShapeError(
            f"the number {block.text} stands where a block has more entries", block.span,
            expected=f"shape {shape_text((height, width))}",
        )  # fmt: skip
    if any(map(is_open, block.shape)) and height != width:
        raise ShapeError(
            "an identity matrix stands where a block is not square", block.span,
            expected=f"shape {shape_text((height, width))}",
        )  # fmt: skip
    return replace(block, shape=(height, width))


def _joined(work: Workspace, node: Node, parts: Sequence[Tensor], axis: int) -> Tensor:
    return parts[0] if len(parts) == 1 else lower_concat(work, node, parts, Axes((axis,), None))
