"""Folders, tables and caches from anywhere: damage and forgery end in one error, or change nothing.

Nothing outside a received folder is opened for its sake, nothing hangs, and no private picture
gets onto a page.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import hostile
import rara
from hostile import damage, forge, forge_items, manifest_in, raw_seal
from rara.cli.app import run as command
from rara.errors import (
    DamagedStoreError,
    FeatureError,
    ParameterError,
    RaraError,
    ReferenceMismatchError,
    UnwritableError,
)
from rara.features.features import Features
from rara.reference.cleaning import Cleaning
from rara.reference.reference import Reference
from rara.storage import compiled
from rara.storage import compiled_cache as kept_code
from rara.storage.cache import cache_folder
from rara.table.csv_cells import escaped, like_formulas
from rara.table.score_table import ScoreTable

OPENED = None
"""What was opened while `watched`, else None."""


def _note(event, arguments):
    if OPENED is not None and event == "open":
        OPENED.append(arguments[0])


sys.addaudithook(_note)


@contextmanager
def watched():
    global OPENED
    OPENED = opened = []
    try:
        yield opened
    finally:
        OPENED = None


@pytest.fixture(autouse=True)
def _no_hang():
    """What waits for a pipe ends as a failure."""
    signal.alarm(550)
    yield
    signal.alarm(0)


def made(n=12, dim=5):
    rng = np.random.default_rng(0)
    metadata = {"label": [None if i % 3 == 0 else f"c{i % 2}" for i in range(n)]}
    features = Features.from_arrays(rng.normal(size=(n, dim)), metadata=metadata)
    spec = replace(features.spec, name="means", weights="w")
    return Reference.from_features(replace(features, spec=spec), k=2)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "reference"
    made().save(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "received")
    return tmp_path / "received"


def equal(one, other):
    return (
        one.features.vectors.tobytes() == other.features.vectors.tobytes()
        and one.features.items.equals(other.features.items)
        and (one.features.spec, one.features.location)
        == (other.features.spec, other.features.location)
        and (one.k, one.geometry.cleaning) == (other.k, other.geometry.cleaning)
        and one.geometry.d2.tobytes() == other.geometry.d2.tobytes()
        and one.geometry.index.tobytes() == other.geometry.index.tobytes()
    )


def outside(opened, folder):
    """Paths that were opened and lie neither in the folder nor in Python's own."""
    own = [folder.resolve(), *(Path(p).resolve() for p in (sys.prefix, sys.base_prefix))]
    own.append(Path(rara.__file__).parent.resolve())
    paths = [Path(os.fsdecode(p)) for p in opened if isinstance(p, str | bytes)]
    return [path for path in paths if not any(path.absolute().is_relative_to(o) for o in own)]


def used(reference):
    """Whatever loads can be used, or says in one error why not."""
    features = reference.features
    query = replace(features, location="query").take(np.arange(3), "query")
    table = reference.score_features(query)
    assert len(table) == 3
    reference.audit()


def hold(whole, place, change, count, seed):
    """So many changes: equal features, or a RaraError, and nothing else opened."""
    true, outcomes = Reference.load(whole), Counter()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        folder = place / f"{number}" / "received"
        shutil.copytree(whole, folder)
        what = change(folder, rng)
        try:
            with watched() as opened:
                loaded = Reference.load(folder)
        except RaraError as error:
            outcomes[type(error).__name__] += 1
        except Exception as error:
            raise AssertionError(f"{what} ({number}): {error!r}") from error
        else:
            if equal(loaded, true):
                outcomes["equal"] += 1
            else:
                assert change is forge, f"{what} ({number}) goes unnoticed"
                try:
                    used(loaded)
                except RaraError:
                    pass
                except Exception as error:
                    raise AssertionError(f"{what} ({number}): {error!r}") from error
                outcomes["another, usable"] += 1
        assert not outside(opened, folder), (what, outside(opened, folder))
        shutil.rmtree(place / f"{number}")
    return outcomes


@pytest.mark.parametrize("change", [damage, forge])
def test_changed_folders_are_refused_or_change_nothing(whole, tmp_path, change):
    outcomes = hold(whole, tmp_path, change, 60, seed=1)
    assert outcomes["DamagedStoreError"] > 20


# -- folders ----------------------------------------------------------------------------


