"""Strength, its p-value, and the words for a change."""

import json
from importlib.resources import files

import numpy as np
import pytest

from rara.errors import ParameterError
from rara.retrieval.strength import strength
from rara.retrieval.tones import ToneChange, tone_change
from rara.retrieval.universal_null import TABLE, p_value
from rara.retrieval.wording import Change, in_words

SAME = ToneChange(brightness=0, contrast=1, saturation=1, colour=1, detail=1)


def words(tones=SAME, **options):
    unchanged = {
        "mirrored": False,
        "rotation": 0.0,
        "stretched": 1.0,
        "bent": 1.0,
        "source_share": 1.0,
        "sample_share": 1.0,
        "ground": False,
        "correlation": 1.0,
    }
    return in_words(Change(**unchanged | options, tones=tones))


def test_strength_needs_both():
    assert strength(0, 50) == strength(50, 0) == strength(50, -3) == 0
    assert strength(10, 10) == 10
    assert strength(3, 1000) < 6
    assert strength(1000, 3) < 6
    assert strength(11, 10) > strength(10, 10) < strength(10, 11)


@pytest.mark.parametrize("kind", ["small", "enlarged", "repeating", "large"])
def test_p_values_fall_with_strength_and_grow_with_candidates(kind):
    strengths = np.arange(0, 80, 0.1)
    p = np.array([p_value(one, kind=kind) for one in strengths])
    assert p[0] == 1
    assert np.all(np.diff(p) <= 0)
    assert p[-1] < 1e-8
    for one in (3.0, 8.0, 30.0):
        assert p_value(one, kind=kind, candidates=17) == pytest.approx(
            min(1, 17 * p_value(one, kind=kind))
        )
    assert p_value(0, kind=kind, candidates=10**9) == 1


def test_p_values_take_the_bound_at_or_below():
    kept = json.loads(files("rara.retrieval").joinpath(TABLE).read_text())["large"]
    strengths, bounds = kept["strength"], kept["log10_bound"]
    assert np.all(np.diff(strengths) > 0)
    assert np.all(np.diff(bounds) <= 0)
    assert np.log10(p_value(strengths[5], kind="large")) == pytest.approx(bounds[5])
    assert np.log10(p_value(np.nextafter(strengths[5], 0), kind="large")) == pytest.approx(
        bounds[4]
    )
    assert np.log10(p_value(1e9, kind="large")) == pytest.approx(-15)
    assert p_value(np.nextafter(strengths[0], 0), kind="large") == 1


@pytest.mark.parametrize("kind", ["small", "enlarged", "repeating", "large"])
def test_the_tail_goes_on_as_it_ends(kind):
    kept = json.loads(files("rara.retrieval").joinpath(TABLE).read_text())[kind]
    strengths, bounds = np.array(kept["strength"]), np.array(kept["log10_bound"])
    slope = (bounds[-2] - bounds[-12]) / (strengths[-2] - strengths[-12])
    beyond = np.log10(p_value(strengths[-1] + 8, kind=kind))
    assert beyond == pytest.approx(bounds[-1] + 8 * slope, abs=0.05)


def test_what_p_value_refuses():
    with pytest.raises(ParameterError, match="strength = nan"):
        p_value(float("nan"), kind="small")
    with pytest.raises(ParameterError, match="candidates"):
        p_value(3, kind="small", candidates=0)


def test_words_of_geometry():
    assert words() == "unchanged"
    assert words(mirrored=True, source_share=0.38, rotation=90.2) == (
        "mirrored, cropped to 38 %, turned by 90 degrees clockwise"
    )
    assert words(rotation=-12) == "turned by 12 degrees anticlockwise"
    assert words(rotation=179.8) == "turned by 180 degrees"
    assert words(rotation=1.2, stretched=1.05, bent=1.05, source_share=0.96) == "unchanged"
    assert words(stretched=1.3) == "stretched by 30 %"
    assert words(stretched=1.3, bent=1.3) == "in perspective"
    assert words(sample_share=0.7, ground=True) == "pasted on another picture at 70 % of its area"
    assert words(sample_share=0.7) == "pasted on a plain ground at 70 % of its area"


def test_words_of_tones():
    def of(**options):
        values = {name: getattr(SAME, name) for name in ToneChange.__slots__}
        return words(ToneChange(**values | options))

    assert of(saturation=0) == "made grey"
    assert of(saturation=0.5) == of(colour=0.5) == of(saturation=2) == "colours changed"
    assert of(contrast=0.5) == of(contrast=2) == "contrast changed"
    assert of(brightness=30) == "made brighter"
    assert of(brightness=-30) == "made darker"
    assert of(detail=0.5) == "blurred or made smaller"
    assert of(detail=2) == "noise, compression or sharpening added"
    nothing = dict.fromkeys(("contrast", "saturation", "colour", "detail"), np.nan)
    assert of(**nothing) == "unchanged"
    assert words(correlation=0.8) == "partly covered or blended"


def test_tones_are_measured():
    rng = np.random.default_rng(0)
    planes = [rng.normal(0, 20, (40, 50)) for _ in range(3)]
    where = np.ones((40, 50), bool)
    where[:, :5] = False
    found = tone_change([0.5 * planes[0] + 30, planes[1], 0.5 * planes[2]], planes, where)
    assert found.contrast == pytest.approx(0.5)
    assert found.brightness == pytest.approx(30 - 0.5 * planes[0][where].mean())
    assert found.detail == pytest.approx(1)
    assert 1 < found.saturation < 2
    assert 0.9 < found.colour < 1
    flat = [np.zeros((40, 50))] * 3
    assert tone_change([planes[0], *flat[:2]], planes, where).saturation == 0
    none = tone_change(planes, flat, where)
    assert np.isnan([none.contrast, none.saturation, none.colour, none.detail]).all()
