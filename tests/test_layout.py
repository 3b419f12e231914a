"""The order of the layers, and the size of functions and files, held by parsing the code."""

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "rara"

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.parent != ROOT or not path.stem.startswith("__")
}

# A line of a docstring that names a file or a package: `    decode    the one decoder`.
_NAMED = re.compile(r"    (\w+) {2,}\S")


def listed(package):
    """What the docstring of a package lists, from the ground up, packages within it too."""
    path = (ROOT / package.replace(".", "/") if package else ROOT) / "__init__.py"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    for name in filter(None, (_NAMED.match(line) for line in doc.splitlines())):
        whole = f"{package}.{name[1]}".lstrip(".")
        if (ROOT / whole.replace(".", "/")).is_dir():
            yield from listed(whole)
        yield whole


LAYERS = list(listed(""))
"""Every file; it imports only from files before it, and a package stands for its __init__."""


def imported(path):
    """Names below rara that a file imports, those for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rara."):
            inner = node.module.removeprefix("rara.")
            for alias in node.names:
                whole = f"{inner}.{alias.name}"
                yield whole if whole in FILES else inner
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("rara."):
                    yield alias.name.removeprefix("rara.")


def functions():
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", _lines(node)


def _lines(function):
    """Lines of a function without its signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_every_file_has_its_place():
    assert sorted(FILES) == sorted(LAYERS)


@pytest.mark.parametrize("name", FILES)
def test_imports_come_from_above(name):
    above = LAYERS[: LAYERS.index(name)]
    below = [other for other in imported(FILES[name]) if other not in above]
    assert not below


def test_geometry_knows_nothing_of_images():
    known = {"errors", "machine", "storage.compiled"}
    for name, path in FILES.items():
        if name.startswith("geometry"):
            assert {n for n in imported(path) if not n.startswith("geometry")} <= known


def test_only_the_scorer_brings_a_references_geometry_to_samples():
    """Groups and second opinions go through it: they see no balls and no calibration."""
    callers = {
        name
        for name, path in FILES.items()
        for other in imported(path)
        if other == "reference.judging"
    }
    assert callers == {"reference.scorer"}
    hidden = ("scores", "calibration.", "geometry", "reference.geometry", "reference.judging")
    for name in ("groups.within_groups", "robustness.second_opinions", "robustness.contested"):
        assert not [other for other in imported(FILES[name]) if other.startswith(hidden)]


@pytest.mark.parametrize("name", sorted(set(FILES) - {"cli.printing"}))
def test_only_one_file_prints(name):
    """No other one writes to stdout or stderr, makes a console, or has rich or warnings do it."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {"stdout", "stderr", "__stdout__", "__stderr__"} & attributes
    assert not {"print", "Console", "rich.print", "warnings.warn", "warn"} & called


def test_functions_are_short():
    sizes = dict(functions())
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert statistics.median(sizes.values()) <= 7
    assert statistics.quantiles(sizes.values(), n=10)[-1] <= 25


def test_files_are_short():
    sizes = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_every_file_opens_with_what_it_is_for():
    for path in FILES.values():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_what_passes_between_files_has_a_type():
    untyped = re.compile(r"\b(dict|Mapping)\[str, Any\]")
    assert [name for name, path in FILES.items() if untyped.search(path.read_text("utf-8"))] == []
