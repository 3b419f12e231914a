"""Tables of earlier versions: read with defaults, or refused in one sentence; never a KeyError."""

import copy
import json
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rara
from rara import Features, Reference, ScoreTable
from rara.errors import ParameterError
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves


@pytest.fixture(scope="module")
def table():
    """A table with every part that a provenance may have."""
    rng = np.random.default_rng(0)
    kinds = {"label": ["a", "b"] * 80}
    train = Features.from_arrays(rng.normal(size=(160, 4)), metadata=kinds)
    made = rng.normal(size=(60, 4))
    made[:3], made[3:5] = train.vectors[:3], 30.0
    samples = Features.from_arrays(made, metadata={"label": ["a", "b"] * 30})
    reference = Reference.from_features(train)
    scored = reference.score(samples, group_by="label", against_siblings="label")
    others = Reference.from_features(rng.normal(size=(160, 4))).score(samples)
    halves = by_halves(scored, reference, samples)
    return contested(scored, halves=halves, extractors={"another": others})


def paths(value, so_far=()):
    """Every key of the provenance, at any depth; the first of a list stands for all."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield (*so_far, name)
            yield from paths(inner, (*so_far, name))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield from paths(value[0], (*so_far, 0))


def without(provenance, path):
    """The record, without one key."""
    changed = copy.deepcopy(dict(provenance))
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return changed


def written(arrow, provenance, file):
    """A file as an earlier version wrote it."""
    metadata = {b"rara": json.dumps(dict(provenance)).encode()}
    pq.write_table(arrow.replace_schema_metadata(metadata), file)


def opened(file):
    """The table, or what is said in its place."""
    try:
        return ScoreTable.from_parquet(file), ""
    except ParameterError as error:
        return None, str(error)


def shown(table, folder):
    table.report(folder / "page.html")
    assert table.summary()
    assert repr(table)
    return table._repr_html_()


def test_the_table_has_every_part(table):
    parts = {"groups", "siblings", "repeats", "opinions", "calibration", "two_sample", "verdict"}
    assert parts <= set(table.provenance)
    assert all(table.provenance[part] for part in parts)


def test_a_table_that_lacks_any_key_is_read_or_refused_but_never_breaks(table, tmp_path):
    read, refused = [], []
    for path in paths(table.provenance):
        written(table.arrow, without(table.provenance, path), tmp_path / "old.parquet")
        again, said = opened(tmp_path / "old.parquet")
        if again is None:
            refused.append(path)
            assert "score" in said
        else:
            read.append(path)
            shown(again, tmp_path)
    assert {("samples", "remarks"), ("reference", "remarks"), ("compat",), ("versions",)} <= set(
        read
    )
    assert {("calibration", "near_copy"), ("k",), ("samples", "skipped")} <= set(refused)


def test_what_is_missing_is_named_with_the_version_that_wrote_it(table, tmp_path):
    path, version = ("calibration", "near_copy", "repeating"), re.escape(rara.__version__)
    written(table.arrow, without(table.provenance, path), tmp_path / "old.parquet")
    said = (
        rf"old\.parquet' was written by rara {version} and lacks "
        r"'calibration\.near_copy\.repeating', which this version needs: score the samples again"
    )
    with pytest.raises(ParameterError, match=said):
        ScoreTable.from_parquet(tmp_path / "old.parquet")


def test_what_was_not_recorded_is_not_made_up(table, tmp_path):
    """No remarks and no notes were written before there were any: unknown is not none."""
    changed = without(table.provenance, ("samples", "noted"))
    changed = without(changed, ("samples", "remarks"))
    written(table.arrow, changed, tmp_path / "old.parquet")
    again = ScoreTable.from_parquet(tmp_path / "old.parquet").provenance["samples"]
    assert (again["noted"], again["remarks"]) == (None, [])


def test_a_table_that_lacks_any_column_is_read_or_refused_but_never_breaks(table, tmp_path):
    refused = set()
    for name in table.columns:
        written(table.arrow.drop_columns([name]), table.provenance, tmp_path / "old.parquet")
        again, said = opened(tmp_path / "old.parquet")
        if again is None:
            refused.add(name)
            assert f"lacks the column '{name}'" in said
        else:
            shown(again, tmp_path)
    assert {"id", "rarity", "copy_q", "verdict", "contested"} <= refused
    assert not refused & {"label", "rarity_by_k", "stability"}


@pytest.mark.parametrize("row", [None, [None]], ids=["nothing", "a gap in a list"])
def test_a_table_with_gaps_is_read_or_refused_but_never_breaks(row, table, tmp_path):
    refused = set()
    for at, field in enumerate(table.arrow.schema):
        if row is None or pa.types.is_list(field.type):
            gaps = pa.array([row] * len(table), field.type)
            forged = table.arrow.set_column(at, pa.field(field.name, field.type), gaps)
            written(forged, table.provenance, tmp_path / "forged.parquet")
            again, said = opened(tmp_path / "forged.parquet")
            if again is None:
                refused.add(field.name)
                assert "holds what rara does not write" in said
            else:
                shown(again, tmp_path)
    assert "verdict_by_extractor" in refused
    assert not refused & {"label", "rarity_by_k", "stability"}


@pytest.mark.parametrize("schema", [None, 1])
def test_a_table_with_earlier_names_is_the_same_table_with_one_note(table, tmp_path, schema):
    record = json.loads(json.dumps(table.provenance.to_json()))
    del record["schema"]
    record["rara"] = "0.1.0"
    record |= {} if schema is None else {"schema": schema}
    record["reference"]["treatment"] = record["reference"].pop("cleaning")
    for name in ("reals", "reals_inside"):
        now = name.replace("reals", "real_images")
        record["calibration"][name] = record["calibration"].pop(now)
    written(table.arrow, record, tmp_path / "old.parquet")
    again = ScoreTable.from_parquet(tmp_path / "old.parquet")
    [note] = again.provenance.notes
    assert note.startswith("Written by rara 0.1.0 with earlier names: calibration.reals is real_")
    assert again.summary().replace("\n", " ").endswith("reference.treatment is cleaning now.")
    assert max(map(len, again.summary().splitlines())) <= 80
    current = json.loads(json.dumps(table.provenance.to_json())) | {"rara": "0.1.0"}
    assert again.provenance == {**current, "notes": [note]}
    assert (current["schema"], "notes" in current) == (2, False)
    shown(again, tmp_path)
    again.to_parquet(tmp_path / "new.parquet")
    assert ScoreTable.from_parquet(tmp_path / "new.parquet").provenance == again.provenance


def test_a_table_of_this_version_comes_back_as_it_was(table, tmp_path):
    table.to_parquet(tmp_path / "new.parquet")
    again = ScoreTable.from_parquet(tmp_path / "new.parquet")
    assert again.provenance == json.loads(json.dumps(table.provenance.to_json()))


@pytest.mark.parametrize("record", [b"{", b"[]", b"1", b'"samples"', b'{"samples": 1}', b"null"])
def test_a_file_with_another_record_is_no_score_table(table, tmp_path, record):
    arrow = table.arrow.replace_schema_metadata({b"rara": record})
    pq.write_table(arrow, tmp_path / "other.parquet")
    with pytest.raises(ParameterError, match="not a score table"):
        ScoreTable.from_parquet(tmp_path / "other.parquet")