def test_parts_outside_of_the_folder_are_not_opened(folder):
    manifest = manifest_in(folder)
    file = manifest["files"]["vectors.npy"]["file"]
    shutil.copytree(folder, folder.parent / "private")
    for name in (f"../private/{file}", str(folder.parent / "private" / file), "/etc/passwd"):
        manifest["files"]["vectors.npy"]["file"] = name
        raw_seal(folder, manifest)
        with watched() as opened, pytest.raises(DamagedStoreError, match="another file name"):
            Reference.load(folder)
        assert not outside(opened, folder)


@pytest.mark.parametrize("change", hostile.FILES[:-1])
@pytest.mark.parametrize("name", ["manifest.json", "vectors.npy", "items.parquet", "radii.npy"])
def test_only_plain_files_are_opened(folder, change, name):
    path = folder / name if name == "manifest.json" else hostile.part(folder, name)
    change(path, None)
    with pytest.raises(DamagedStoreError, match=r"is not opened: put the file"):
        Reference.load(folder)


def test_a_long_manifest_is_not_read(folder):
    with (folder / "manifest.json").open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(DamagedStoreError, match="has more than 16,777,216 bytes"):
        Reference.load(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{" + '"x":[' * 100_000])
def test_a_nested_manifest_is_damaged(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DamagedStoreError, match="damaged, or not rara's"):
        Reference.load(folder)


def test_a_table_of_repeats_does_not_fill_the_memory(folder):
    forge_items(folder, lambda table: hostile.many_rows(table, None))
    with pytest.raises(DamagedStoreError, match=r"3,000,000 rows in [\d,]+ bytes"):
        Reference.load(folder)


@pytest.mark.parametrize(
    ("fact", "value", "words"),
    [
        ("k", True, "k = True with"),
        ("k", 0, "k = 0 with"),
        ("k", 99, "k = 99 with"),
        ("k", "3", "k = 3 with"),
        ("cleaning", [1], "an unknown cleaning"),
        ("cleaning", {"clip_radii": "x"}, "an unknown cleaning"),
        ("cleaning", {"unit": 3}, "a unit that is no text"),
        ("extractor", {"name": 1}, "fields of another type"),
        ("extractor", {"name": "a", "weights": "b"}, "fields missing"),
        ("extractor", {"command": "rm"}, "unknown fields"),
        ("extractor", None, "no extractor"),
        ("location", 7, "no location"),
        ("remarks", "text", "remarks that are no sentences"),
        ("counts", {"done": 3}, "other counts"),
    ],
)
def test_facts_of_another_type_are_named(folder, fact, value, words):
    manifest = manifest_in(folder)
    manifest["facts"][fact] = value
    raw_seal(folder, manifest)
    with pytest.raises(DamagedStoreError, match=words):
        Reference.load(folder)


def test_the_cleaning_of_an_earlier_folder_is_read_under_its_earlier_name(folder):
    manifest = manifest_in(folder)
    cleaning = {**manifest["facts"].pop("cleaning"), "clip_radii": 0.5}
    manifest["facts"]["treatment"] = cleaning
    raw_seal(folder, manifest)
    assert Reference.load(folder).geometry.cleaning.facts() == cleaning
    del manifest["facts"]["treatment"]
    raw_seal(folder, manifest)
    assert Reference.load(folder).geometry.cleaning == Cleaning()
    manifest["facts"]["treatment"] = {"clip_radii": "x"}
    raw_seal(folder, manifest)
    with pytest.raises(DamagedStoreError, match="an unknown cleaning"):
        Reference.load(folder)


def test_an_unknown_kind_is_named(folder):
    manifest = manifest_in(folder)
    manifest["kind"] = "zebra"
    raw_seal(folder, manifest)
    with pytest.raises(DamagedStoreError, match="'zebra' is neither features nor a reference"):
        Features.load(folder)


def test_spare_parts_that_do_not_fit_are_left_alone(whole, folder):
    for name in ("codes.npy", "terms.npy", "frame.npy"):
        array = np.load(hostile.part(folder, name))
        hostile.place_part(folder, name, hostile.npy(array[..., :-1]))
    loaded = Reference.load(folder)
    assert equal(loaded, Reference.load(whole))
    assert loaded.geometry.code_cache.quantized is None


# -- what a folder names ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["/etc/passwd", "../net.onnx", "net.onnx", "zebra"])
def test_a_folder_names_no_network_to_open(folder, tmp_path, draw, name):
    manifest = manifest_in(folder)
    manifest["facts"]["extractor"] |= {"name": name}
    raw_seal(folder, manifest)
    (tmp_path / "net.onnx").write_bytes(b"not to be opened")
    images = draw(tmp_path / "images", 2, 0)
    reference = Reference.load(folder)
    with watched() as opened, pytest.raises(ReferenceMismatchError, match="which is not installed"):
        reference.score(images)
    assert not [p for p in outside(opened, folder) if p.name in {Path(name).name, "net.onnx"}]


def test_pictures_are_shown_only_where_they_are_those_that_were_judged(tmp_path, draw):
    reference = Reference.fit(draw(tmp_path / "train", 8, 0), k=2)
    reference.save(tmp_path / "kept")
    samples = draw(tmp_path / "gen", 3, 1)
    before = Reference.load(tmp_path / "kept").score(samples).pictures("reference", reference.ids)
    assert set(before) == set(reference.ids)
    name = reference.ids[0]
    Image.new("RGB", (9, 9), "red").save(tmp_path / "train" / name)  # a private picture
    after = Reference.load(tmp_path / "kept").score(samples).pictures("reference", reference.ids)
    assert set(after) == set(reference.ids) - {name}


@pytest.mark.parametrize("kind", ["pipe", "folder with a pipe", "device", "url"])
def test_a_location_that_is_no_place_with_images_is_left_alone(folder, tmp_path, kind):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "with").mkdir()
    os.mkfifo(tmp_path / "with" / "0")
    os.mkfifo(tmp_path / "with" / "0.png")
    place = {
        "pipe": tmp_path / "pipe.png", "folder with a pipe": tmp_path / "with",
        "device": "/dev/zero", "url": "http://127.0.0.1/x.png",
    }[kind]  # fmt: skip
    manifest = manifest_in(folder)
    manifest["facts"]["location"] = str(place)
    raw_seal(folder, manifest)
    forge_items(folder, lambda table: table.set_column(
        0, table.schema.field("id"), pa.array([f"{i}.png" for i in range(len(table))])
    ))  # fmt: skip
    table = Reference.load(folder).score_leave_one_out()
    assert table.pictures("reference", ["0.png"]) == {}


def test_a_table_from_a_file_opens_only_places_that_are_named_again(tmp_path, draw):
    train, gen = draw(tmp_path / "train", 8, 0), draw(tmp_path / "gen", 3, 1)
    Reference.fit(train, k=2).score(gen).to_parquet(tmp_path / "t.parquet")
    ids = [path.name for path in gen.iterdir()]
    assert ScoreTable.from_parquet(tmp_path / "t.parquet").pictures("samples", ids) == {}
    table = ScoreTable.from_parquet(tmp_path / "t.parquet", samples=gen)
    assert set(table.pictures("samples", ids)) == set(ids)
    table.report(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count("data:image") >= 1


# -- locks ------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_lock_that_is_a_link_leaves_the_file_behind_it(folder, tmp_path, link):
    precious = tmp_path / "thesis.tex"
    precious.write_text("years of work")
    (folder / ".lock").unlink(missing_ok=True)
    link(precious, folder / ".lock")
    with pytest.raises(UnwritableError, match=r"\.lock' is a link or no plain file"):
        made().save(folder)
    assert precious.read_text() == "years of work"


def test_a_lock_that_links_to_nothing_makes_nothing(folder, tmp_path):
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").symlink_to(tmp_path / "new")
    with pytest.raises(UnwritableError, match="is a link or no plain file"):
        made().save(folder)
    assert not (tmp_path / "new").exists()


# -- tables -----------------------------------------------------------------------------

FORMULAS = ["=1+1", "+a", "-a", "@x", "\tx", "\rx", "'=1", "＝1", "-2.png"]
PLAIN = ["a=1", "-1", "+2.5", "-1e-3", "", None, "'a", "x-1", "٣"]


def test_text_like_formulas_is_escaped_on_request_and_can_be_read_back():
    table = pa.table({"id": FORMULAS + PLAIN, "=x": range(len(FORMULAS + PLAIN))})
    assert like_formulas(table) == len(FORMULAS) + 1
    done = escaped(table)
    assert done.column_names == ["id", "'=x"]
    assert done["id"].to_pylist() == [f"'{text}" for text in FORMULAS] + PLAIN
    assert like_formulas(table.select(["id"]).slice(len(FORMULAS))) == 0


def test_csv_is_exact_unless_escaping_is_asked_for(tmp_path):
    reference = Reference.from_features(np.random.default_rng(0).normal(size=(9, 2)), k=2)
    table = reference.score_features(np.zeros((1, 2)), ids=["=cmd"])
    for formulas, cell in (("keep", '"=cmd"'), ("escape", '"\'=cmd"')):
        table.save(tmp_path / "t.csv", formulas=formulas)
        assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith(cell)
    table.save(tmp_path / "t.parquet", formulas="escape")
    assert ScoreTable.from_parquet(tmp_path / "t.parquet")["id"].tolist() == ["=cmd"]
    with pytest.raises(ParameterError, match="give 'keep' or 'escape'"):
        table.save(tmp_path / "t.csv", formulas="maybe")


def test_commands_say_which_cells_are_like_formulas(tmp_path, draw, capsys):
    train, gen = draw(tmp_path / "train", 8, 0), draw(tmp_path / "gen", 3, 1)
    shutil.copy(gen / "image 0.png", gen / "=1.png")
    score = ["score", str(gen), "-r", str(train), "-o"]
    assert command([*score, str(tmp_path / "t.csv")]) == 0
    assert "of text for a formula; --escape-formulas prevents it." in capsys.readouterr().err
    assert command([*score, str(tmp_path / "t.csv"), "--escape-formulas"]) == 0
    assert "each got an apostrophe." in capsys.readouterr().err
    assert '"\'=1.png"' in (tmp_path / "t.csv").read_text()
    assert command([*score, str(tmp_path / "t.json"), "--escape-formulas"]) == 2
    assert "it is for a .csv file" in capsys.readouterr().err


# -- caches -----------------------------------------------------------------------------

QUERY = """
import numpy as np, rara
rng = np.random.default_rng(0)
reference = rara.Reference.from_features(rng.normal(size=(300, 8)), k=3)
table = reference.score_features(rng.normal(size=(20, 8)))
print(repr([table[c].tolist() for c in ("rarity", "nearest", "knn_distance", "verdict")]))
"""


LISTED = """
import sys
seen = set()
def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".code"):
        seen.add(arguments[0])
sys.addaudithook(note)
"""


def queried(cache, before="", after=""):
    """What a process of its own answers, with this cache."""
    environment = {**os.environ, "RARA_CACHE": str(cache)}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", before + QUERY + after],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.returncode, found.stderr, found.stdout


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    """A cache with compiled loops, and the right answer."""
    cache = tmp_path_factory.mktemp("cache")
    if (cache_folder() / "code").exists():  # spares compiling what other tests have compiled
        shutil.copytree(cache_folder() / "code", cache / "code")
    answer = queried(cache)
    assert answer[:2] == (0, "")
    asked = queried(cache, LISTED, "print(*seen, sep='\\n')")[2].splitlines()[1:]
    for path in loops(cache):
        if str(path) not in asked:
            path.unlink()
    return cache, answer


def loops(cache):
    return sorted(cache.glob("code/*/*.code"))


def hold_code(code, tmp_path, rounds, seed, most=None):
    """Changed files of compiled loops, `most` of them at once: the same answer, and made again."""
    cache, answer = code
    true = [path.name for path in loops(cache)]
    assert len(true) > 5
    for number in range(rounds):
        rng = np.random.default_rng([seed, number])
        there = tmp_path / f"{number}"
        shutil.copytree(cache, there)
        for path in rng.permutation(loops(there))[:most]:  # each in another way
            change = hostile.BYTES[int(rng.integers(len(hostile.BYTES)))]
            path.write_bytes(change(path.read_bytes(), rng))
        assert queried(there) == answer
        assert {path.name for path in loops(there)} >= set(true)
        for path in loops(there):  # made again, with a digest that fits
            assert kept_code.read_checked(path) is not None
        assert queried(there) == answer


def test_damaged_loops_are_compiled_again(code, tmp_path):
    hold_code(code, tmp_path, 1, seed=0, most=4)


def test_loops_in_place_of_others_are_not_used(code, tmp_path):
    cache, answer = code
    shutil.copytree(cache, tmp_path / "c")
    one, other = loops(tmp_path / "c")[:2]
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])
    assert queried(tmp_path / "c") == answer
    assert (one.read_bytes(), other.read_bytes()) != contents[::-1]


