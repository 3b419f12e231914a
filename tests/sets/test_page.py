"""The page of the set metrics is what the docstrings say."""

import importlib.util
import inspect
from pathlib import Path

import pytest

from rara import sets

ROOT = Path(__file__).parents[2]
METRICS = [
    name
    for name in sets.__all__
    if inspect.isfunction(getattr(sets, name)) and name != "check_metric"
]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("sets_page", ROOT / "docs" / "sets_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(pages):
    assert pages.SETS_PAGE.read_text(encoding="utf-8") == pages.sets_page()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_on_the_page(pages, name):
    headings = [line for line in pages.sets_page().splitlines() if line.startswith("## ")]
    assert sum(f"`{name}`" in line for line in headings) == 1


@pytest.mark.parametrize("name", METRICS)
def test_every_file_says_formula_direction_options_and_caveats_in_order(name):
    said = inspect.getdoc(inspect.getmodule(getattr(sets, name)))
    places = [said.index(one) for one in ("\n    ", "Direction.", "Options.", "Caveats.")]
    assert places == sorted(places)
