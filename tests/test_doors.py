"""What enters and leaves the command: hostile text, odd streams, signals and the unforeseen."""

import random
import sys

import pytest

import kills


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_signal_at_any_moment_ends_the_run_in_one_line(tmp_path, draw):
    draw(tmp_path / "train", 20, 0)
    draw(tmp_path / "samples", 10, 1)
    place = kills.Place(tmp_path)
    place.expected = place.undisturbed("cache")
    dice = random.Random(1)
    for i in range(6):
        number = kills.ORDERLY[i % 2]
        after = place.lasts * (i + dice.random()) / 6
        kills.check(place, number, *place.kill("cache", number, after))
    assert place.undisturbed("cache") == place.expected
