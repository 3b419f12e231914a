"""`open_source`: what a place is taken for, and what is said where it cannot be."""

import os

import numpy as np
import pytest

from make import as_tar, as_zip, ids, png
from rara import Features
from rara.errors import (
    DamagedArchiveError,
    EmptySourceError,
    ParameterError,
    SourceError,
    SourceNotFoundError,
    UnknownSourceError,
)
from rara.features.opening import is_features
from rara.images.decode import decode
from rara.sources import open_source
from rara.sources.base import Item, Source, pick, remarks_of
from rara.sources.joined import JoinedSource


def write(root, *names):
    """Files with a distinct image each, or a word where the name is no image's."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number) if path.suffix == ".png" else b"word")
    return root


def write_tar(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    return as_tar(path.with_suffix(""), drawn(names))


def write_zip(path, *names):
    return as_zip(path, drawn(names))


def drawn(names):
    """A distinct image under each name."""
    return {name: png(number) for number, name in enumerate(names)}


# -- what a place is --------------------------------------------------------------------


@pytest.fixture
def places(tmp_path):
    """One place of every kind, each with two images."""
    pixels = np.zeros((2, 4, 3, 3), np.uint8)
    np.save(tmp_path / "stack.npy", pixels)
    np.savez(tmp_path / "stack.npz", arr_0=pixels)
    write(tmp_path / "folder", "a.png", "b.png")
    write_zip(tmp_path / "archive.zip", "a.png", "b.png")
    write_tar(tmp_path / "archive.tar", "a.png", "b.png")
    write_tar(tmp_path / "shards" / "0.tar", "a.png")
    write_tar(tmp_path / "shards" / "1.tar", "a.png")
    return tmp_path


ON_DISK = ["folder", "archive.zip", "archive.tar", "stack.npz", "stack.npy", "shards"]
PATTERNS = ["shards/*.tar", "shards/{0..1}.tar", "folder/*.png", "fol?er/{a,b}.png"]


@pytest.mark.parametrize("place", ON_DISK + PATTERNS)
def test_every_source_keeps_its_promises(places, place):
    source = open_source(str(places / place))
    assert isinstance(source, Source)
    first = [(item.id, item.metadata, item.load()) for item in source]
    again = [(item.id, item.metadata, item.load()) for item in source]
    np.testing.assert_equal(first, again)
    assert source.count() == len({id_ for id_, _, _ in first}) == 2
    assert [decode(payload).mode for _, _, payload in first] == ["RGB", "RGB"]
    assert ids(source.select([first[1][0], "not there"])) == [first[1][0]]
    assert ids(source.select([])) == []


@pytest.mark.parametrize("place", ON_DISK + PATTERNS)
def test_a_location_can_be_opened_from_anywhere(places, place, monkeypatch):
    monkeypatch.chdir(places)
    source = open_source(place)
    monkeypatch.chdir("/")
    assert source.location.startswith(str(places))
    assert ids(open_source(source.location)) == ids(source)


def test_a_list_of_paths_is_joined_and_can_be_reopened(places):
    paths = [places / "archive.zip", places / "folder", places / "stack.npy"]
    source = open_source(paths)
    assert ids(source) == [
        *("archive.zip/a.png", "archive.zip/b.png", "folder/a.png", "folder/b.png"),
        *("stack.npy/000000", "stack.npy/000001"),
    ]
    assert source.count() == 6
    assert "," not in source.location
    assert ids(open_source(source.location)) == ids(source)
    assert ids(source.select(["stack.npy/000001", "folder/a.png"])) == [
        "folder/a.png",
        "stack.npy/000001",
    ]


def test_a_list_of_images_is_like_one_folder(tmp_path):
    write(tmp_path, "x/a.png", "y/b.png", "y/c.png", "y/b.txt")
    source = open_source([str(tmp_path / "y/b.png"), tmp_path / "x/a.png"])
    assert [(item.id, dict(item.metadata)) for item in source] == [
        ("y/b.png", {"label": "y", "prompt": "word"}),
        ("x/a.png", {"label": "x"}),
    ]
    assert ids(open_source(source.location)) == ids(source)


def test_a_single_image(tmp_path):
    source = open_source(write(tmp_path, "a.png", "a.txt", "b.png") / "a.png")
    assert [(item.id, dict(item.metadata)) for item in source] == [("a.png", {"prompt": "word"})]
    assert source.location == str(tmp_path / "a.png")
    assert ids(open_source(source.location)) == ["a.png"]


def test_an_open_source_is_passed_through(places):
    source = open_source(places / "folder")
    assert open_source(source) is source


def test_paths_may_begin_at_home(places, monkeypatch):
    monkeypatch.setenv("HOME", str(places))
    assert open_source("~/folder").count() == 2
    assert open_source("~/shards/*.tar").count() == 2
    assert open_source(["~/folder/a.png"]).count() == 1


def test_images_come_before_archives(tmp_path):
    write_zip(tmp_path / "more.zip", "c.png")
    write_tar(tmp_path / "more.tar", "d.png")
    assert ids(open_source(write(tmp_path, "a.png"))) == ["a.png"]


def test_a_folder_of_shards_reads_them_in_natural_order(tmp_path):
    for number in (10, 9, 1):
        write_tar(tmp_path / "deep" / f"s{number}.tar", "x.png")
    (tmp_path / "README.md").write_text("about")
    source = open_source(tmp_path)
    assert ids(source) == [f"deep/s{number}.tar/x.png" for number in (1, 9, 10)]


def test_ids_of_shards_do_not_depend_on_their_company(tmp_path):
    write_tar(tmp_path / "b.tar", "x.png")
    before = ids(open_source(str(tmp_path / "*.tar")))
    write_tar(tmp_path / "a.tar", "x.png")
    assert set(before) < set(ids(open_source(str(tmp_path / "*.tar"))))


def test_an_existing_name_with_braces_is_no_pattern(tmp_path):
    write(tmp_path / "run[1]{a,b}", "a.png")
    assert ids(open_source(tmp_path / "run[1]{a,b}")) == ["a.png"]


def test_a_joined_source_that_does_not_know_its_size():
    parts = {"a": open_source([np.zeros((2, 2))]), "b": open_source(iter([np.zeros((2, 2))]))}
    assert JoinedSource("both", parts).count() is None


def test_pick_reads_no_further_than_needed():
    def items():
        yield Item("a", bytes)
        yield Item("b", bytes)
        pytest.fail("read on")

    assert ids(pick(items(), ["b"])) == ["b"]
    assert ids(pick(items(), [])) == []


# -- patterns ---------------------------------------------------------------------------


def test_braces_and_wildcards_together(tmp_path):
    for name in ("train-08.tar", "train-09.tar", "train-10.tar", "train-11.tar", "test-09.tar"):
        write_tar(tmp_path / name, "x.png")
    assert ids(open_source(str(tmp_path / "{train,te*}-09.tar"))) == [
        *("train-09.tar/x.png", "test-09.tar/x.png"),
    ]
    assert ids(open_source(str(tmp_path / "train-{10..08}.tar"))) == [
        f"train-{number}.tar/x.png" for number in ("10", "09", "08")
    ]


def test_a_shard_that_is_missing_from_a_range_is_named(places):
    with pytest.raises(SourceNotFoundError, match=r"shards/2.tar'"):
        open_source(f"{places}/shards/{{0..3}}.tar")


def test_a_pattern_without_a_match(places):
    with pytest.raises(SourceNotFoundError, match=r"Nothing matches '.*/none\*.tar'"):
        open_source(f"{places}/none*.tar")


@pytest.mark.parametrize("braces", ["{0..999999999}", "{0..99999}{0..99999}"])
def test_patterns_cannot_exhaust_memory(braces):
    with pytest.raises(ParameterError, match=r"at most 100000"):
        open_source(f"shards/{braces}.tar")


# -- refusals ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "suggestion"),
    [
        ("fodler", "folder"),
        ("FOLDER", "folder"),
        ("archive.rar", "archive.tar"),
        ("shrads/0.tar", "shards"),
    ],
)
def test_a_missing_path_with_what_was_probably_meant(places, wanted, suggestion):
    with pytest.raises(SourceNotFoundError, match=r"Nothing is at") as caught:
        open_source(places / wanted)
    assert f"Did you mean '{places / suggestion}'?" in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


def test_a_missing_path_with_nothing_like_it(places):
    with pytest.raises(SourceNotFoundError, match=r"Nothing is at '.*qqqq'[.]$"):
        open_source(places / "qqqq")
    with pytest.raises(SourceNotFoundError, match=r"archive.zip' is a file, not a folder"):
        open_source(places / "archive.zip" / "a.png")
    with pytest.raises(SourceNotFoundError, match=r"Nothing is at '.*qqqq'"):
        open_source([places / "folder", places / "qqqq"])


def test_paths_below_the_current_folder_are_named_as_written(places, monkeypatch):
    monkeypatch.chdir(places)
    with pytest.raises(SourceNotFoundError, match=r"'fodler'.* Did you mean 'folder'[?]"):
        open_source("fodler")


def test_an_empty_folder(tmp_path):
    with pytest.raises(EmptySourceError, match=r"No images under .*recursively for .png .jpg"):
        open_source(tmp_path)


def test_no_images_among_other_files(tmp_path):
    write(tmp_path, *(f"notes/{number}.txt" for number in range(12)), "LICENSE", "x.json")
    with pytest.raises(EmptySourceError) as caught:
        open_source(tmp_path)
    assert "saw 12 .txt, 1 without suffix, 1 .json" in str(caught.value)


def test_a_folder_that_holds_a_zip_points_there(tmp_path):
    write_zip(tmp_path / "inner.zip", "a.png")
    with pytest.raises(EmptySourceError, match=r"Did you mean '.*inner.zip'[?]"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_an_archive_without_images(tmp_path, name):
    make = write_zip if name == "x.zip" else write_tar
    with pytest.raises(EmptySourceError, match=r"No images under .*saw 1 .txt"):
        open_source(make(tmp_path / name, "a.txt"))


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.zst", "x.npz", "x.parquet"])
@pytest.mark.parametrize("content", [b"", b"hello" * 300])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedArchiveError, match=rf"{name}' is damaged"):
        open_source(tmp_path / name)


def test_unknown_things_are_named_with_what_is_known(tmp_path):
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    with pytest.raises(
        UnknownSourceError, match=r"x.rar' is of no kind that rara reads.*\.zip.*\.npz"
    ):
        open_source(tmp_path / "x.rar")


@pytest.mark.parametrize("spec", ["", "  "])
def test_no_place_on_this_machine(spec):
    with pytest.raises(UnknownSourceError, match=r"no place on this machine"):
        open_source(spec)


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(UnknownSourceError, match=r"neither a file nor a folder"):
        open_source(tmp_path / "x.png")


def test_a_file_with_a_slash(places):
    with pytest.raises(UnknownSourceError, match=r"is a file. Write '.*archive.zip'"):
        open_source(f"{places / 'archive.zip'}/")


def test_a_name_that_is_also_a_pattern_for_another(tmp_path):
    write(tmp_path / "run[1]", "a.png")
    write(tmp_path / "run1", "b.png")
    for place in (tmp_path / "run[1]", f"{tmp_path / 'run[1]'}/"):
        source = open_source(place)
        assert [item.id for item in source] == ["a.png"]
        said = remarks_of(source)[0]
        assert said.startswith("The name was not read as a pattern, which matches ")
        assert said.endswith("run1' too.")


def test_a_name_that_is_also_a_pattern_for_nothing(tmp_path):
    source = open_source(f"{write(tmp_path / 'run[1]', 'a.png')}/")
    assert [item.id for item in source] == ["a.png"]
    assert remarks_of(source) == []


def test_only_what_can_be_read_is_suggested(tmp_path):
    """The nearest names are a note, an empty folder and a dangling link."""
    (tmp_path / "trains.txt").write_text("note")
    (tmp_path / "trains").mkdir()
    (tmp_path / "Train").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SourceNotFoundError) as found:
        open_source(tmp_path / "train")
    assert "Did you mean" not in str(found.value)
    write(tmp_path / "training", "a.png")
    with pytest.raises(SourceNotFoundError, match=r"Did you mean '.*training'\?"):
        open_source(tmp_path / "train")


def test_features_and_images_in_one_folder(tmp_path):
    Features.from_arrays([[0.0], [1.0]]).save(tmp_path)
    with pytest.raises(UnknownSourceError, match=r"features that rara saved, not images"):
        open_source(tmp_path)
    with pytest.raises(UnknownSourceError, match=r"is both"):
        open_source(write(tmp_path, "a.png"))
    with pytest.raises(UnknownSourceError, match=r"is both"):
        is_features(tmp_path)


def test_tars_and_tables_in_one_folder(tmp_path):
    write_tar(tmp_path / "a.tar", "x.png")
    (tmp_path / "b.parquet").write_bytes(b"")
    with pytest.raises(UnknownSourceError, match=r"1 tars and 1 Parquet files. Say which"):
        open_source(tmp_path)


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    write(tmp_path, "a.png", "secret/b.png")
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceError, match=r"secret' cannot be listed: permission denied"):
        open_source(tmp_path)
