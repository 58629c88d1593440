"""From generated source to compiled functions, by way of a private folder of hash-named modules.

numba keeps compiled code next to the file a function comes from, so generated source is written
to a file whose name holds the hash of its content: a second process finds both the source and
the machine code.  numba's cache files are pickles, which run code when they are loaded;
therefore the folder belongs to the user alone, and a folder that others can write to is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import platformdirs

from chainrule.derive.errors import InputError
from chainrule.derive.program import Input, Program
from chainrule.kernels.emit import Source
from chainrule.kernels.library import library, library_sources

#: Environment variable that names another folder for generated modules.
CACHE_VARIABLE = "CHAINRULE_CACHE_DIR"

_HEADER = '''\
import math

import numpy as np
from numba import njit, types

number = types.{dtype}
helper = njit(nogil=True, error_model="numpy", fastmath={{"contract"}})


def array(axes, number=number):
    """The type of a contiguous array, which may be read-only."""
    return types.Array(number, axes, "C", readonly=True)
'''

_loaded: dict[str, ModuleType] = {}
_lock = threading.Lock()


def module_source(sources: Sequence[tuple[Source, Program]], dtype: str, about: str, alone: bool = False) -> str:
    """A module of generated functions, each of a program, with the helpers they call.

    Functions of matrices are imported, unless the module is to stand alone.
    """
    header = _HEADER.format(dtype=dtype)
    if dtype == "float32":
        header = header.replace("\nhelper =", "\nf32 = np.float32\nhelper =")
    called = sorted({name for source, _ in sources for name in source.library})
    if called and not alone:
        header = header.replace("types\n", f"types\nfrom {_library_name()} import {', '.join(called)}\n", 1)
    helpers = dict.fromkeys(helper for source, _ in sources for helper in source.helpers)
    needed = library_sources(called) if alone else []
    functions = (f"{_decorator(program)}\n{source.text}" for source, program in sources)
    return "\n\n\n".join([f'"""{about}"""\n\n{header.rstrip()}', *helpers, *needed, *functions]) + "\n"


def _decorator(program: Program) -> str:
    """The types of the parameters are fixed, so that a kernel is compiled once."""
    parameters = [_type_of(item) for item in program.inputs]
    signature = f"({parameters[0]},)" if len(parameters) == 1 else f"({', '.join(parameters)})"
    return f'@njit([{signature}], cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})'


def _type_of(item: Input) -> str:
    """The type of a parameter; labels are integers."""
    if item.selects:
        return f"array({len(item.shape)}, types.int64)" if item.shape else "types.int64"
    return f"array({len(item.shape)})" if item.shape else "number"


def load(text: str) -> ModuleType:
    """The module with the given source, compiled; the same module for the same source.

    Raises:
        InputError: the cache folder cannot be used.
    """
    with _lock:
        if f"from {_library_name()} import" in text:
            _module(library())
        return _module(text)


def _module(text: str) -> ModuleType:
    name = _name(text)
    if name not in _loaded:
        _loaded[name] = _import(_written(text, name))
    return _loaded[name]


def _name(text: str) -> str:
    """The name of the module with a source, which tells it from all others."""
    return f"chainrule_{hashlib.sha256(text.encode()).hexdigest()[:40]}"


@cache
def _library_name() -> str:
    return _name(library())


def _written(text: str, name: str) -> Path:
    """The file with the source; written if it is missing or is not what its name says."""
    path = cache_folder() / f"{name}.py"
    try:
        if path.read_bytes() == text.encode():
            return path
    except OSError:
        pass
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        os.replace(temporary, path)
    except OSError as error:
        raise _unusable(path.parent, str(error)) from error
    _forget_compiled(path)
    return path


def _import(path: Path) -> ModuleType:
    try:
        return _execute(path)
    except Exception:
        # Compiled code that cannot be read (a disk that was full, another numba) is made anew.
        if not _forget_compiled(path):
            raise
        return _execute(path)


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def _forget_compiled(path: Path) -> bool:
    """Removes what Python and numba compiled from an earlier file of that name."""
    compiled = list((path.parent / "__pycache__").glob(f"{path.stem}.*"))
    for file in compiled:
        file.unlink(missing_ok=True)
    return bool(compiled)


# ---- the folder ------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """The folder of generated modules, created if need be, private to the user.

    ``CHAINRULE_CACHE_DIR`` names another one than the system's usual place.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    folder = Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("chainrule")) / "kernels"
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise _unusable(folder, str(error)) from error
    if hasattr(os, "getuid"):
        _check_private(folder, status)
    return folder


def _check_private(folder: Path, status: os.stat_result) -> None:
    if status.st_uid != os.getuid():
        raise _unusable(folder, f"it belongs to user {status.st_uid}, not to {os.getuid()}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _unusable(folder, f"other users can write to it (mode {stat.S_IMODE(status.st_mode):o})")


def _unusable(folder: Path, reason: str) -> InputError:
    return InputError(
        f"compiled kernels cannot be kept in {folder}: {reason}",
        expected="a folder that belongs to you and that only you can write to",
        hint=f"chmod 700 it, or set {CACHE_VARIABLE} to another folder",
    )
