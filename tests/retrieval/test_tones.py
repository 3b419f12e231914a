"""How the sample's pixels differ from the source's, also where one side has no contrast."""

import numpy as np
import pytest

from rara.retrieval.tones import tone_change

RNG = np.random.default_rng(0)
EVERYWHERE = np.ones((32, 32), bool)


def planes(luma):
    """One picture with colours."""
    return [luma, 10 * RNG.standard_normal(luma.shape), 10 * RNG.standard_normal(luma.shape)]


@pytest.mark.parametrize("flat", ["sample", "source", "both"])
def test_without_contrast_ratios_are_undefined(flat):
    busy, still = 40 * RNG.standard_normal((32, 32)), np.full((32, 32), 90.0)
    sides = [planes(still if flat in (side, "both") else busy) for side in ("sample", "source")]
    change = tone_change(*sides, EVERYWHERE)
    assert np.isnan(change.saturation)
    assert np.isnan(change.detail)
    assert change.contrast == 0 if flat == "sample" else np.isnan(change.contrast)


def test_half_the_contrast():
    luma = 40 * RNG.standard_normal((32, 32))
    colours = planes(luma)[1:]
    change = tone_change([luma / 2 + 20, *colours], [luma, *colours], EVERYWHERE)
    assert change.contrast == pytest.approx(0.5)
    assert change.saturation == pytest.approx(2)
    assert change.detail == pytest.approx(1)
    assert change.colour == pytest.approx(1)
