"""Score tables: selected, written, read back, shown."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.compute as pc
import pytest

from rara import Reference, ScoreTable
from rara.errors import ParameterError, SourceNotFoundError
from rara.table.score_table import metadata_columns


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    reference = Reference.from_features(rng.normal(size=(200, 6)), k=3)
    samples = np.concatenate([1.2 * rng.normal(size=(40, 6)), np.full((2, 6), 30.0)])
    return reference.score_features(samples, ids=[f"img {i}.png" for i in range(42)])


def test_columns_are_numpy(table):
    assert table["rarity"].dtype == np.float64
    assert table["inside"].dtype == np.bool_
    assert table["id"][3] == "img 3.png"


def test_an_unknown_column_names_the_known_ones(table):
    with pytest.raises(
        ParameterError, match="No column 'rarityy'; there are id, verdict, reason, rarity"
    ):
        table["rarityy"]


@pytest.mark.parametrize("descending", [True, False])
def test_sorting_puts_what_has_no_value_last(table, descending):
    values = table.sort("rarity", descending=descending)["rarity"]
    outside = np.isnan(values)
    assert outside[-2:].all()
    assert (np.diff(outside.astype(int)) >= 0).all()
    order = np.diff(values[~outside])
    assert (order <= 0).all() if descending else (order >= 0).all()


def test_selecting_keeps_rows_whole(table):
    inside = table.filter(table["inside"])
    assert 0 < len(inside) < len(table)
    same = table.filter(pc.field("inside"))
    assert str(inside.arrow.to_pydict()) == str(same.arrow.to_pydict())
    best = inside.sort("rarity", descending=True).head(3)
    assert len(best) == 3
    row = list(table["id"]).index(best["id"][0])
    assert table["rarity"][row] == np.nanmax(table["rarity"])
    assert best.provenance == table.provenance


def test_parquet_and_back(table, tmp_path):
    table.to_parquet(tmp_path / "t.parquet")
    again = ScoreTable.from_parquet(tmp_path / "t.parquet")
    assert again.arrow.schema == table.arrow.schema
    assert repr(again.arrow.to_pylist()) == repr(table.arrow.to_pylist())
    assert again.provenance == json.loads(json.dumps(table.provenance.to_json()))
    assert (
        pd.read_parquet(tmp_path / "t.parquet")["rarity"].isna().sum()
        == np.isnan(table["rarity"]).sum()
    )
    assert pl.read_parquet(tmp_path / "t.parquet")["neighbors"][0][0]["id"] == table["nearest"][0]


def test_csv_reads_as_numbers(table, tmp_path):
    table.to_csv(tmp_path / "t.csv")
    frame = pd.read_csv(tmp_path / "t.csv")
    np.testing.assert_array_equal(frame["rarity"], table["rarity"])
    assert json.loads(frame["neighbors"][0])[0]["id"] == str(frame["nearest"][0])


def test_json_has_no_nan(table, tmp_path):
    table.to_json(tmp_path / "t.json")
    text = (tmp_path / "t.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert len(content["rows"]) == 42
    assert content["rows"][-1]["rarity"] is None
    assert content["provenance"]["k"] == 3


def test_saving_by_the_ending(table, tmp_path):
    table.save(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").exists()
    with pytest.raises(ParameterError, match=r"\.xlsx.* \.parquet, \.csv, \.json"):
        table.save(tmp_path / "a.xlsx")


def test_data_frames(table):
    assert table.to_pandas().attrs["rara"]["k"] == 3
    assert table.to_polars().shape == (42, len(table.columns))
    assert pl.DataFrame(table).shape == (42, len(table.columns))


def test_reading_what_is_no_score_table(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ParameterError, match="not a score table"):
        ScoreTable.from_parquet(tmp_path / "other.parquet")
    with pytest.raises(SourceNotFoundError):
        ScoreTable.from_parquet(tmp_path / "missing.parquet")


def test_it_shows_itself_in_a_notebook(table):
    html = table._repr_html_()
    assert "img 0.png" in html
    assert "The first 10 of 42 rows in this order" in html
    assert "<script" not in html


def test_names_are_escaped_in_a_notebook():
    reference = Reference.from_features([[0.0], [1.0]], k=1)
    table = reference.score_features([[0.2]], ids=["<img src=x onerror=alert(1)>"])
    assert "<img" not in table._repr_html_()


def test_summary_fits_a_terminal(table):
    lines = table.summary().splitlines()
    assert 3 <= len(lines) <= 9
    assert max(map(len, lines)) <= 80


def test_metadata_columns_take_what_comes():
    columns = metadata_columns(['{"label": "a", "seed": 1}', '{"seed": "x"}', "{}"])
    assert columns["label"].to_pylist() == ["a", None, None]
    assert columns["seed"].to_pylist() == ["1", "x", None]


def test_official_numbers_come_back_too(tmp_path):
    """There, what is outside has the rarity 0, and no witness."""
    rng = np.random.default_rng(0)
    reference = Reference.from_features(rng.normal(size=(60, 4)))
    table = reference.score_features(3 * rng.normal(size=(20, 4)), compat="official")
    assert not table["inside"].all()
    table.to_parquet(tmp_path / "official.parquet")
    again = ScoreTable.from_parquet(tmp_path / "official.parquet")
    for name in ("rarity", "rarity_witness", "inside"):
        assert again[name].tolist() == table[name].tolist()
    again.report(tmp_path / "page.html")
    assert again.summary() == table.summary()
