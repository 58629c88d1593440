"""The layers of the package, read off the syntax trees.

A module imports only from layers under its own, or from its own layer as long as no cycle
arises; the symbolic side knows nothing of the kernels; nothing of ours is imported inside a
function; text is never run as code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Folders of the package.
TOPS = ("commands", "derive", "kernels", "learning")

#: Bottom to top.  Every module matches exactly one pattern.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "commands", "derive", "derive.catalog", "derive.checking", "derive.forms", "derive.narrative",
        "derive.normal", "derive.notation", "derive.pictures", "derive.render", "derive.stationarity",
        "derive.tracing", "kernels", "learning", "learning.approximation", "learning.convexity",
        "learning.expectation", "learning.fitting", "learning.dimension", "learning.divergence",
        "learning.graphs", "learning.information", "learning.layers", "learning.naive_bayes",
        "learning.probability", "learning.reduction", "learning.losses", "learning.regularisation",
        "learning.training", "learning.optimality", "learning.critical", "learning.variational",
        "learning.duality",
    ),
    ("derive.errors", "derive.domains", "derive.walking"),
    ("derive.scalar", "derive.program", "derive.signs"),
    ("derive.catalog.*",),
    (
        "derive.exponentials", "derive.scalar_rules", "derive.kink_rules", "derive.identities", "derive.rational",
        "derive.kinks", "derive.weights",
        "derive.deviations", "derive.moments", "derive.norms", "derive.roots", "derive.edges", "derive.zero_products",
        "derive.binding", "derive.steps", "derive.serialise", "derive.rules", "derive.matrix_numeric",
        "derive.densities", "derive.cases", "derive.ranges", "derive.digits", "derive.index_equations",
        "derive.index_values", "derive.requirements", "derive.scatter", "derive.limits", "derive.transforms",
    ),
    ("derive.numeric",),
    ("derive.notation.*",),
    ("derive.tracing.*",),
    ("derive.preactivation", "derive.residuals", "derive.nested_sums", "derive.repeated_sums", "derive.normalised",
     "derive.softmaxes", "derive.rewriting", "derive.sum_passes", "derive.algebra",
     "derive.matrix_adjoints", "derive.shared_parts", "derive.term_weights",
     "derive.tangents", "derive.differentials", "derive.quotients",
     "derive.reverse", "derive.calculus", "derive.chain", "derive.switches", "derive.one_sided",
     "derive.differentiability",
     "derive.vanishing", "derive.margins", "derive.semidefinite",
     "derive.independent", "derive.curvature", "derive.stable", "derive.computed"),
    ("derive.forms.*",),
    ("derive.render.*",),
    ("derive.scalar_moves", "derive.links"),
    ("derive.narrative.*", "derive.remarks"),
    ("derive.formula",),
    ("derive.function_file",),
    ("derive.derivation", "derive.goals", "derive.views"),
    ("derive.normal.*",),
    ("derive.checking.*", "derive.verify"),
    ("derive.stationarity.*",),
    ("derive.stationary",),
    ("derive.pictures.*",),
    ("kernels.*",),
    ("learning.chart", "learning.data_sets", "learning.explanation"),
    ("learning.chains",),
    ("learning.expectation.*", "learning.fitting.*"),
    ("learning.dimension.*", "learning.information.*", "learning.reduction.*"),
    ("learning.approximation.*", "learning.layers.*"),
    ("learning.probability.*",),
    ("learning.divergence.*",),
    ("learning.variational.*",),
    ("learning.convexity.*", "learning.graphs.*"),
    ("learning.losses.*",),
    ("learning.regularisation.*",),
    ("learning.naive_bayes.*",),
    ("learning.training.*",),
    ("learning.optimality.*",),
    ("learning.critical.*",),
    ("learning.duality.*",),
    ("learning.topics",),
    ("chainrule", "commands.*", "cli"),
)

#: Third-party packages that only these modules may import.
RESERVED = {
    "numba": "kernels.*",
    "llvmlite": "kernels.*",
    "platformdirs": "kernels.*",
    "click": "commands.* or cli",
    "matplotlib": "derive.pictures.drawing",
}

#: Calls that run text as code or import by text, and the module that may make them.
CODE_RUNNERS = {"eval": "-", "exec": "-", "parse_expr": "-", "__import__": "-", "import_module": "chainrule"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "chainrule"


def sources() -> dict[str, str]:
    paths = [*ROOT.glob("*.py"), *(path for top in TOPS for path in (ROOT / top).rglob("*.py"))]
    return {module_name(path): path.read_text(encoding="utf-8") for path in sorted(paths)}


def layer_of(module: str) -> int:
    matches = [
        number
        for number, patterns in enumerate(LAYERS)
        if any(fnmatchcase(module, pattern) for pattern in patterns)
    ]
    assert len(matches) == 1, f"{module} stands in {len(matches)} layers of the table, not in one"
    return matches[0]


def imported(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every imported dotted name with its statement; ``from a import b`` yields ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            yield from ((f"{prefix}.{alias.name}", node) for alias in node.names)


def own_imports(tree: ast.AST, modules: set[str]) -> Iterator[tuple[str, ast.stmt]]:
    """The imports of our own modules, as names of the layer table."""
    for name, node in imported(tree):
        # The version is a constant that stands before everything else; it may be read anywhere.
        if name.split(".")[0] != "chainrule" or name == "chainrule.__version__":
            continue
        short = name.removeprefix("chainrule").removeprefix(".") or "chainrule"
        while short not in modules and "." in short:
            short = short.rpartition(".")[0]
        yield (short if short in modules else "chainrule"), node


def inside_functions(tree: ast.AST) -> set[ast.stmt]:
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    return {stmt for function in functions for stmt in ast.walk(function) if isinstance(stmt, ast.stmt)}


def violations(files: dict[str, str]) -> list[str]:
    """What is wrong with a set of modules, given as name -> source text."""
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    for module, text in files.items():
        tree = ast.parse(text)
        inner = inside_functions(tree)
        for target, node in own_imports(tree, set(files)):
            place = f"{module}:{node.lineno}"
            graph.setdefault(module, set()).add(target)
            if node in inner:
                found.append(f"{place}: imports {target} inside a function")
            if layer_of(target) > layer_of(module) or target == module:
                found.append(f"{place}: imports {target} from a layer above")
        found += [f"{module}:{line}: {what}" for line, what in foreign_faults(module, tree)]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"cycle of imports: {' <- '.join(error.args[1])}")
    return found


def foreign_faults(module: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    for name, node in imported(tree):
        top = name.split(".")[0]
        if not top:
            yield node.lineno, "relative import"
        if top in RESERVED and not any(fnmatchcase(module, owner) for owner in RESERVED[top].split(" or ")):
            yield node.lineno, f"imports {top}, which belongs to {RESERVED[top]}"
        if name in {"sympy.parsing.sympy_parser.parse_expr", "sympy.sympify.sympify"}:
            yield node.lineno, f"imports {name}, which runs text as code"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text_argument = bool(node.args) and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            text_argument = text_argument and not isinstance(getattr(node.args[0], "value", ""), int | float)
            if called in CODE_RUNNERS and not fnmatchcase(module, CODE_RUNNERS[called]):
                yield node.lineno, f"calls {called}"
            if called in {"sympify", "S"} and text_argument:
                yield node.lineno, f"calls {called} on text"


def test_every_module_stands_in_one_layer() -> None:
    for module in sources():
        layer_of(module)


def test_every_entry_of_the_table_exists() -> None:
    modules = sources()
    unused = [p for patterns in LAYERS for p in patterns if not any(fnmatchcase(m, p) for m in modules)]
    assert unused == []


def test_modules_import_only_from_the_layers_under_them() -> None:
    assert violations(sources()) == []


def test_packages_inside_do_nothing_on_import() -> None:
    for module in LAYERS[0]:
        path = ROOT.joinpath(*module.split("."), "__init__.py")
        (docstring,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(docstring, ast.Expr), f"{path} holds more than a docstring"


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        ("derive.errors", "from chainrule.derive.formula import formula", "from a layer above"),
        ("derive.errors", "import chainrule", "from a layer above"),
        ("derive.errors", "from chainrule.derive import formula", "from a layer above"),
        ("derive.formula", "def f():\n    from chainrule.derive import errors", "inside a function"),
        ("derive.formula", "from chainrule.kernels import kernel", "from a layer above"),
        ("derive.formula", "import numba", "which belongs to kernels.*"),
        ("derive.formula", "def f():\n    from numba import njit", "which belongs to kernels.*"),
        ("derive.formula", "from . import errors", "relative import"),
        ("derive.formula", "eval('1')", "calls eval"),
        ("derive.formula", "import importlib\nimportlib.import_module('numba')", "calls import_module"),
        ("derive.formula", "import sympy as sp\nsp.sympify('x')", "calls sympify on text"),
        ("derive.formula", "from sympy import S\nS(f'{1}')", "calls S on text"),
        ("derive.scalar", "import chainrule.derive.program", "cycle of imports"),
    ],
)
def test_the_check_sees_planted_faults(module: str, text: str, message: str) -> None:
    files = {
        "chainrule": "",
        "cli": "",
        "derive": "",
        "derive.errors": "",
        "derive.scalar": "",
        "derive.program": "from chainrule.derive import scalar",
        "derive.formula": "",
        "kernels.kernel": "",
    }
    assert violations(files) == []
    (found,) = violations(files | {module: text})
    assert message in found
