"""Formulas from functions in a Python file, which is run.

This is the only place where anything of a user's is run as code, apart from the functions that
are handed over in Python.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from chainrule.derive.errors import ChainruleError, InputError, near_names
from chainrule.derive.formula import Formula
from chainrule.derive.notation.declarations import Declared, collect, split_statements
from chainrule.derive.notation.tokens import MAX_CHARACTERS
from chainrule.derive.tracing.places import raised_at, site
from chainrule.derive.tracing.trace import trace

#: What the file is called while it runs; not ``__main__``, so that it does not start a program.
MODULE = "__chainrule_function__"


def from_file(source: str, /, declarations: str = "") -> Formula:
    """The formula of a function in a Python file; the file is run.

    Args:
        source: ``FILE:NAME``.  The name is that of a function, or of a formula that
            :func:`~chainrule.traced` made.
        declarations: of the function's parameters, such as ``X: real[n, d]; y: real[n]``.

    Raises:
        InputError: the file cannot be run, or has no such function.
        ChainruleError: the function cannot be traced, as by :func:`~chainrule.traced`.
    """
    path, colon, name = source.rpartition(":")
    if not colon or not name.isidentifier():
        raise InputError("a function in a file is named by both", expected="FILE:NAME", found=source)
    with _beside(Path(path)):
        module = _run(Path(path))
        found = vars(module).get(name)
        if isinstance(found, Formula):
            return _declared_already(found, name, declarations)
        if not callable(found):
            known = [key for key, value in vars(module).items() if callable(value) or isinstance(value, Formula)]
            raise InputError(f"{path} has no function called {name}", near=near_names(name, known))
        return Formula(trace(found, _declarations(declarations)))


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Lets the file import what lies beside it, as a file that Python runs may."""
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    finally:
        sys.path.pop(0)


def _run(path: Path) -> ModuleType:
    """The module of a file.

    Raises:
        InputError: it cannot be read, or fails.
    """
    if not path.is_file():
        raise InputError(f"cannot read the function from {str(path)!r}: there is no such file")
    loader = SourceFileLoader(MODULE, str(path.resolve()))
    spec = spec_from_loader(MODULE, loader)
    assert spec is not None
    module = module_from_spec(spec)
    # Dataclasses and pickle look for the module of what they meet.
    sys.modules[MODULE] = module
    try:
        loader.exec_module(module)
    except ChainruleError:
        raise
    except (Exception, SystemExit) as error:
        place = site(raised_at(error.__traceback__))
        message = f"{path} fails when it is run: {type(error).__name__}: {error}"
        raise InputError(message, place.span if place else None) from error
    return module


def _declared_already(formula: Formula, name: str, declarations: str) -> Formula:
    if declarations.strip():
        raise InputError(f"{name} is a formula with declarations of its own", found=declarations)
    return formula


def _declarations(text: str) -> dict[str, Declared]:
    """The declarations of a text that has nothing else."""
    statements = split_statements(text, MAX_CHARACTERS) if text.strip() else []
    for statement in statements:
        if statement.kind != "declaration":
            raise InputError(
                "beside a function there are only declarations", statement.tokens[0].span,
                expected="declarations of its parameters, such as X: real[n, d]; y: real[n]",
            )  # fmt: skip
    return collect(statements, {}, MAX_CHARACTERS)
