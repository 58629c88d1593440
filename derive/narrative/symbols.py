"""Quantities and derivatives as they are shown: in matrix notation, in index notation, as symbols."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial as partial_of

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.forms.components import components
from chainrule.derive.forms.index_form import index_latex, index_letters, index_text
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.notation.syntax import Name, Node
from chainrule.derive.notation.tokens import WORD
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.program import Definition, Index, Input, Program
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Shown
from chainrule.derive.steps import Partial


def shown(program: Program, name: str) -> Shown:
    """A definition's right-hand side in matrix notation where it has one, else in index notation."""
    return equation(named(name), program, name)[1]


def equation(symbol: Shown, program: Program, name: str) -> tuple[Shown, Shown]:
    """Both sides of a definition: the symbol, of an entry if only index notation can say it, and its value."""
    return sides(symbol, matrix_form(program, name), program, name)


def sides(symbol: Shown, node: Node | None, program: Program, name: str) -> tuple[Shown, Shown]:
    """:func:`equation` of a definition whose matrix form, if it has one, is known."""
    if node is not None:
        return symbol, node_shown(node, program)
    entries = program.by_name[name].shape
    return entry_of(symbol, index_letters(program, name)) if entries else symbol, indexed(program, name)


def node_shown(node: Node, program: Program) -> Shown:
    """A syntax tree."""
    return Shown(unparse(node), lambda: node_latex(node, program.ranks, ()))


def indexed(program: Program, name: str, usual: bool = False) -> Shown:
    """A definition's right-hand side in index notation; see ``index_text`` for ``usual`` letters."""
    latex = partial_of(index_latex, program, name, lambda part: node_latex(part, program.ranks, ()), usual)
    return Shown(index_text(program, name, usual), latex)


def named(name: str) -> Shown:
    """A quantity's name."""
    return Shown(name, node_latex(Name(name)))


def quantity(program: Program, name: str) -> Shown:
    """A quantity by its name; a nameless function of a matrix by what it is."""
    item = program.by_name[name]
    if isinstance(item, Definition) and item.origin == "auto" and item.reduce in MATRIX_FUNCTION_BY_NAME:
        return shown(program, name)
    return named(name)


def partial(output: str, variable: str) -> Shown:
    """The derivative of one quantity by another, as a symbol."""
    return quotient(named(output), named(variable))


def quotient(above: Shown, below: Shown) -> Shown:
    """A derivative as a symbol: ``dL/dw``, ``dL/d(inv(S))``."""
    upper, lower = (part.text if part.text.isidentifier() else f"({part.text})" for part in (above, below))
    return Shown(f"d{upper}/d{lower}", lambda: rf"\frac{{\partial {above.latex}}}{{\partial {below.latex}}}")


def second_partial(output: str, first: str, second: str) -> Shown:
    """A second derivative, as a symbol."""
    names = [node_latex(Name(name)) for name in (output, first, second)]
    below = rf"\partial {names[1]}^2" if first == second else rf"\partial {names[1]} \partial {names[2]}"
    text = f"d2{output}/d{first}2" if first == second else f"d2{output}/d{first}d{second}"
    return Shown(text, rf"\frac{{\partial^2 {names[0]}}}{{{below}}}")


def product_with_directions(output: str, variable: str, wrt: Iterable[str]) -> Shown:
    """One part of the product of the Hessian with the directions, as a symbol."""
    terms = [(second_partial(output, variable, name), f"v_{name}") for name in wrt]
    text = " + ".join(f"{symbol.text} v_{direction[2:]}" for symbol, direction in terms)
    return Shown(text, " + ".join(f"{symbol.latex} {node_latex(Name(direction))}" for symbol, direction in terms))


def curvature_symbol(letter: str, first: str, second: str) -> Shown:
    """The block of a curvature matrix for two variables: ``G_w``, ``G_{w,b}``."""
    names = [first] if first == second else [first, second]
    below = ", ".join(node_latex(Name(name)) for name in names)
    return Shown(f"{letter}_{{{','.join(names)}}}" if len(names) > 1 else f"{letter}_{first}", f"{letter}_{{{below}}}")


def shape_text(shape: Iterable[object]) -> str:
    """A shape as it is written in Python."""
    lengths = [str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def entry_of(whole: Shown, letters: Iterable[str]) -> Shown:
    """One entry of a quantity, or of a derivative."""
    indices = ",".join(letters)
    if whole.text.isidentifier():
        return Shown(f"{whole.text}[{indices}]", rf"{{{whole.latex}}}_{{{indices}}}")
    return Shown(f"({whole.text})[{indices}]", rf"\left({whole.latex}\right)_{{{indices}}}")


def entry(program: Program, definition: Definition) -> Shown:
    """The entries of a definition that is not part of the program; of a scalar, what it is."""
    item = replace(definition, origin="adjoint")
    scalar = not item.shape and not item.reduce and not any(ref.indices for ref in item.refs)
    program = program.with_definitions((*program.definitions, item), (item.name,))
    whole = scalar or is_told_by_cases(item)
    return shown(program, item.name) if whole else indexed(program, item.name, usual=True)


def is_told_by_cases(definition: Input | Definition) -> bool:
    """Whether no one entry stands for all, so that an array is shown by its components."""
    if isinstance(definition, Input):
        return False
    found = {} if definition.reduce else components(definition.body, definition.lengths, definition.free)
    return any(len(place) == len(definition.shape) for place in found)


def entry_partial(program: Program, definition: Definition, part: Partial, whole: bool = False) -> Shown:
    """The derivative of one entry by one entry, as a symbol: ``dz[i]/dw[j]``; ``whole``, of all entries."""
    above, below = (entry(program, replace(definition, body=ref)) for ref in (part.output, part.variable))
    if whole:
        above = named(part.output.name)
        below = named(part.variable.name) if part.variable.atoms(Index) else below
    inner = f"({below.text})" if "(" in below.text else below.text
    return Shown(
        f"d{above.text}/d{inner}", lambda: rf"\frac{{\partial {above.latex}}}{{\partial {below.latex}}}"
    )


def names_in(shown: Iterable[Shown]) -> set[str]:
    """The names in texts."""
    return {name for item in shown for name in WORD.findall(item.text)}
