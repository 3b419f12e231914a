"""The rules of axe-core in a page: where they are, and what they find."""

from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = find_spec("axe_playwright_python")
AXE = None if PACKAGE is None else Path(PACKAGE.submodule_search_locations[0]) / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

needs_axe = pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed")


def violations(tab):
    """What the rules find, each with its first place."""
    tab.value(AXE.read_text("utf-8") + ";0")
    answer = tab.send(
        "Runtime.evaluate", awaitPromise=True, returnByValue=True,
        expression=f"axe.run(document, {{runOnly: {RULES}}}).then(found =>"
        " found.violations.map(one => [one.id, one.nodes[0].html]))",
    )  # fmt: skip
    return answer["result"]["value"]
