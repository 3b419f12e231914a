"""The provenance: typed, with stable keys in JSON; earlier ones are read by new names."""

import copy
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from rara import Features, Reference, compare_siblings
from rara.errors import ParameterError
from rara.extractors.base import Spec
from rara.features.features import Skipped
from rara.provenance.json_format import decoded, encoded
from rara.provenance.parts import CalibrationPart, NoTwoSample, SamplesPart, TwoSamplePart
from rara.provenance.provenance import SCHEMA, Provenance, SiblingsProvenance
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves

EARLIER = json.loads((Path(__file__).parents[1] / "records/provenance_schema_0.json").read_text())
"""Records from before there were schemas, of each kind of table; lists are cut short."""


def renamed(record):
    """The record with the names of schema 2, by hand."""
    record = copy.deepcopy(record)
    if "reference" in record:
        cleaned = {"treatment": "cleaning"}
        record["reference"] = {cleaned.get(k, k): v for k, v in record["reference"].items()}
    if "calibration" in record:
        counts = {"reals": "real_images", "reals_inside": "real_images_inside"}
        record["calibration"] = {counts.get(k, k): v for k, v in record["calibration"].items()}
    return {"schema": 2, **record}


WRITTEN = {name: renamed(record) for name, record in EARLIER.items()}
"""The same as this version writes them."""


def kind_of(name):
    return SiblingsProvenance if name == "siblings alone" else Provenance


def shape(value):
    """The keys at any depth, without the values; lists are like their first."""
    if isinstance(value, Mapping):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else None


def scored():
    """A result of each kind that is in `WRITTEN`."""
    rng = np.random.default_rng(0)
    train = Features.from_arrays(rng.normal(size=(160, 4)), metadata={"label": ["a", "b"] * 80})
    made = rng.normal(size=(60, 4))
    made[:3], made[3:5] = train.vectors[:3], 30.0
    samples = Features.from_arrays(made, metadata={"label": ["a", "b"] * 30})
    reference = Reference.from_features(train)
    reals = Features.from_arrays(rng.normal(size=(30, 4)))
    plain = reference.score(samples)
    few = Reference.from_features(Features.from_arrays(rng.normal(size=(8, 4))))
    return {
        "plain": plain,
        "groups": reference.score(samples, group_by="label"),
        "siblings": reference.score(samples, against_siblings="label"),
        "official numbers": reference.score(samples, compat="official"),
        "leave-one-out": reference.score_leave_one_out(),
        "calibration": reference.score(samples, calibration=reals),
        "few images": few.score_features(rng.normal(size=(3, 4))),
        "halves": contested(plain, halves=by_halves(plain, reference, samples)),
        "siblings alone": compare_siblings(samples, by="label"),
        "families": reference.score(samples, also=["rarity_clipped"]),
    }


@pytest.fixture(scope="module")
def tables():
    return scored()


@pytest.mark.parametrize("schema", [None, 0, 1])
@pytest.mark.parametrize("name", WRITTEN)
def test_what_an_earlier_schema_wrote_is_read_by_the_names_of_today(name, schema):
    record = EARLIER[name] if schema is None else {"schema": schema, **EARLIER[name]}
    before = copy.deepcopy(record)
    again = kind_of(name).from_json(record).to_json()
    notes = again.pop("notes", None)
    expected = (
        "Written by rara 0.1.0 with earlier names: calibration.reals is real_images, "
        "calibration.reals_inside is real_images_inside, reference.treatment is cleaning now."
    )
    # no key of a comparison of siblings alone has changed its name
    assert notes == (None if name == "siblings alone" else [expected])
    assert (again, record) == (WRITTEN[name], before)
    assert json.loads(json.dumps(again)) == again


@pytest.mark.parametrize("name", WRITTEN)
def test_what_this_schema_wrote_is_read_without_a_note(name):
    assert kind_of(name).from_json(WRITTEN[name]).to_json() == WRITTEN[name]


@pytest.mark.parametrize(
    ("part", "earlier", "name"),
    [
        ("calibration", "reals", "real_images"),
        ("calibration", "reals_inside", "real_images_inside"),
        ("reference", "treatment", "cleaning"),
    ],
)
def test_earlier_names_are_refused_in_this_schema_and_beside_their_new_ones(part, earlier, name):
    value = WRITTEN["plain"][part][name]
    record = changed("plain", (part, earlier), value)
    for schema in (1, 2):
        with pytest.raises(ParameterError, match=f"the key '{earlier}' in provenance.{part}"):
            Provenance.from_json({**record, "schema": schema})


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_now_has_the_same_keys(name, tables):
    now = json.loads(json.dumps(encoded(tables[name].provenance)))
    now.pop("evidence", None)  # came later
    assert shape(now) == shape(WRITTEN[name])


