"""``list``: what the catalogue holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import Command, json_option
from chainrule.derive.errors import InputError, near_names

Rows = list[dict[str, Any]]


#: What ``list`` lists: what it is, and its rows.
TOPICS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "losses": (
        "named formulas: models, losses, penalties, likelihoods, measures of information",
        lambda: [_loss(e) for e in cr.catalog],
    ),
    "functions": (
        "functions that formulas may use",
        lambda: [{"name": e.name, "about": e.about, "signature": e.signature} for e in cr.catalog.functions],
    ),
    "distributions": (
        "probability distributions, see chainrule distribution",
        lambda: [{"name": e.name, "about": e.about, "log_density": e.text} for e in cr.catalog.distributions],
    ),
    "topics": (
        "what can be listed",
        lambda: [{"name": name, "about": about} for name, (about, _) in TOPICS.items()],
    ),
}


def _loss(entry: Any) -> dict[str, Any]:
    """A named formula with what is derived of it, the formula as it was written."""
    facts = {item.name: item for item in cr.losses()}[entry.name].to_dict()
    return {**facts, "kind": entry.kind, "sample": facts["formula"], "formula": entry.text}


def _details() -> str:
    """The losses with everything that is known of them: one line each, then one for each fact."""
    return "\n\n".join(item.text() for item in cr.losses())


def _table(rows: Rows) -> str:
    left = [str(row.get("signature", row["name"])) for row in rows]
    width = min(max(map(len, left)), 40)
    return "\n".join(f"{name:<{width}}  {row['about']}" for name, row in zip(left, rows, strict=True))


@click.command(
    "list", cls=Command, short_help="List losses, functions and distributions.",
    examples=("chainrule list losses", "chainrule list losses --brief", "chainrule list functions"),
)  # fmt: skip
@click.argument("topic", required=False)
@click.option("--brief", is_flag=True, help="One line for each loss.")
@json_option
def list_(topic: str | None, brief: bool, as_json: bool) -> Answer:
    """List what the catalogue holds: losses, functions, distributions, or the topics themselves.

    Losses come with their domain, link, minimiser, convexity, derivatives and robustness, indented under the name.
    """
    if topic is not None and topic not in TOPICS:
        near = near_names(topic, TOPICS)
        raise InputError(f"there is no list of {topic!r}", expected=", ".join(TOPICS), near=near)
    found = {name: TOPICS[name][1]() for name in ([topic] if topic else TOPICS)}
    if topic == "losses" and not brief:
        return Answer(_details(), found)
    blocks = [_table(rows) if topic else f"{name}\n\n{_table(rows)}" for name, rows in found.items()]
    return Answer("\n\n".join(blocks), found)
