"""Names with line ends, numbers without end, folders that tell nothing, and text of other kinds."""

import copy
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from hostile import manifest_in, raw_seal
from rara.arguments import number, short, whole
from rara.cli.app import run
from rara.errors import ParameterError, RaraError
from rara.features.features import Features
from rara.reference.reference import Reference
from rara.run import Run
from rara.table.csv_cells import escaped, like_formulas
from rara.table.score_table import ScoreTable

NAME = "a\nb\x1b[2J\u202e"
SHOWN = r"a\nb\x1b[2J\u202e"


@pytest.fixture(scope="module")
def place(tmp_path_factory, draw):
    root = tmp_path_factory.mktemp("place")
    draw(root / "train", 14, 0)
    draw(root / "samples", 6, 1)
    draw(root / "more", 3, 2)
    for path in (root / "more").iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    assert run(["reference", "build", f"{root / 'train'}", "-o", f"{root / NAME}"]) == 0
    return root


def printed(capsys, *words):
    code = run([str(word) for word in words])
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    return code, out, err


# -- line ends ----------------------------------------------------------------------------


def test_a_place_that_was_written_is_named_in_one_line(place, tmp_path, capsys):
    samples, train, made = place / "samples", place / "train", place / NAME
    for words in (
        ["embed", samples, "-o", tmp_path / NAME],
        ["reference", "build", train, "-o", tmp_path / "x" / NAME],
        ["reference", "extend", made, place / "more"],
        ["reference", "audit", train, "--report", tmp_path / f"{NAME}.html"],
        ["score", samples, "-r", made, "-o", tmp_path / f"{NAME}.csv"],
        ["siblings", samples, "--by", "label", "-o", tmp_path / f"{NAME}.csv"],
    ):
        code, out, err = printed(capsys, *words)
        if words[0] == "siblings":
            assert code == 2  # the images have no such key
            continue
        assert code == 0, err
        assert [line for line in out.splitlines() if SHOWN in line]


