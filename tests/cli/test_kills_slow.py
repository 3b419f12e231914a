"""Two hundred runs ended at random moments: nothing is half-written, and a rerun is as ever."""

import random
import shutil
import signal
import sys

import pytest

import kills

KILLS = 200
FRESH = 10
"""So many kills go by before the caches are emptied, so that each stage is met again."""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_kills_at_any_moment_leave_nothing_half_written(tmp_path, draw):
    draw(tmp_path / "train", 60, 0)
    draw(tmp_path / "samples", 30, 1)
    place = kills.Place(tmp_path)
    place.expected = place.undisturbed("first")
    lasts, dice = place.lasts, random.Random(0)
    for i in range(KILLS):
        if i % FRESH == 0:
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        number = dice.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
        after = lasts * dice.random() ** 2  # runs that find a cache are shorter
        kills.check(place, number, *place.kill("cache", number, after))
        for left in place.temporary():  # of a kill -9 only; the rerun must not mind it
            left.rename(tmp_path / left.name)
        if i % FRESH == FRESH - 1:
            assert place.undisturbed("cache") == place.expected
    assert sum(place.codes.values()) == KILLS
