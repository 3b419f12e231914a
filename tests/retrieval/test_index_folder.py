"""The index in a folder: complete or continued, and nothing else is opened."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rara.errors import DamagedStoreError, ParameterError, SourceNotFoundError, UnwritableError
from rara.retrieval import index_folder
from rara.retrieval.feature_codes import packed, unpacked
from rara.retrieval.index_folder import build_index, open_index
from rara.retrieval.inverted_index import Index
from rara.retrieval.local_features import prepare
from rara.storage.folder import Parts, array_part, claim, read_folder
from scenes import scene


@pytest.fixture(scope="module")
def images():
    return [prepare(scene(seed, 160, 120)) for seed in range(7)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(index_folder, "SHARD", 3)


def digests(count):
    return [hashlib.sha256(f"image {row}".encode()).hexdigest() for row in range(count)]


class Asked:
    """Features of images, and which rows were asked for."""

    def __init__(self, images, fails_at=None):
        self.images, self.fails_at, self.rows = images, fails_at, []

    def __call__(self, rows):
        for row in rows:
            if row == self.fails_at:
                raise KeyboardInterrupt
            self.rows.append(row)
            yield self.images[row].features


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture
def folder(tmp_path, images):
    build_index(tmp_path / "index", digests(7), Asked(images))
    return tmp_path / "index"


def test_the_folder_has_the_index_of_all_images(folder, images):
    stored, index = open_index(folder), Index.build(image.features for image in images)
    assert len(stored) == 7
    for name in ("offsets", "signatures", "rows", "frames"):
        kept = getattr(stored.index.postings, name)
        assert not kept.flags.writeable
        assert np.array_equal(kept, getattr(index.postings, name))
    for row, image in enumerate(images):
        features, expected = stored.features(row), unpacked(packed(image.features))
        assert np.array_equal(features.descriptors, expected.descriptors)
        assert np.array_equal(features.points, expected.points)
    found, same = (one.candidates(images[4]) for one in (stored.index, index))
    assert np.array_equal(found.rows, same.rows)
    assert np.array_equal(found.votes, same.votes)
    assert [bytes(row).hex() for row in stored.digests] == digests(7)


@pytest.mark.parametrize("row", [-1, 7])
def test_rows_beyond_the_images(folder, row):
    with pytest.raises(IndexError, match="of 7"):
        open_index(folder).features(row)


def test_a_finished_folder_is_not_built_again(folder, images):
    before, asked = content(folder), Asked(images)
    build_index(folder, digests(7), asked)
    assert asked.rows == []
    assert content(folder) == before


@pytest.mark.parametrize("first", [1, 3, 4])
def test_an_extended_folder_is_that_of_all(tmp_path, folder, images, first):
    build_index(tmp_path / "other", digests(first), Asked(images))
    asked = Asked(images)
    build_index(tmp_path / "other", digests(7), asked)
    assert asked.rows == list(range(first, 7))
    assert content(tmp_path / "other") == content(folder)


def test_other_images_are_built_anew(folder, images):
    asked = Asked(images)
    stored = build_index(folder, digests(7)[::-1], asked)
    assert asked.rows == list(range(7))
    assert len(stored) == 7


def test_fewer_images_are_built_anew(folder, images):
    assert len(build_index(folder, digests(7)[:2], Asked(images))) == 2


def test_a_build_goes_on_where_it_ended(tmp_path, folder, images):
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "other", digests(7), Asked(images, fails_at=4))
    with pytest.raises(DamagedStoreError, match="unfinished: build it again"):
        open_index(tmp_path / "other")
    asked = Asked(images)
    build_index(tmp_path / "other", digests(7), asked)
    assert asked.rows == [3, 4, 5, 6]
    assert content(tmp_path / "other") == content(folder)


def test_a_failed_extension_leaves_the_index(tmp_path, images):
    build_index(tmp_path / "one", digests(2), Asked(images))
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "one", digests(7), Asked(images, fails_at=4))
    assert len(open_index(tmp_path / "one")) == 2


def test_a_damaged_shard_is_made_again(tmp_path, folder, images):
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "other", digests(7), Asked(images, fails_at=6))
    shard = min((tmp_path / "other" / "shards").iterdir())
    part = next(shard.glob("rows-*.npy"))
    part.write_bytes(part.read_bytes()[:-1])
    asked = Asked(images)
    build_index(tmp_path / "other", digests(7), asked)
    assert len(asked.rows) == 4
    assert content(tmp_path / "other") == content(folder)


KILLED = """
import sys
sys.path[:0] = {path!r}
import os, signal
from pathlib import Path
from rara.retrieval import index_folder
from test_index_folder import Asked, digests
from rara.retrieval.local_features import prepare
from scenes import scene

