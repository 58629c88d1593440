"""What notebooks ask of an object: its forms by MIME type.

There is no HTML among them: notebooks prefer it to Markdown and LaTeX, and some take MathML out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping


def bundle(
    forms: Mapping[str, Callable[[], str]],
    include: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
) -> dict[str, str]:
    """The forms that are asked for, of those that there are."""
    return {
        kind: write()
        for kind, write in forms.items()
        if (not include or kind in include) and kind not in (exclude or ())
    }
