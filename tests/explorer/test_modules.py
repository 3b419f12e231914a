"""What holds for the page's modules: their order, their size, and that names stay text."""

import re
from pathlib import Path

import pytest

import rara

STATIC = Path(rara.__file__).parent / "explorer" / "static"
FILES = {path.name: path.read_text("utf-8") for path in sorted(STATIC.iterdir())}
MODULES = {name.removesuffix(".js"): text for name, text in FILES.items() if name.endswith(".js")}


def listed():
    """The modules that app.js lists, from the ground up, and app itself."""
    head = MODULES["app"].split("\n\n", 1)[0].split("From the ground up", 1)[1]
    lines = re.findall(r"^//     ([\w, ]+?)  +\S", head, re.MULTILINE)
    return [name for line in lines for name in line.split(", ")] + ["app"]


def test_every_module_has_its_place():
    assert sorted(listed()) == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_modules_import_from_above(name):
    imported = re.findall(r'from "\./(\w+)\.js"', MODULES[name])
    order = listed()
    assert not [other for other in imported if order.index(other) >= order.index(name)]
    assert len(re.findall(r"\bimport\b[^(]", MODULES[name])) == len(imported)


@pytest.mark.parametrize("name", [one for one in FILES if one.endswith((".js", ".css", ".html"))])
def test_files_say_what_they_are_for_and_are_short(name):
    text = FILES[name].removeprefix("<!doctype html>\n")
    assert text.startswith(("//", "/*", "<!--"))
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize("name", MODULES)
def test_no_text_becomes_markup_or_code(name):
    dangerous = r"(inner|outer|insertAdjacent)HTML|document\.write|\beval\(|new Function|https?:"
    lines = [one for one in MODULES[name].splitlines() if not one.startswith("//")]
    found = [one for one in lines if re.search(dangerous, one) and "www.w3.org" not in one]
    assert found == []


def test_the_page_keeps_to_its_policy():
    page = FILES["index.html"]
    assert not re.findall(r"\sstyle=|\son\w+=|<style|javascript:", page)
    assert re.findall(r"<script(.*?)>(.*?)</script>", page) == [
        (' type="module" src="static/app.js"', "")
    ]
    names = set(re.findall(r'modulepreload" href="static/(\w+)\.js"', page))
    assert names == set(MODULES) - {"app"}