index_folder.SHARD = 3
images = [prepare(scene(seed, 160, 120)) for seed in range(7)]

def features(rows):
    for row in rows:
        if row == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield images[row].features

index_folder.build_index(Path({folder!r}), digests(7), features)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_build_goes_on(tmp_path, folder, images):
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), *sys.path]
    code = KILLED.format(path=paths, folder=str(tmp_path / "other"))
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    asked = Asked(images)
    build_index(tmp_path / "other", digests(7), asked)
    assert asked.rows == [3, 4, 5, 6]
    assert content(tmp_path / "other") == content(folder)


def test_no_images(tmp_path, images):
    stored = build_index(tmp_path / "none", [], Asked(images))
    assert len(stored) == 0
    assert len(stored.index.candidates(images[0]).rows) == 0


@pytest.mark.parametrize("digest", ["", "00", "x" * 64, None])
def test_digests_that_are_none(tmp_path, images, digest):
    with pytest.raises(ParameterError, match="sha256"):
        build_index(tmp_path / "index", [*digests(2), digest], Asked(images))


# -- what no build writes --------------------------------------------------------------


def rewritten(folder, facts=None, **changed):
    """The folder with other arrays, sealed as rara does it."""
    stored = read_folder(folder)
    names = ("offsets", "signatures", "rows", "frames", "codes", "code_offsets", "digests")
    arrays = {name: np.array(np.load(stored.path(f"{name}.npy"))) for name in names}
    arrays |= {name: change(arrays[name]) for name, change in changed.items()}
    files = {f"{name}.npy": array_part(array) for name, array in arrays.items()}
    with claim(folder) as place:
        place.write(Parts("feature index", {**stored.facts, **(facts or {})}, files))


def with_value(place, value):
    def change(array):
        array[place] = value
        return array

    return change


def descending(array):
    array[100], array[101] = array[-1], 0
    return array


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": with_value(3, 7)},
        {"rows": with_value(0, -1)},
        {"rows": lambda a: a.astype(np.int64)},
        {"rows": lambda a: a[:-1]},
        {"offsets": with_value(0, -5)},
        {"offsets": with_value(-1, 10**18)},
        {"offsets": with_value(500, 10**18)},
        {"offsets": with_value(500, -(10**18))},
        {"offsets": descending},
        {"offsets": lambda a: a[:-1]},
        {"signatures": lambda a: a[:-1]},
        {"frames": lambda a: a[:, :3]},
        {"frames": lambda a: a[:0]},
        {"codes": lambda a: a[:-1]},
        {"code_offsets": with_value(2, 10**18)},
        {"code_offsets": with_value(0, 1)},
        {"code_offsets": lambda a: a[:-1]},
        {"digests": lambda a: a[:-1]},
        {"digests": lambda a: a[:, :31]},
        {"facts": {"images": 10**18}},
        {"facts": {"images": 6}},
        {"facts": {"images": "7"}},
        {"facts": {"version": "0.9"}},
        {"facts": {"version": None}},
    ],
    ids=lambda changed: ", ".join(changed),
)
def test_other_arrays_are_refused(folder, changed):
    rewritten(folder, **changed)
    with pytest.raises(DamagedStoreError) as error:
        open_index(folder)
    message = str(error.value)
    assert str(folder) in message
    assert len(message.splitlines()) == 1


def test_an_index_of_another_version_is_built_again(folder, images):
    rewritten(folder, facts={"version": "0.9"})
    with pytest.raises(DamagedStoreError, match=r"version '0\.9'.*build it again"):
        open_index(folder)
    asked = Asked(images)
    build_index(folder, digests(7), asked)
    assert asked.rows == list(range(7))
    assert len(open_index(folder)) == 7


def test_damaged_codes_are_refused_where_they_are_used(folder):
    rewritten(folder, codes=with_value(0, 99))
    stored = open_index(folder)
    with pytest.raises(DamagedStoreError, match="damaged"):
        stored.features(0)
    assert len(stored.features(1)) > 12


def test_exchanged_parts_are_refused(folder):
    manifest = folder / "manifest.json"
    text = json.loads(manifest.read_text())
    files = text["files"]
    first, second = (folder / files[name]["file"] for name in ("rows.npy", "frames.npy"))
    first.write_bytes(second.read_bytes())
    with pytest.raises(DamagedStoreError, match="damaged"):
        open_index(folder)


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(SourceNotFoundError):
        open_index(tmp_path / "none")
    with claim(tmp_path / "other") as place:
        place.write(Parts("features", {}, {}))
    with pytest.raises(DamagedStoreError, match="holds features, not a feature index"):
        open_index(tmp_path / "other")
    with pytest.raises(UnwritableError, match="holds features, no feature index"):
        build_index(tmp_path / "other", [], lambda rows: ())
