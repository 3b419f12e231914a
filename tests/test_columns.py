"""The register of columns against what every command writes: names, types, ranges and gaps."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import rara
from embedding import Means
from rara.columns.comparisons import MEANING
from rara.columns.register import REGISTER
from rara.columns.score_tables import COLUMNS, metadata_names
from rara.comparison.figures import FIGURES
from rara.features.features import Features
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves
from rara.table.validation import wrong_columns

ROOT = Path(__file__).parents[1]
KEYS = {"label", "prompt", "metadata_rarity", "metadata_group"}


def images(n, seed, d=6, spread=1.0):
    rng = np.random.default_rng(seed)
    labels = [str(i % 2) for i in range(n)]
    known = {"label": labels, "prompt": [str(i % 7) for i in range(n)], "group": labels}
    vectors = spread * rng.normal(size=(n, d))
    return Features.from_arrays(vectors, metadata={**known, "rarity": labels})


@pytest.fixture(scope="module")
def tables(tmp_path_factory, draw):
    """Tables with every column that can be asked for."""
    train, made = images(300, 0), images(90, 1, spread=1.5)
    copies = made.vectors.copy()
    copies[:5], copies[5:8] = train.vectors[:5], copies[8]
    known = {key: [one[key] for one in made.records] for key in ("prompt", "group", "rarity")}
    made = Features.from_arrays(copies, metadata={"label": ["0"] * 89 + [None], **known})
    reference = rara.Reference.from_features(train)
    every = {"group_by": "label", "against_siblings": "prompt"}
    also = ["rarity_clipped", "local_outlier_factor"]
    table = reference.score_features(made, also=also, **every)
    decided = rara.Reference.from_features(train)
    decided.decisions.add(*(side.done["digest"][5].as_py() for side in (made, train)))
    place = tmp_path_factory.mktemp("columns")
    photos = rara.Reference.fit(draw(place / "train", 40, 0))
    return {
        "everything": table,
        "halves": contested(table, halves=by_halves(table, reference, made)),
        "decided": decided.score_features(made),
        "leave one out": reference.score_leave_one_out(**every),
        "official": reference.score_features(made, compat="official"),
        "few": rara.Reference.from_features(images(3, 2), k=1).score_features(made),
        "photos": photos.score(draw(place / "samples", 12, 1)),
        "network": photos.score(place / "samples", copy_network=Means()),
        "select": rara.select(table, 4, want="diverse", samples=made),
        "siblings": rara.compare_siblings(made),
    }


def arrow(table):
    return table.arrow


def test_every_column_of_every_table_is_registered_with_its_type(tables):
    seen = set()
    for table in tables.values():
        names = arrow(table).column_names
        assert set(metadata_names(names)) <= KEYS
        for name in set(names) & COLUMNS.keys():
            assert str(arrow(table).schema.field(name).type) == COLUMNS[name].type, name
        seen |= set(names) & COLUMNS.keys()
    assert COLUMNS.keys() - seen == {"verdict_by_extractor"}  # asked for with a second network


def test_a_table_with_a_column_of_another_type_is_not_believed(tables):
    for name, column in COLUMNS.items():
        for kind in (pa.date32(), pa.list_(pa.date32()), pa.list_(pa.struct([]))):
            assert wrong_columns(pa.table({name: pa.nulls(0, kind)})).endswith(f"column '{name}'")
        empty = pa.table({name: pa.nulls(0, pa.string())})
        assert bool(wrong_columns(empty)) == (column.type != "string")
    for table in tables.values():
        assert wrong_columns(arrow(table)) == ""


def test_values_keep_to_their_ranges(tables):
    for table in tables.values():
        for name in set(arrow(table).column_names) & COLUMNS.keys():
            column, values = COLUMNS[name], arrow(table)[name]
            if column.values:
                assert set(values.drop_null().to_pylist()) <= set(column.values)
            while pa.types.is_list(values.type):
                values = pc.list_flatten(values)
            if name == "neighbors":
                values = pc.struct_field(values, "distance")
            if column.low is not None:
                numbers = values.drop_null().to_numpy()
                numbers = numbers[~np.isnan(numbers)]
                assert not len(numbers) or numbers.min() >= column.low, name
                assert not len(numbers) or column.high is None or numbers.max() <= column.high, name


def test_gaps_are_where_the_register_says(tables):
    """None where there is no gap; null or NaN, and never the other one, where there is."""
    met = set()
    for which, table in tables.items():
        for name in set(arrow(table).column_names) & COLUMNS.keys():
            gap, values = COLUMNS[name].gap, arrow(table)[name]
            null = values.null_count
            nan = pa.types.is_floating(values.type) and pc.sum(pc.is_nan(values)).as_py()
            allowed = {None: (), "NaN": ("NaN",), "null": ("null",), "no column": ()}
            stands = allowed[gap and gap.stands]
            if name.startswith("group_rarity"):
                stands = ("NaN", "null")  # outside the group's balls, or in no group
            if name == "stability" or which == "official":
                stands = (*stands, "NaN")
            assert not null or "null" in stands, (which, name)
            assert not nan or "NaN" in stands, (which, name)
            if null or nan:
                met.add(name)
    assert {"rarity", "rarity_witness", "copy_volume", "group_copy_p", "repeat_of"} <= met


def test_metadata_never_takes_the_name_of_a_column(tables):
    """Also where the column itself is not asked for: a name means the same in every table."""
    table = tables["official"]
    assert "group" not in table.columns
    assert "metadata_group" in table.columns
    assert table["metadata_rarity"].tolist() == tables["everything"]["metadata_rarity"].tolist()


def test_the_page_of_columns_is_written_from_the_register():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.PAGE.read_text(encoding="utf-8") == generate.page()


def test_every_column_says_what_it_is():
    for column in [column for columns in REGISTER for column in columns.values()]:
        assert column.meaning.endswith(".")
        assert len(column.meaning.split()) <= 30
        words = column.unit in ("text", "yes or no")
        assert words == (column.low is None) or column.name in {"two_sample_score", "knob"}


def test_the_figures_of_a_comparison_are_in_the_register():
    assert tuple(MEANING) == FIGURES


def test_names_in_the_register_are_those_of_the_columns():
    for columns in REGISTER:
        assert [column.name for column in columns.values()] == list(columns)
