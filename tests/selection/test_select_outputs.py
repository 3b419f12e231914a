"""What `rara select` writes: sheet, folders, page, summary, and how it refuses."""

import json
import os
import re
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

import rara
from commands import called
from embedding import Means
from make import as_folder, as_zip, encoded, picture
from rara.errors import ParameterError, UnwritableError
from rara.features import opening
from rara.report.formatting import width
from rara.selection.facts import facts_of, selection_lines
from rara.selection.folder import LIST, copy_to, link_in
from rara.selection.page import SHOWN, selection_html
from rara.selection.select import picked
from rara.selection.sheet import contact_sheet, save_sheet

HOSTILE = [
    "a/<img src=x onerror=alert(1)>.png", "b/-rf.png", "a/\u05d0\u05d1\u05d2.png",
    "b/it's \"so\".png", "a/{{ 7 * 7 }}.png", "b/" + "long" * 40 + ".png",
]  # fmt: skip
COUNT = 8


def drawings(names, seed):
    """Small pictures in one colour with some noise, so that means tell them apart."""
    rng = np.random.default_rng(seed)
    return {
        name: encoded((rng.integers(0, 200, 3) + rng.integers(0, 50, (12, 12, 3))).astype(np.uint8))
        for name in names
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Real images, samples in a folder and in an archive, and the network of all tests here."""
    root = tmp_path_factory.mktemp("select")
    as_folder(root / "train", drawings([f"{i}.png" for i in range(150)], 0))
    names = [f"{'ab'[i % 2]}/{i:02}.png" for i in range(54)] + HOSTILE
    made = drawings(names, 1)
    as_folder(root / "samples", made)
    as_zip(root / "samples", made)
    return root


@pytest.fixture(autouse=True)
def network(monkeypatch):
    monkeypatch.setattr(opening, "get_extractor", lambda *name, **options: Means())
    monkeypatch.setattr("rara.features.compatibility.is_name", lambda name: name == "means")


@pytest.fixture(scope="module")
def reference(place):
    return rara.Reference.fit(str(place / "train"), extractor=Means())


@pytest.fixture(scope="module")
def table(place, reference):
    return rara.select(
        reference.scorer(extractor=Means(), evidence="none").score(str(place / "samples")), COUNT,
        want="diverse",
    )  # fmt: skip


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# -- folders --


def test_copies_are_the_files_themselves_named_by_rank(table, place, tmp_path):
    facts = facts_of(table)
    copy_to(tmp_path / "chosen", facts, table.pictures)
    listed = json.loads((tmp_path / "chosen" / LIST).read_text("utf-8"))["rara select"]
    assert [one["pick"] for one in listed] == list(range(1, COUNT + 1))
    assert files(tmp_path / "chosen") == sorted([LIST, *(one["file"] for one in listed)])
    for one, pick in zip(listed, facts.picks, strict=True):
        assert one["id"] == pick.id
        assert one["file"].startswith(f"{pick.pick}-")
        original = (place / "samples" / pick.id).read_bytes()
        assert (tmp_path / "chosen" / one["file"]).read_bytes() == original


def test_links_lead_to_the_files(table, place, tmp_path):
    link_in(tmp_path / "links", facts_of(table), table.pictures)
    links = [path for path in (tmp_path / "links").iterdir() if path.name != LIST]
    assert len(links) == COUNT
    assert {os.path.realpath(link) for link in links} == {
        os.path.realpath(place / "samples" / name) for name in picked(table)["id"]
    }
    assert all(link.is_symlink() for link in links)


def test_links_into_an_archive_are_refused_and_leave_nothing(place, reference, tmp_path):
    scorer = reference.scorer(extractor=Means(), evidence="none")
    made = rara.select(scorer.score(str(place / "samples.zip")), 3, want="diverse")
    with pytest.raises(ParameterError, match="--copy-to"):
        link_in(tmp_path / "links", facts_of(made), made.pictures)
    assert files(tmp_path) == []
    copy_to(tmp_path / "copies", facts_of(made), made.pictures)
    assert len(files(tmp_path / "copies")) == 4


def test_a_folder_of_an_earlier_run_is_replaced_and_no_other(table, tmp_path):
    facts, folder = facts_of(table), tmp_path / "chosen"
    copy_to(folder, facts, table.pictures)
    fewer = facts_of(rara.select(table, 3, want="diverse"))
    copy_to(folder, fewer, table.pictures)
    assert len(files(folder)) == 4
    (folder / "mine.txt").write_text("mine")
    before = files(folder)
    with pytest.raises(UnwritableError, match=r"did not write, such as mine\.txt"):
        copy_to(folder, facts, table.pictures)
    assert files(folder) == before
    assert files(tmp_path) == ["chosen"]
    for hostile in ("[]", '{"rara select": 3}', '{"rara select": [{"file": 3}]}', "x" * 9):
        (folder / LIST).write_text(hostile)
        with pytest.raises(UnwritableError):
            copy_to(folder, facts, table.pictures)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnwritableError, match="no folder"):
        copy_to(tmp_path / "file", facts, table.pictures)


def test_nothing_is_written_where_a_pick_has_changed(table, place, tmp_path):
    gone = place / "samples" / picked(table)["id"][2]
    kept = gone.read_bytes()
    try:
        gone.write_bytes(encoded(picture(3)))
        with pytest.raises(ParameterError, match="1 pick of 8"):
            copy_to(tmp_path / "chosen", facts_of(table), table.pictures)
        assert files(tmp_path) == []
    finally:
        gone.write_bytes(kept)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_without_a_right_is_said(table, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(UnwritableError):
        copy_to(tmp_path / "chosen", facts_of(table), table.pictures)


def test_hostile_names_stay_in_the_folder(place, reference, tmp_path):
    scorer = reference.scorer(extractor=Means(), evidence="none")
    scored = scorer.score(str(place / "samples"))
    part = scored.filter(np.isin(scored["id"].astype(str), HOSTILE))
    verdicts = list(part["verdict"])
    count = sum(verdict in {"typical", "uncommon", "rare"} for verdict in verdicts)
    assert count >= 3
    made = rara.select(part, 3, want="diverse")
    copy_to(tmp_path / "in" / "chosen", facts_of(made), made.pictures)
    assert files(tmp_path) == ["in"]
    assert files(tmp_path / "in") == ["chosen"]
    for name in files(tmp_path / "in" / "chosen"):
        assert re.fullmatch(r"[\w.-]+", name)
        assert len(name.encode()) < 200


# -- sheet and page --


def test_the_sheet_shows_each_pick_once(table, tmp_path):
    facts = facts_of(table)
    sheet = contact_sheet(facts, table.pictures)
    for ending in (".png", ".jpg", ".webp"):
        save_sheet(facts, table.pictures, tmp_path / f"a{ending}")
        with Image.open(tmp_path / f"a{ending}") as saved:
            assert saved.size == sheet.size
    pixels = np.asarray(sheet, int)
    for one in facts.picks:
        [(_, image)] = table.pictures("samples", [one.id]).items()
        colour = np.asarray(image.convert("RGB"), int).mean(axis=(0, 1))
        assert (np.abs(pixels - colour).max(axis=2) < 30).any()
    with pytest.raises(ParameterError, match="--samples"):
        contact_sheet(facts, None)
    with pytest.raises(ParameterError, match=r"\.webp"):
        save_sheet(facts, table.pictures, tmp_path / "a.gif")


def test_a_pick_without_a_picture_is_a_name_on_the_sheet(table):
    facts = facts_of(table)
    some = dict(table.pictures("samples", [one.id for one in facts.picks[1:]]))
    sheet = contact_sheet(facts, lambda side, ids: some)
    assert sheet.size == contact_sheet(facts, table.pictures).size


def test_the_page_escapes_names_and_shows_what_was_found(table, place, reference):
    scorer = reference.scorer(extractor=Means(), evidence="none")
    scored = scorer.score(str(place / "samples"))
    part = scored.filter(np.isin(scored["id"].astype(str), HOSTILE))
    for made in (rara.select(part, 3, want="diverse"), table):
        page = selection_html(made)
        facts = facts_of(made)
        assert "<img src=x" not in page
        assert "://" not in page
        assert page.count('<article class="pick"') == min(len(facts.picks), SHOWN)
        assert page.count("<symbol") >= len(facts.picks)
        assert f"{facts.selection.terms['diverse']:.2f}" in page
    bare = rara.ScoreTable(table.arrow, table.provenance)
    assert "<symbol" not in selection_html(bare)


@pytest.mark.parametrize("columns", [60, 80])
def test_lines_fit_a_terminal(table, columns):
    from rara.report.formatting import wrapped

    lines = [one for line in selection_lines(facts_of(table)) for one in wrapped(line, columns)]
    assert all(width(line) <= columns for line in lines)
    text = "\n".join(lines)
    assert "Picked     8 of 60 samples" in text
    assert "drawn at random" in text


# -- the command --


def test_the_command_from_samples_and_from_a_table(place, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["-r", place / "train", "-n", "5", "--want", "diverse", "--evidence", "none"]
    code, out, err = called(
        capsys, "select", place / "samples", *words, "-o", "a.parquet", "--sheet", "a.png",
        "--report", "a.html", "--copy-to", "copies", "--links", "links",
    )  # fmt: skip
    assert code == 0, err
    assert "Picked     5 of 60 samples" in out
    assert "Written    a.html  a.png  copies  links  a.parquet" in out.replace(
        "Written   a", "Written    a"
    )
    first = rara.ScoreTable.from_parquet("a.parquet")
    code, out, err = called(
        capsys, "select", "a.parquet", "-n", "5", "--want", "diverse", "--json", "-r",
        place / "train", "--report", "b.html",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    assert [one["id"] for one in found["picks"]] == picked(first)["id"].tolist()
    assert found["selection"]["terms"]["diverse"] == first.provenance.selection.terms["diverse"]
    assert len(found["left_out"]) == sum(one["count"] for one in found["selection"]["not_eligible"])


def test_tables_of_vectors_and_of_the_reference_itself(place, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    np.save("train.npy", rng.normal(size=(200, 6)).astype(np.float32))
    np.save("made.npy", rng.normal(size=(60, 6)).astype(np.float32))
    assert called(capsys, "score", "made.npy", "-r", "train.npy", "-o", "a.parquet")[0] == 0
    assert (
        called(capsys, "score", "-r", "train.npy", "--leave-one-out", "-o", "own.parquet")[0] == 0
    )
    for table in ("a.parquet", "own.parquet"):
        code, out, err = called(
            capsys, "select", table, "-n", "4", "--want", "diverse", "-o", "b.csv"
        )
        assert code == 0, err
        assert "Picked     4 of" in out
    code, _, err = called(
        capsys, "select", "a.parquet", "-n", "4", "--sheet", "b.png", "--want", "rare"
    )
    assert (code, "--samples" in err) == (2, True)
    (tmp_path / "made.npy").unlink()
    code, _, err = called(capsys, "select", "a.parquet", "-n", "4")
    assert (code, "--samples" in err) == (2, True)


def test_links_into_an_archive_are_refused_before_the_work(place, capsys):
    code, _, err = called(
        capsys, "select", place / "samples.zip", "-r", place / "train", "--links", "links"
    )
    assert (code, "--copy-to" in err, "Reading" in err) == (2, True, False)


def test_several_wants_in_one_option_and_quotas(place, capsys, tmp_path):
    words = ["-r", place / "train", "-n", "4", "--evidence", "none"]
    code, out, err = called(
        capsys, "select", place / "samples", *words, "--want", "faithful", "diverse", "--json",
        "--group-by", "label", "--quota", "a=3", "--quota", "b=1",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    assert found["selection"]["want"] == ["faithful", "diverse"]
    assert sorted(one["id"][0] for one in found["picks"]) == ["a", "a", "a", "b"]


def test_a_table_of_other_images_or_with_options_of_scoring_is_refused(
    place, capsys, tmp_path, table
):
    table.save(tmp_path / "a.parquet")
    code, _, err = called(capsys, "select", tmp_path / "a.parquet", "-n", "3", "-k", "4")
    assert (code, "judged already" in err) == (2, True)
    code, _, err = called(
        capsys, "select", tmp_path / "a.parquet", "-n", "3", "--samples", place / "train"
    )
    assert (code, "other images" in err) == (2, True)
    code, _, err = called(capsys, "select", tmp_path / "a.parquet", "-n", "61")
    assert (code, "the table has 60 samples" in err) == (2, True)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    code, _, err = called(
        capsys, "select", tmp_path / "a.parquet", "--samples", tmp_path / "empty.zip"
    )
    assert code == 2
    assert len(err[err.index("rara:") :].splitlines()) == 1