@pytest.mark.parametrize(
    "name", ["geometry/distances.py", "stats/joint_rank.py", "storage/compiled.py"]
)
def test_code_is_kept_for_these_very_sources(tmp_path, monkeypatch, name):
    """A loop has the code of others within it, so that a change in any file is a new folder."""
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))
    shutil.copytree(Path(rara.__file__).parent, tmp_path / "rara")
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "rara" / "storage" / "compiled.py"))
    before = compiled._code_folder.__wrapped__()
    assert compiled._code_folder.__wrapped__() == before
    with (tmp_path / "rara" / name).open("a") as file:
        file.write("\n")
    assert compiled._code_folder.__wrapped__() != before


def test_every_loop_is_among_the_sources_of_kept_code():
    root = Path(rara.__file__).parent
    loops = [path for path in root.rglob("*.py") if "\n@compiled" in path.read_text("utf-8")]
    assert len(loops) > 5
    assert {path.relative_to(root).parts[0] for path in loops} <= set(compiled._SOURCES)


def test_each_changed_byte_of_a_loop_is_noticed(tmp_path):
    path = tmp_path / "x.code"
    kept_code.write_checked(path, b"some code" * 20)
    data = path.read_bytes()
    assert kept_code.read_checked(path) == b"some code" * 20
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert kept_code.read_checked(path) is None
        path.write_bytes(data[:at])
        assert kept_code.read_checked(path) is None


