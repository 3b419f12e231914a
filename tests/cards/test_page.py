"""What a card says in words, and its page: without a network."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rara.cards.card import Card
from rara.cards.content import Shown
from rara.cards.page import page_html, save_page
from rara.report.formatting import width

HOSTILE = "<script>alert(1)</script>" + "long" * 30 + "\u202e.png"
WHOLE = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]] * 2


def pictures(side, ids):
    rng = np.random.default_rng(0)
    return {name: Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)) for name in ids}


def shown(made, **changed):
    """The card with a source, under hostile names."""
    near = made.content.neighbours[0].sha256
    found = {"source": near, "source_p": 1e-9, "source_region": WHOLE, "source_edit": "mirrored"}
    content = replace(made.content, record={**made.content.record, **found, **changed})
    return Card(content, Shown(HOSTILE, {near: HOSTILE}, pictures))


def page_of(*cards):
    return page_html([(one.content, one.shown) for one in cards])


def test_lines_fit_a_terminal_and_begin_with_the_verdict(made):
    for one in (made, shown(made), Card(made.content)):
        assert max(map(width, one.summary(60).splitlines())) <= 60
        assert one.summary(3)
        lines = one.summary().splitlines()
        assert max(map(width, lines)) <= 80
        assert lines[0].startswith("Picture ")
        assert f"Verdict    {made.verdict}" in lines
        assert any(line.startswith("Nearest ") for line in lines)
    assert "\u202e" not in shown(made).summary()
    assert "mirrored; p = 1e-09" in shown(made).summary()


def test_a_card_from_a_file_names_images_by_digest(made):
    plain = Card(made.content)
    near = made.content.neighbours[0]
    assert f"sha256 {near.sha256[:12]}" in plain.summary()
    assert plain.reason == plain["reason"]


def test_a_picture_outside_has_no_rarity(made):
    outside = {"rarity": None, "rarity_percentile": None, "balls": 0, "inside": False}
    summary = shown(made, **outside).summary()
    assert "none: it lies outside every ball" in summary
    assert "Manifold   outside every ball; p" in summary


def test_the_page_shows_the_picture_its_source_and_the_nearest(made):
    page = page_of(shown(made))
    near = made.content.neighbours
    assert page.count("<polygon") == 4  # two lines on each of both
    assert page.count('class="exhibit"') == len(near)
    assert f"<h1>{made.verdict.capitalize()}</h1>" in page
    assert shown(made).digest in page
    assert made.digest not in page  # its record is another one
    assert "<script" not in page
    assert "\u202e" not in page
    assert "https://" not in page.replace("http://www.w3.org", "")


def test_without_pictures_names_and_digests_stand_in_their_places(made):
    page = page_of(Card(made.content))
    assert "missing" in page
    assert made.content.neighbours[0].sha256[:12] in page


def test_a_page_of_many_says_how_many_have_no_room(made):
    page = page_of(*[Card(made.content)] * 103)
    assert "<h1>Cards of 103 pictures</h1>" in page
    assert "And 3 more cards" in page
    assert page.count('<p class="verdict-line">') == 100


def test_marks_lie_within_their_scales(made):
    for percent in (0.0, 100.0, 250.0, -3.0):
        page = page_of(shown(made, rarity=1.0, rarity_percentile=percent))
        marks = re.findall(r'class="here" x="([\d.]+)"', page)
        assert all(0 <= float(one) <= 99 for one in marks)
        assert len(marks) == 3


def test_the_page_is_one_file(made, tmp_path):
    save_page([(made.content, made.shown)], tmp_path / "a.html")
    made.report(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_text("utf-8") == (tmp_path / "b.html").read_text("utf-8")


@pytest.mark.parametrize("one", ["made", "hostile"])
def test_a_notebook_shows_the_verdict_and_small_pictures(one, made):
    card = made if one == "made" else shown(made)
    html = card._repr_html_()
    assert card.verdict in html
    assert "data:image" in html
    assert "<script" not in html