@pytest.mark.parametrize("name", WRITTEN)
def test_a_provenance_comes_back_equal(name, tables):
    now = json.loads(json.dumps(encoded(tables[name].provenance)))
    again = kind_of(name).from_json(now)
    assert kind_of(name).from_json(json.loads(json.dumps(again.to_json()))) == again
    assert again.to_json() == now


def test_parts_are_typed_and_frozen():
    found = Provenance.from_json(WRITTEN["calibration"])
    assert isinstance(found.samples, SamplesPart)
    assert isinstance(found.two_sample, TwoSamplePart)
    assert found.calibration.images.location == "array"
    assert found.calibration.smallest_p.copy == 1 / 31
    official = Provenance.from_json(WRITTEN["official numbers"])
    assert official.two_sample == NoTwoSample("the numbers are those of the Rarity Score's authors")
    assert official.calibration.images is None
    with pytest.raises(FrozenInstanceError):
        found.k = 4


def test_parts_are_read_by_key_too():
    found = Provenance.from_json(WRITTEN["plain"])
    assert found["samples"]["count"] == found.samples.count == 60
    assert "groups" not in found
    assert found["calibration"] == WRITTEN["plain"]["calibration"]
    assert dict(found) == found.to_json() == found
    with pytest.raises(KeyError, match="groups"):
        found["groups"]


def test_skipped_images_and_extractors_come_back_as_what_they_were():
    spec = {"name": "n", "weights": "w", "preprocessing": "p", "dim": 3, "precision": "float32"}
    changed = {**WRITTEN["plain"], "extractor": spec}
    changed["samples"] = {
        **changed["samples"],
        "skipped": [{"id": "a.png", "reason": "truncated"}],
        "noted": [{"note": "no profile", "count": 1, "ids": ["b.png"]}],
    }
    found = Provenance.from_json(changed)
    assert found.samples.skipped == (Skipped("a.png", "truncated"),)
    assert found.samples.noted[0].ids == ["b.png"]
    assert found.extractor == Spec("n", "w", "p", 3)
    assert found.to_json()["samples"] == changed["samples"]


def changed(name, path, value):
    """The record with another value under a path; `...` takes the key away."""
    found = copy.deepcopy(WRITTEN[name])
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("k",), ..., r"written by rara 0\.1\.0 and lacks 'k'"),
        (("calibration", "near_copy", "p"), ..., r"lacks 'calibration\.near_copy\.p'"),
        (("groups", "groups", 0, "group"), ..., r"lacks 'groups\.groups\.group'"),
        (("k",), "3", r"str as provenance\.k"),
        (("k",), True, r"bool as provenance\.k"),
        (("k",), 10**400, r"int as provenance\.k"),
        (("k",), None, r"NoneType as provenance\.k"),
        (("two_sample", "auc"), float("nan"), r"float as provenance\.two_sample\.auc"),
        (("samples",), [], r"list as provenance\.samples"),
        (("samples", "skipped"), [1], r"int as provenance\.samples\.skipped"),
        (("calibration", "method"), "guess", r"str as provenance\.calibration\.method"),
        (("calibration", "method"), [], r"list as provenance\.calibration\.method"),
        (("reference", "colour"), "red", r"the key 'colour' in provenance\.reference"),
        (("two_sample", "p_by_view"), {"squares": "x"}, r"p_by_view\.squares"),
        (("schema",), SCHEMA + 1, "schema 3, and this version of rara reads up to 2"),
        (("schema",), "1", r"str as provenance\.schema"),
    ],
)
def test_what_is_missing_unknown_or_of_another_kind_is_refused_in_a_sentence(path, value, said):
    with pytest.raises(ParameterError, match=said):
        Provenance.from_json(changed("groups", path, value))


def test_what_a_score_made_on_request_records_are_numbers_and_text():
    part = {"local_outlier_factor": {"neighbours": 10, "largest": 2.5, "scikit-learn": "1.7"}}
    assert Provenance.from_json(changed("families", ("families",), part)).families == part
    for value in (None, [1], True, float("nan")):
        wrong = changed("families", ("families",), {"rarity_clipped": {"quantile": value}})
        with pytest.raises(ParameterError, match=r"families\.rarity_clipped\.quantile"):
            Provenance.from_json(wrong)


@pytest.mark.parametrize("value", [None, 3, [], "text"])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(ParameterError, match="holds what rara does not write"):
        Provenance.from_json(value)


def test_keys_of_a_record_inside_are_among_those_around_it():
    found = decoded(CalibrationPart, WRITTEN["calibration"]["calibration"], "calibration")
    assert encoded(found)["location"] == found.images.location
    assert "images" not in encoded(found)


def test_it_shows_its_parts():
    found = repr(SiblingsProvenance.from_json(WRITTEN["siblings alone"]))
    assert found == "SiblingsProvenance(schema, rara, samples, k, extractor, siblings)"