@pytest.mark.parametrize("change", hostile.FILES)
def test_a_loop_that_is_no_plain_file_is_unknown(tmp_path, change):
    path = tmp_path / "c" / "x.code"
    path.parent.mkdir()
    kept_code.write_checked(path, b"code")
    change(path, None)
    assert kept_code.read_checked(path) is None
    kept_code.write_checked(path, b"again")
    assert kept_code.read_checked(path) in (b"again", None)


def test_code_that_others_could_have_written_is_not_used(tmp_path):
    path = tmp_path / "x.code"
    kept_code.write_checked(path, b"code")
    path.chmod(0o666)
    assert kept_code.read_checked(path) is None
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    for name, words in (("open", "others may write"), ("link", "a link"), ("file", "is no folder")):
        kept, why = kept_code.own_folder(tmp_path / name)
        assert kept is None
        assert words in why
    assert "file' is no folder" in kept_code.own_folder(tmp_path / "file" / "x")[1]
    made, why = kept_code.own_folder(tmp_path / "a" / "b")
    assert (made.stat().st_mode & 0o777, why) == (0o700, "")


def test_commands_say_where_loops_are_not_kept(code, tmp_path):
    shutil.copytree(code[0], tmp_path / "c")
    for folder in (tmp_path / "c" / "code").iterdir():
        folder.chmod(0o777)
    found = subprocess.run(
        [sys.executable, "-m", "rara", "doctor"], capture_output=True, text=True, check=True,
        env={**os.environ, "RARA_CACHE": str(tmp_path / "c")},
    )  # fmt: skip
    assert "Compiled loops are not kept" in found.stderr
    assert "others may write to it" in found.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_code_of_another_user_is_not_used(tmp_path):
    path = tmp_path / "x.code"
    kept_code.write_checked(path, b"code")
    os.chown(path, 12345, -1)
    assert kept_code.read_checked(path) is None
    os.chown(tmp_path, 12345, -1)
    assert "belongs to another user" in kept_code.own_folder(tmp_path)[1]


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time_agree(code, tmp_path):
    environment = {**os.environ, "RARA_CACHE": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", QUERY]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    answers = [(*reversed(one.communicate()), one.returncode) for one in both]
    assert answers == [(code[1][1], code[1][2], 0)] * 2
    assert queried(tmp_path) == code[1]


def run_of(cache, train, gen):
    run = rara.Run(cache=cache, threads=2)
    table = Reference.fit(train, k=2, run=run).score(gen, run=run)
    return repr(table.arrow.to_pylist())


def hold_caches(tmp_path, draw, rounds, seed):
    """Packs and kept arrays, each file changed: results as with an empty cache, or an error."""
    train, gen = draw(tmp_path / "train", 12, 0), draw(tmp_path / "gen", 4, 1)
    cache = tmp_path / "cache"
    answer = run_of(cache, train, gen)
    assert {path.suffix for path in cache.rglob("*") if path.is_file()} >= {".arrow", ".npz"}
    outcomes = Counter()
    for number in range(rounds):
        rng = np.random.default_rng([seed, number])
        there = tmp_path / f"cache-{number}"
        shutil.copytree(cache, there)
        files = sorted(p for p in there.rglob("*") if p.suffix in (".arrow", ".npz"))
        path = files[number % len(files)]
        if rng.random() < 0.8:
            change = hostile.BYTES[int(rng.integers(len(hostile.BYTES)))]
            path.write_bytes(change(path.read_bytes(), rng))
        else:
            change = hostile.FILES[int(rng.integers(len(hostile.FILES)))]
            change(path, rng)
        assert run_of(there, train, gen) == answer, (number, change.__name__, path.name)
        outcomes[f"{change.__name__} {path.suffix}"] += 1
        shutil.rmtree(there)
    return outcomes


def test_damaged_caches_change_no_result(tmp_path, draw):
    hold_caches(tmp_path, draw, 20, seed=2)


@pytest.mark.parametrize("change", [*hostile.BYTES, *hostile.FILES])
def test_a_damaged_model_is_made_again(tmp_path, change):
    from rara.extractors import efficientnet_lite0 as lite0

    folder = tmp_path / "models"
    graph = lite0._cached_graph(folder)
    (path,) = folder.glob("*.onnx")
    rng = np.random.default_rng(3)
    if change in hostile.BYTES:
        path.write_bytes(change(path.read_bytes(), rng))
    else:
        change(path, rng)
    assert lite0._cached_graph(folder) == graph


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("~nouser", "RARA_CACHE = '~nouser': there is no such user"),
        ("{}/file", r"Cannot write to .*\(not a directory\): set RARA_CACHE"),
        ("{}/file/x", r"Cannot write to .*\(not a directory\): set RARA_CACHE"),
    ],
)
def test_a_cache_that_cannot_be_is_one_sentence(tmp_path, draw, capsys, monkeypatch, place, words):
    (tmp_path / "file").write_text("")
    train, gen = draw(tmp_path / "train", 6, 0), draw(tmp_path / "gen", 2, 1)
    monkeypatch.setenv("RARA_CACHE", place.format(tmp_path))
    assert command(["score", str(gen), "-r", str(train)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rara:")]
    assert len(said) == 1
    assert re.search(words, said[0])


def test_a_cache_may_be_relative_or_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RARA_CACHE", "some/where")
    assert cache_folder() == tmp_path / "some" / "where"
    for nothing in ("", " "):
        monkeypatch.setenv("RARA_CACHE", nothing)
        assert cache_folder().is_absolute()
        assert cache_folder().name == "rara"


@pytest.mark.parametrize("text", ["NaN", "[1]", "[" * 100_000, "x", '{"label": "\\ud800"}'])
def test_metadata_in_a_forged_folder_is_an_object(folder, text):
    forge_items(folder, lambda table: table.set_column(
        table.column_names.index("metadata"), "metadata", pa.array([text] * len(table))
    ))  # fmt: skip
    reference = Reference.load(folder)
    for use in (reference.audit, reference.score_leave_one_out):
        with pytest.raises(FeatureError, match="is no JSON object"):
            use()
    with pytest.raises(FeatureError, match="is no JSON object"):
        reference.score_leave_one_out(group_by="label")


# -- the same, many times ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("change", [damage, forge])
def test_hundreds_of_changed_folders_are_refused_or_change_nothing(whole, tmp_path, change):
    outcomes = hold(whole, tmp_path, change, 600, seed=10)
    assert outcomes["DamagedStoreError"] > 300


@pytest.mark.slow
def test_hundreds_of_damaged_caches_change_no_result(tmp_path, draw):
    assert hold_caches(tmp_path, draw, 200, seed=11).total() == 200


@pytest.mark.slow
def test_damaged_loops_are_compiled_again_at_every_place(code, tmp_path):
    hold_code(code, tmp_path, 4, seed=12)
