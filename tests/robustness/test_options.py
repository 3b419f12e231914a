"""Every option of a scorer and of a reference, and whether second opinions have it too."""

import shutil
from dataclasses import replace

import pytest

from embedding import Means, Small
from rara import Reference, Run
from rara.errors import ParameterError
from rara.features.reembed import reembed
from rara.reference.cleaning import CleaningOptions
from rara.reference.options import Options
from rara.robustness.second_opinions import by_extractor, by_halves, halves


class Pixels(Small):
    """Another network that sees the same."""

    spec = replace(Small.spec, name="pixels")


def rows(table):
    """The rows as text: NaN equals NaN."""
    return [str(row) for row in table.arrow.to_pylist()]


ASKED = {
    "k": 5, "boundary": "closed", "alpha": 0.2, "compat": "official", "group_by": "label",
    "against_siblings": "label", "also": ("local_outlier_factor",),
    "evidence": "all", "copy_network": Pixels(),
}  # fmt: skip
"""A value of every option of a scorer that is not the usual one."""
CLEANED = {"deduplicate": "near", "unit": "label", "clip_radii": 0.5}
"""The same of every option that cleans a reference."""


def labelled(place, draw):
    """A reference and samples in folders, which are their labels."""
    for i in range(30):
        draw(place / "train" / f"scene {i}", 3, i)
    draw(place / "samples" / "scene 1", 20, 90)
    draw(place / "calibration" / "scene 1", 20, 91)
    draw(place / "calibration" / "scene 2", 20, 92)
    return place


def opinions_of(table, reference, place, run, **options):
    """Those of both halves, and that of another extractor."""
    samples = place / "samples"
    parts = by_halves(table, reference, samples, extractor=Means(), run=run, **options)
    other = by_extractor(table, reference, samples, extractor=Small(), run=run, **options)
    return [*parts, other]


def test_every_option_of_a_scorer_reaches_second_opinions(tmp_path, draw):
    """Those that verdicts depend on are seen in the provenance; the others change no verdict."""
    assert set(ASKED) == set(Options.__annotations__)
    place, run = labelled(tmp_path, draw), Run(cache=tmp_path / "cache", threads=1)
    reference = Reference.fit(place / "train", extractor=Means(), run=run)

    def judged(**options):
        table = reference.score(place / "samples", extractor=Means(), run=run, **options)
        return table, opinions_of(table, reference, place, run)

    plain, usual = judged()
    for name, value in ASKED.items():
        if name == "compat":
            with pytest.raises(ParameterError, match="remove compat"):
                judged(**{name: value})
            continue
        table, said = judged(**{name: value})
        for one, before in zip(said, usual, strict=True):
            about = one.provenance
            assert (about.k, about.boundary) == (table.provenance.k, table.provenance.boundary)
            assert about.verdict.alpha == table.provenance.verdict.alpha
            if name in {"group_by", "against_siblings", "also", "evidence", "copy_network"}:
                assert rows(one) == rows(before)
                assert table["verdict"].tolist() == plain["verdict"].tolist()
            else:
                found = {"k": about.k, "boundary": about.boundary, "alpha": about.verdict.alpha}
                assert found[name] == value


@pytest.mark.parametrize("option", CLEANED)
def test_every_way_to_clean_a_reference_reaches_second_opinions(tmp_path, draw, option):
    assert set(CLEANED) == set(CleaningOptions.__annotations__)
    place, run = labelled(tmp_path, draw), Run(cache=tmp_path / "cache", threads=1)
    given = {option: CLEANED[option]}
    reference = Reference.fit(place / "train", extractor=Means(), run=run, **given)
    table = reference.score(place / "samples", extractor=Means(), run=run)
    for one in opinions_of(table, reference, place, run):
        cleaning = one.provenance.reference.cleaning
        assert getattr(cleaning, option) == CLEANED[option]
    parts = halves(reference, run=run)
    assert sorted(parts[0].ids + parts[1].ids) == sorted(reference.ids)


def test_calibration_images_of_one_unit_count_once_for_all(tmp_path, draw):
    place, run = labelled(tmp_path, draw), Run(cache=tmp_path / "cache", threads=1)
    reference = Reference.fit(place / "train", extractor=Means(), unit="label", run=run)
    given = {"calibration": place / "calibration"}
    table = reference.score(place / "samples", extractor=Means(), run=run, **given)
    for one in (table, *opinions_of(table, reference, place, run, **given)):
        assert one.provenance.calibration.real_images == 2


def test_a_copy_of_an_image_that_was_left_out_is_one_to_the_other_extractor(tmp_path, draw):
    place, run = labelled(tmp_path, draw), Run(cache=tmp_path / "cache", threads=1)
    reference = Reference.fit(place / "train", extractor=Means(), unit="label", run=run)
    left_out = {one.id for one in reference.features.left_out}
    copy = next(name for name in sorted(left_out))
    shutil.copy(place / "train" / copy, place / "samples" / "scene 1" / f"copy{copy[-4:]}")
    table = reference.score(place / "samples", extractor=Means(), run=run)
    said = by_extractor(table, reference, place / "samples", extractor=Small(), run=run)
    assert (table["verdict"] == "copy").sum() == (said["verdict"] == "copy").sum() == 1
    assert len(said.provenance.reference.cleaning.unit) == 5
    assert reembed(reference.features, Small(), run).records == reference.features.records
