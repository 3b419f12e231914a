"""The page against the rules of axe-core, in light and dark, narrow and wide."""

import pytest

from accessibility import needs_axe, violations
from browser import browser
from pages import made_of, needs_browser, painted, provenance, row
from rara.report import summarise, to_html

KNOWN = {"verdict": {"alpha": 0.05, "rare": 95.0, "uncommon": 80.0, "shortfall": None}}
KINDS = {"copy": 6, "off-manifold": 12, "rare": 4, "uncommon": 6, "typical": 12}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    more = {"copy_p": 0.001, "copy_q": 0.01, "off_manifold_p": 0.01, "reason": "So."}
    rows = [
        row(f"{kind} {i}", rarity=1.0 + i, verdict=kind, label=f"l{i % 3}", **more)
        for kind, count in KINDS.items()
        for i in range(count)
    ]
    path = tmp_path_factory.mktemp("axe") / "page.html"
    made = summarise(made_of(rows), provenance(len(rows), **KNOWN), painted)
    path.write_text(to_html(made), encoding="utf-8")
    return path


@needs_browser
@needs_axe
@pytest.mark.parametrize("opened", [False, True], ids=["page", "a pair in large"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_no_rule_of_accessibility_is_broken(page, tmp_path, width, dark, opened):
    with browser(tmp_path) as tab:
        tab.open(page, width=width, dark=dark)
        if opened:
            tab.click("#pair-1 .shot")
        assert violations(tab) == []
        assert tab.value("document.documentElement.scrollWidth") <= width


@needs_browser
@needs_axe
def test_the_rules_would_have_found_a_fault(page, tmp_path):
    with browser(tmp_path) as tab:
        tab.open(page)
        tab.value("document.querySelector('#every select').closest('label').replaceWith("
                  "document.querySelector('#every select'))")  # fmt: skip
        assert "select-name" in [rule for rule, _ in violations(tab)]
