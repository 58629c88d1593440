"""How statements about graphs are written, in text and in LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Shown
from chainrule.learning.graphs.dag import Dag
from chainrule.learning.graphs.separation import Path

#: A table: the variable, its parents.
Family = tuple[str, Sequence[str]]


def variable(name: str, values: Mapping[str, str] | None = None) -> Shown:
    """A variable, with its value where that is given."""
    value = (values or {}).get(name)
    if value is None:
        return Shown(name, lambda: named(name).latex)
    return Shown(f"{name}={value}", lambda: rf"{named(name).latex} = {word(value)}")


def word(text: str) -> str:
    """A word in a formula."""
    escaped = "".join({"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}.get(sign, sign) for sign in text)
    return rf"\text{{{escaped}}}"


def listed(names: Iterable[str], values: Mapping[str, str] | None = None) -> Shown:
    """Variables with commas between them."""
    parts = [variable(name, values) for name in names]
    return Shown(", ".join(part.text for part in parts), lambda: ", ".join(part.latex for part in parts))


def braced(names: Iterable[str]) -> Shown:
    """A set of variables."""
    inner = listed(names)
    return Shown(f"{{{inner.text}}}", lambda: rf"\{{{inner.latex}\}}")


def density(names: Sequence[str], given: Sequence[str] = (), values: Mapping[str, str] | None = None) -> Shown:
    """``p(a, b | c)``."""
    left, right = listed(names, values), listed(given, values)
    if not given:
        return Shown(f"p({left.text})", lambda: f"p({left.latex})")
    return Shown(f"p({left.text} | {right.text})", lambda: rf"p({left.latex} \mid {right.latex})")


def juxtaposed(parts: Iterable[Shown]) -> Shown:
    """A product."""
    factors = list(parts)
    return Shown(" ".join(part.text for part in factors), lambda: r" \, ".join(part.latex for part in factors))


def factors_of(dag: Dag, values: Mapping[str, str] | None = None) -> Shown:
    """The product of the tables of a graph."""
    return juxtaposed(density([name], parents, values) for name, parents in dag.parents.items())


def independence(left: Sequence[str], right: Sequence[str], given: Sequence[str] = ()) -> Shown:
    """``a _||_ b | c``."""
    one, other, seen = listed(left), listed(right), listed(given)

    def latex() -> str:
        return rf"{one.latex} \perp {other.latex}" + (rf" \mid {seen.latex}" if given else "")

    return Shown(f"{one.text} _||_ {other.text}" + (f" | {seen.text}" if given else ""), latex)


def arrows(path: Path) -> Shown:
    """A path with its arrows."""

    def latex() -> str:
        signs = (r" \to " if along else r" \leftarrow " for along in path.forward)
        rest = (f"{sign}{named(name).latex}" for sign, name in zip(signs, path.nodes[1:], strict=True))
        return named(path.nodes[0]).latex + "".join(rest)

    return Shown(path.text, latex)


def undirected(edges: Sequence[tuple[str, str]]) -> Shown:
    """Edges without direction."""
    return Shown(
        ", ".join(map(" - ".join, edges)) or "none",
        lambda: r",\; ".join(rf"{named(a).latex} - {named(b).latex}" for a, b in edges) or r"\emptyset",
    )


def in_words(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
