"""Exact JSON forms of expressions, definitions, programs and steps, and back.

An expression is a nested list whose first item says what it is, for example
``["mul", ["rational", "-1/2"], ["ref", "X", "real", ["index", "i0"]]]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, Pow, Rational

from chainrule.derive.catalog.elementwise import BY_FUNCTION, BY_NAME
from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.catalog.unspecified import Unspecified, unspecified
from chainrule.derive.domains import Domain
from chainrule.derive.program import (
    Definition,
    Dim,
    Edges,
    Index,
    Input,
    Program,
    Ref,
    Requirement,
    Written,
    dim,
    head,
)
from chainrule.derive.scalar import equal, less, less_equal, where
from chainrule.derive.steps import Along, Partial, Slope, Step

Json = Any

COMPOUND: dict[str, Callable[..., Expr]] = {
    "add": Add,
    "mul": Mul,
    "pow": Pow,
    "delta": KroneckerDelta,
    "less": less,
    "less_equal": less_equal,
    "equal": equal,
    "where": where,
    "partial": Partial,
    "along": Along,
    "slope": Slope,
    "floor": sp.floor,
    "mod": sp.Mod,
}
CONSTANTS: dict[str, Expr] = {"pi": sp.pi, "e": sp.E, "inf": sp.oo, "-inf": -sp.oo}

_KIND = {constructor: kind for kind, constructor in COMPOUND.items()}


def encode(expr: Expr) -> Json:
    """An expression as nested lists."""
    if isinstance(expr, Rational):
        return ["rational", str(expr)]
    if isinstance(expr, Ref):
        return ["ref", expr.name, _sign(expr), *(encode(index) for index in expr.indices)]
    if isinstance(expr, Index):
        return ["index", expr.name]
    if isinstance(expr, Dim):
        return ["dim", expr.name]
    for name, constant in CONSTANTS.items():
        if expr == constant:
            return ["constant", name]
    if isinstance(expr, Unspecified):
        return ["function", expr.symbol, expr.order, encode(expr.args[0])]
    kind = _KIND.get(expr.func)
    if kind is None:
        kind = "call:" + BY_FUNCTION[expr.func].name
    return [kind, *(encode(arg) for arg in expr.args)]


def _sign(ref: Ref) -> str:
    return "positive" if ref.is_positive else "nonnegative" if ref.is_nonnegative else "real"


def decode(data: Json) -> Expr:
    """The expression that ``encode`` made ``data`` of."""
    kind, *rest = data
    if kind == "rational":
        return Rational(rest[0])
    if kind == "ref":
        return Ref(head(rest[0], rest[1]), *(decode(index) for index in rest[2:]))
    if kind == "index":
        return Index(rest[0], integer=True, nonnegative=True)
    if kind == "dim":
        return dim(rest[0])
    if kind == "constant":
        return CONSTANTS[rest[0]]
    if kind == "function":
        return unspecified(rest[0], rest[1])(decode(rest[2]))
    args = [decode(arg) for arg in rest]
    if kind in COMPOUND:
        return COMPOUND[kind](*args)
    return _applied(kind.removeprefix("call:"), args)


def _applied(name: str, args: list[Expr]) -> Expr:
    entry = BY_NAME[name]
    function = entry.function
    return function(*args) if issubclass(function, CatalogFunction) else entry(*args)


def encode_definition(definition: Definition) -> Json:
    """A definition as a JSON object."""
    return {
        "name": definition.name,
        "shape": [encode(length) for length in definition.shape],
        "body": encode(definition.body),
        "reduce": definition.reduce,
        "bound": [encode(length) for length in definition.bound],
        "sign": definition.sign,
        "origin": definition.origin,
        "edges": None if definition.edges is None else asdict(definition.edges),
    }


def decode_definition(data: Json) -> Definition:
    """The definition that ``encode_definition`` made ``data`` of."""
    return Definition(
        data["name"],
        tuple(decode(length) for length in data["shape"]),
        decode(data["body"]),
        data["reduce"],
        tuple(decode(length) for length in data["bound"]),
        data["sign"],
        data["origin"],
        _edges(data.get("edges")),
    )


def _edges(data: Json) -> Edges | None:
    if data is None:
        return None
    uncertain = tuple(map(tuple, data.get("uncertain", ())))
    return Edges(tuple(map(tuple, data["roots"])), tuple(data["weights"]), uncertain)


def encode_program(program: Program) -> Json:
    """A program as a JSON object."""
    return {
        "inputs": [
            {
                "name": item.name,
                "shape": [encode(length) for length in item.shape],
                "domain": asdict(item.domain),
                "inferred": item.inferred,
                "requirements": [_encode_requirement(requirement) for requirement in item.requirements],
            }
            for item in program.inputs
        ],
        "definitions": [encode_definition(definition) for definition in program.definitions],
        "outputs": list(program.outputs),
        "kinks": {name: str(choice) for name, choice in program.kinks},
        "written": asdict(program.written),
    }


def decode_program(data: Json) -> Program:
    """The program that ``encode_program`` made ``data`` of."""
    inputs = (
        Input(
            item["name"],
            tuple(decode(length) for length in item["shape"]),
            _domain(item["domain"]),
            item.get("inferred", ""),
            tuple(_decode_requirement(requirement) for requirement in item["requirements"]),
        )
        for item in data["inputs"]
    )
    definitions = (decode_definition(item) for item in data["definitions"])
    kinks = tuple((name, _kink_choice(text)) for name, text in data.get("kinks", {}).items())
    written = data.get("written", asdict(Written()))
    order = Written(tuple(written["factors"]), tuple(written["terms"]), written["traces"])
    return Program(tuple(inputs), tuple(definitions), tuple(data["outputs"]), kinks, order)


def _kink_choice(text: str) -> str | Fraction:
    return text if text.isidentifier() else Fraction(text)


def _encode_requirement(requirement: Requirement) -> Json:
    bounds = {name: encode(getattr(requirement, name)) for name in ("value", "low", "high")}
    return {**bounds, "axis": requirement.axis, "shape": [encode(length) for length in requirement.shape]}


def _decode_requirement(data: Json) -> Requirement:
    shape = tuple(decode(length) for length in data["shape"])
    return Requirement(decode(data["value"]), decode(data["low"]), decode(data["high"]), data["axis"], shape)


def _domain(data: Json) -> Domain:
    return Domain(**{**data, "values": tuple(data["values"])})


def encode_step(step: Step) -> Json:
    """A step as a JSON object."""
    return {
        "rule": step.rule,
        "where": step.where,
        "before": encode_definition(step.before),
        "after": encode_definition(step.after),
        "bindings": [list(pair) for pair in step.bindings],
        "substeps": [encode_step(substep) for substep in step.substeps],
    }


def decode_step(data: Json) -> Step:
    """The step that ``encode_step`` made ``data`` of."""
    return Step(
        data["rule"],
        data["where"],
        decode_definition(data["before"]),
        decode_definition(data["after"]),
        tuple((name, value) for name, value in data["bindings"]),
        tuple(decode_step(substep) for substep in data["substeps"]),
    )
