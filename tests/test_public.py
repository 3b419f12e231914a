"""The public names, and what importing them costs."""

import subprocess
import sys

import pytest

import rara


def test_public_names_are_sorted_and_exist():
    assert rara.__all__ == sorted(rara.__all__)
    for name in rara.__all__:
        assert getattr(rara, name) is not None


def test_public_names_say_where_they_are_from():
    assert set(rara._HOMES) == set(rara.__all__) - {"__version__"}
    assert dir(rara) == rara.__all__


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