@pytest.mark.parametrize(
    "words",
    [
        ["reference", "info", NAME],
        ["reference", "extend", NAME, "train"],
        ["reference", "audit", NAME],
        ["score", "train", "-r", "train", "-o", f"{NAME}.zip"],
        ["score", "train", "-r", "train", "--report", NAME],
        ["score", "train", "-r", "train", "--extractor", f"{NAME}.onnx"],
        ["score", "train", "-r", "train", "--group-by", NAME],
        ["siblings", "train", "--by", NAME],
        ["embed", "train", "-o", f"samples/{NAME}/file.txt/x"],
    ],
)
def test_an_error_is_one_line_whatever_name_is_in_it(words, place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train").symlink_to(place / "train")
    (tmp_path / NAME).mkdir()
    (tmp_path / "samples" / NAME).mkdir(parents=True)
    (tmp_path / "samples" / NAME / "file.txt").touch()
    code, out, err = printed(capsys, *words)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    told = [line for line in lines if line.startswith("rara: ")]
    assert lines[-1:] == told
    assert SHOWN in told[0]


# -- forged folders -----------------------------------------------------------------------


@pytest.mark.parametrize("location", [None, 3, [], {}, "missing"])
@pytest.mark.parametrize("command", ["embed", "reference build"])
def test_a_folder_that_tells_no_location_is_not_replaced(
    location, command, place, tmp_path, capsys
):
    assert run(["embed", f"{place / 'samples'}", "-o", f"{tmp_path / 'there'}"]) == 0
    manifest = manifest_in(tmp_path / "there")
    manifest["facts"]["location"] = location
    if location == "missing":
        del manifest["facts"]["location"]
    raw_seal(tmp_path / "there", manifest)
    before = (tmp_path / "there" / "manifest.json").read_bytes()
    capsys.readouterr()
    code, _, err = printed(capsys, *command.split(), place / "train", "-o", tmp_path / "there")
    assert code == 2
    assert "no location" in err
    assert (tmp_path / "there" / "manifest.json").read_bytes() == before


def test_a_number_without_end_in_a_folder_is_refused(place, tmp_path, capsys):
    made = tmp_path / "made"
    assert run(["reference", "build", f"{place / 'train'}", "-o", f"{made}"]) == 0
    capsys.readouterr()
    manifest = manifest_in(made)
    manifest["facts"]["cleaning"]["clip_radii"] = 10**400
    raw_seal(made, manifest)
    code, _, err = printed(capsys, "reference", "info", made)
    assert code == 2
    assert "an unknown cleaning" in err


# -- arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_that_nothing_can_hold_are_parameters_out_of_range(sign, digits):
    value = sign * 10**digits
    for checked in (whole, number):
        with pytest.raises(ParameterError, match="x = "):
            checked(value, "x")
    assert len(short(value)) <= 61
    reference = Reference.from_features(np.eye(5), k=1)
    for call in (
        lambda: Reference.from_features(np.eye(5), k=value),
        lambda: Reference.from_features(np.eye(5), k=1, clip_radii=value),
        lambda: reference.score_features(np.eye(5), k=value),
        lambda: reference.score_features(np.eye(5), alpha=value),
        lambda: reference.score_features(np.eye(5)).head(value),
        lambda: reference.score_features(np.eye(5)).rarest(value),
        lambda: reference.features.split(value),
        lambda: reference.features.split(0.5, seed=value),
    ):
        with pytest.raises(ParameterError):
            call()


NO_PATHS = [3, 1.5, None, b"b", [], "a\0b", "\ud800", "x" * 5000]


@pytest.mark.parametrize(
    "path", NO_PATHS, ids=[f"{type(p).__name__}{i}" for i, p in enumerate(NO_PATHS)]
)
def test_what_is_no_path_is_refused_wherever_a_path_is_written(path):
    table = Reference.from_features(np.eye(5), k=1).score_features(np.eye(5))
    writers = [table.to_csv, table.to_json, table.to_parquet, table.report, table.save]
    if path is not None:
        writers.append(lambda path: Run(cache=path))
    for write in writers:
        with pytest.raises(ParameterError):
            write(path)


def test_arguments_of_another_type_are_named():
    reference = Reference.from_features(np.eye(5), k=1)
    for call, words in (
        (lambda: Reference.fit([np.zeros((4, 4))] * 3, k=1, extractor=3), "extractor = 3: give a"),
        (lambda: reference.without(3), "ids = 3: give a list"),
        (lambda: reference.score_features(np.eye(5)).report("x.html", cards="8"), "cards = '8'"),
        (lambda: Features.from_arrays(np.eye(5), metadata="label"), "metadata = 'label': give"),
        (lambda: Features.from_arrays(np.eye(5), metadata=[]), r"metadata = \[\]: give"),
        (lambda: Features.from_arrays(np.eye(5), location=3), "location = 3: give text"),
        (lambda: Reference.fit(np.float32(2)), "float32 is no source"),
    ):
        with pytest.raises(RaraError, match=words):
            call()


def test_siblings_take_the_array_that_is_named(tmp_path, capsys):
    """An option is used or refused, never passed over."""
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", one=pixels, other=pixels[:4], label=np.zeros(6, dtype=np.int64))
    for words in (["--array", "none"], ["--image-column", "none"]):
        code, _, err = printed(capsys, "siblings", tmp_path / "a.npz", *words)
        assert code == 2
        assert "none" in err
    code, _, err = printed(capsys, "siblings", tmp_path / "a.npz", "--array", "other", "--by", "x")
    assert (code, "no key 'x'" in err or "has the key 'x'" in err) == (2, True)


# -- cells --------------------------------------------------------------------------------

KINDS = [
    pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()),
    pa.binary(), pa.large_binary(),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_cells_like_formulas_are_escaped_however_text_is_kept(kind, tmp_path):
    texts = pa.array(["=cmd", "-1", None, "@x"])
    told = texts.dictionary_encode() if pa.types.is_dictionary(kind) else texts.cast(kind)
    table = pa.table({"id": told, "n": range(4)})
    assert like_formulas(table) == 2
    assert escaped(table)["id"].to_pylist() == ["'=cmd", "-1", None, "'@x"]
    ScoreTable(table, {}).save(tmp_path / "t.csv", formulas="escape")
    assert (tmp_path / "t.csv").read_text().splitlines()[1:] == [
        '"\'=cmd",0', '"-1",1', ",2", '"\'@x",3'
    ]  # fmt: skip


def test_lists_of_any_kind_are_json_in_their_cells(tmp_path):
    days = pa.array([[0, None]], pa.list_(pa.date32()))
    ScoreTable(pa.table({"days": days}), {}).save(tmp_path / "t.csv")
    cell = (tmp_path / "t.csv").read_text().splitlines()[1][1:-1].replace('""', '"')
    assert json.loads(cell) == ["1970-01-01", None]


# -- tables from a file -------------------------------------------------------------------


def places(value, path=()):
    """Every place in nested mappings and lists."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


@pytest.fixture(scope="module")
def table(place):
    """Of a real run: its Arrow table and its provenance."""
    assert run(["score", f"{place / 'samples'}", "-r", f"{place / 'train'}", "-o",
                f"{place / 't.parquet'}"]) == 0  # fmt: skip
    arrow = parquet.read_table(place / "t.parquet")
    return arrow, json.loads(arrow.schema.metadata[b"rara"])


def read_and_shown(arrow, provenance, folder):
    """Whether a file with these is believed; then it can be shown in every way."""
    metadata = {b"rara": json.dumps(provenance).encode()}
    parquet.write_table(arrow.replace_schema_metadata(metadata), folder / "t.parquet")
    try:
        found = ScoreTable.from_parquet(folder / "t.parquet")
    except ParameterError:
        return False
    found.summary(), found._repr_html_(), repr(found), found.rarest(2)
    found.report(folder / "p.html")
    assert "<script>alert" not in (folder / "p.html").read_text()
    for name in ("t.csv", "t.json"):
        found.save(folder / name, formulas="escape")
    return True


def test_a_forged_provenance_is_refused_or_can_be_shown(table, tmp_path):
    arrow, provenance = table
    assert read_and_shown(arrow, provenance, tmp_path)
    values = ["<script>alert(1)</script>", None, 10**400, float("nan"), [], {}, 3]
    outcomes = Counter()
    known = [path for path in places(provenance) if not (isinstance(path[-1], int) and path[-1])]
    for at, path in enumerate(known):
        forged = copy.deepcopy(provenance)
        inner = forged
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = values[at % len(values)]
        outcomes[read_and_shown(arrow, forged, tmp_path)] += 1
    assert outcomes[False] > 10


@pytest.mark.parametrize("kind", [pa.string(), pa.timestamp("s"), pa.binary(), pa.null(), "twice"])
def test_columns_of_another_kind_are_refused_or_can_be_shown(kind, table, tmp_path):
    arrow, provenance = table
    for at, name in enumerate(arrow.column_names):
        if kind == "twice":
            forged = arrow.append_column(name, arrow[at])
        else:
            text = pa.array(["<script>alert(1)</script>"] * len(arrow))
            fits = kind in (pa.string(), pa.binary())
            forged = arrow.set_column(at, name, text.cast(kind) if fits else pa.nulls(6, kind))
        assert not read_and_shown(forged, provenance, tmp_path) or kind in (pa.string(), pa.null())


@pytest.mark.parametrize("name", ["rarity_witness", "reason", "nearest", "id", "verdict"])
def test_rows_without_a_text_are_refused_or_can_be_shown(name, table, tmp_path):
    arrow, provenance = table
    some = [None, *arrow[name].to_pylist()[1:]]
    forged = arrow.set_column(arrow.column_names.index(name), name, pa.array(some, pa.string()))
    read_and_shown(forged, provenance, tmp_path)
