"""The public names, and what importing them costs."""

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rara


def test_public_names_are_sorted_and_exist():
    assert rara.__all__ == sorted(rara.__all__)
    for name in rara.__all__:
        assert getattr(rara, name) is not None


def test_completion_offers_the_public_names():
    assert dir(rara) == rara.__all__


DOORS = ["rara", *(f"rara.{wing}" for wing in (
    "extractors", "geometry", "report", "scores", "sets", "sources", "two_sample",
))]  # fmt: skip
"""The packages whose names others import from the package itself."""

LEAKS = """
import importlib, sys
door = importlib.import_module(sys.argv[1])
vars(door).update(dict.fromkeys(sys.argv[2:]))
for name in door.__all__:
    getattr(door, name)
for name in sorted(vars(door).keys() - set(door.__all__)):
    if not name.startswith("_") and f"{door.__name__}.{name}" not in sys.modules:
        print(name)
"""


def leaks(door, *planted):
    """Public names of a package that its `__all__` lacks, once all of its names were used."""
    command = [sys.executable, "-c", LEAKS, door, *planted]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("door", DOORS)
def test_every_public_name_is_listed(door):
    assert leaks(door) == []


def test_a_name_that_is_not_listed_is_noticed():
    assert leaks("rara", "planted", "_private") == ["planted"]


def test_every_package_with_a_list_of_names_is_a_door():
    packages = (one.name for one in pkgutil.walk_packages(rara.__path__, "rara.") if one.ispkg)
    listed = {name for name in packages if hasattr(importlib.import_module(name), "__all__")}
    assert listed == set(DOORS) - {"rara"}


@pytest.mark.parametrize("door", DOORS)
def test_what_is_listed_is_there_once(door):
    module = importlib.import_module(door)
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        assert hasattr(module, name)


def test_no_public_name_is_a_module_too():
    """`rara.name` must not turn into the module of that name once something imports it."""
    for name, home in rara._HOMES.items():
        assert home != f"rara.{name}"


def test_importing_rara_imports_nothing_heavy():
    names = "numpy numba onnx onnxruntime pyarrow PIL rich jinja2 cyclopts torch"
    code = f"import rara, sys; print([m for m in {names.split()} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_unknown_name():
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(rara, "nonsense")  # noqa: B009


ROOT = Path(__file__).parents[1]


def renamed():
    """The rows of the changelog's tables of renames: (old, new names)."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for old, new in re.findall(r"^\| (`rara\..*?) \| (.*?) \|$", text, re.MULTILINE):
        for name in re.findall(r"`(.*?)`", new):
            yield old.strip("`"), name


def test_every_new_name_in_the_changelog_is_there():
    names = list(renamed())
    assert ("rara.store", "rara.features.features") in names
    for _, new in names:
        assert pkgutil.resolve_name(new) is not None


def test_no_old_name_in_the_changelog_is_a_module_still():
    """But for those that are packages now, or a file of another subject."""
    reused = {f"rara.{name}" for name in (
        "calibration", "duplicates", "groups", "images", "provenance", "reference",
        "sources.archives", "sources.metadata", "sources.tables", "report.siblings",
    )}  # fmt: skip
    modules = {one.name for one in pkgutil.walk_packages(rara.__path__, "rara.")}
    assert {old for old, _ in renamed()} & modules <= reused


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert project["version"] == rara.__version__
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == rara.__version__
    code = (path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert not any('version("rara")' in text for text in code)  # that of an installation, not ours
