"""`rara explore`: a table or samples, its address, its files, and its end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import httpx
import numpy as np
import pytest

from commands import called
from embedding import Means
from exploring import ADDRESS, of_vectors, pictures
from make import gaussian
from rara import Run, ScoreTable
from rara.decisions.decisions import Decisions
from rara.errors import ParameterError, SourceNotFoundError
from rara.explorer import maps
from rara.explorer.projection import principal_places
from rara.features import compatibility
from rara.features import opening as running
from rara.table.same_images import compared_pictures


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("place")
    pictures(root / "train", 16, 1)
    pictures(root / "samples", 5, 2)
    return root


@pytest.fixture
def served(monkeypatch, place):
    """What would be served, once it is ready: the command ends at once. A cheap network."""
    seen = []

    def serve(app, guard, *, ready, **_):
        seen.append((app, guard))
        ready(f"http://{guard.host}:{guard.port}/", lambda: None)
        return True

    monkeypatch.setattr("rara.service.running.bound", nullcontext)
    monkeypatch.setattr("rara.service.running.serve", serve)
    monkeypatch.setattr(running, "get_extractor", lambda *name, **options: Means())
    monkeypatch.setattr(compatibility, "available", lambda: ["means"])
    monkeypatch.setattr(compatibility, "is_name", lambda name: name == "means")
    monkeypatch.setattr(maps, "projected", lambda vectors, run: principal_places(vectors))
    monkeypatch.setenv("RARA_CACHE", str(place / "cache"))
    monkeypatch.chdir(place)
    return seen


def asked(app, address, **options):
    async def ask():
        way = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=way, base_url=ADDRESS, timeout=60) as client:
            return await client.request("POST" if options else "GET", address, **options)

    return asyncio.run(ask())


def test_samples_are_judged_first(served, capsys):
    code, out, err = called(capsys, "explore", "samples", "-r", "train", "--no-open")
    assert code == 0, err
    assert out.splitlines()[0] == (
        "Exploring 5 samples and 16 reference images at http://127.0.0.1:8765/"
    )
    [(app, _)] = served
    about = asked(app, "/data/about.json").json()
    assert (about["samples"], about["title"], about["can"]["judge"]) == (5, "samples", True)


def test_a_table_is_opened_with_its_images(served, capsys, place, tmp_path, monkeypatch):
    assert called(capsys, "score", "samples", "-r", "train", "-o", tmp_path / "t.parquet")[0] == 0
    code, _, err = called(capsys, "explore", tmp_path / "t.parquet", "--no-open")
    assert code == 0, err
    assert "Reference: '" in err
    app, _ = served[-1]
    assert asked(app, "/picture/1/0").status_code == 200
    for words in (["-k", 2], ["--alpha", 0.1], ["--group-by", "label"], ["--held-out", 0.5]):
        code, _, err = called(capsys, "explore", tmp_path / "t.parquet", "--no-open", *words)
        assert (code, "was judged already" in err) == (2, True)
    (place / "samples").rename(place / "moved")
    try:
        code, _, err = called(capsys, "explore", tmp_path / "t.parquet", "--no-open")
        assert code == 2
        assert "--samples" in err
        words = ["--samples", place / "moved", "--reference", place / "train"]
        assert called(capsys, "explore", tmp_path / "t.parquet", "--no-open", *words)[0] == 0
        words = ["--samples", place / "train"]
        code, _, err = called(capsys, "explore", tmp_path / "t.parquet", "--no-open", *words)
        assert (code, "holds other images" in err) == (2, True)
    finally:
        (place / "moved").rename(place / "samples")


def reported(capsys, table, **places):
    words = [word for side, where in places.items() for word in (f"--{side}", where)]
    code, _, err = called(capsys, "report", table, table.with_suffix(".html"), *words)
    return code, " ".join(err.split())


def test_a_report_shows_only_the_images_that_were_scored(served, capsys, place, tmp_path):
    table = tmp_path / "t.parquet"
    assert called(capsys, "score", "samples", "-r", "train", "-o", table)[0] == 0
    assert reported(capsys, table, samples="samples", reference="train")[0] == 0
    assert "data:image" in table.with_suffix(".html").read_text("utf-8")
    table.with_suffix(".html").unlink()
    for side, where in (("samples", "train"), ("reference", "samples")):
        code, err = reported(capsys, table, **{side: where})
        assert code == 2
        assert f"'{where}' holds other images than the {side} of the table" in err
        code, err = reported(capsys, table, **{side: "gone"})
        assert code == 2
        assert f"{side}: Nothing is at 'gone'" in err
    assert not table.with_suffix(".html").exists()


def test_a_table_from_a_file_shows_only_the_images_that_were_scored(served, capsys, tmp_path):
    """As the command does, by the same comparison."""
    file = tmp_path / "t.parquet"
    assert called(capsys, "score", "samples", "-r", "train", "-o", file)[0] == 0
    table = ScoreTable.from_parquet(file, samples="samples", reference="train")
    ids = table["id"].tolist()
    assert set(table.pictures("samples", ids)) == set(ids)
    assert ScoreTable.from_parquet(file).pictures("samples", ids) == {}
    for side, where in (("samples", "train"), ("reference", "samples")):
        with pytest.raises(ParameterError, match=f"holds other images than the {side} of the"):
            ScoreTable.from_parquet(file, **{side: where})
        with pytest.raises(SourceNotFoundError, match=f"{side}: Nothing is at 'gone'"):
            ScoreTable.from_parquet(file, **{side: "gone"})


def test_a_table_from_a_file_shows_no_picture_that_changed_since(
    served, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "train", 16, 1)
    pictures(tmp_path / "samples", 5, 2)
    assert called(capsys, "score", "samples", "-r", "train", "-o", "t.parquet")[0] == 0
    table = ScoreTable.from_parquet("t.parquet", samples="samples")
    first, second, *_ = sorted((tmp_path / "samples").rglob("*.png"))
    first.write_bytes(second.read_bytes())
    names = [first.name, second.name]
    assert list(table.pictures("samples", names)) == [second.name]
    with pytest.raises(ParameterError, match="holds other images"):
        ScoreTable.from_parquet("t.parquet", samples="samples")


def test_a_report_refuses_one_image_that_changed(served, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "train", 16, 1)
    pictures(tmp_path / "samples", 5, 2)
    table = tmp_path / "t.parquet"
    assert called(capsys, "score", "samples", "-r", "train", "-o", table)[0] == 0
    first, second = sorted((tmp_path / "samples").rglob("*.png"))[:2]
    first.write_bytes(second.read_bytes())
    code, err = reported(capsys, table, samples="samples")
    assert (code, "holds other images" in err) == (2, True)


def test_a_report_takes_a_reference_of_which_images_were_left_out(
    served, capsys, tmp_path, monkeypatch
):
    """Unreadable, repeated or held out: what stayed is what is compared."""
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "train", 16, 1)
    pictures(tmp_path / "samples", 5, 2)
    pictures(tmp_path / "others", 16, 3)
    first = min((tmp_path / "train").rglob("*.png"))
    (tmp_path / "train" / "again.png").write_bytes(first.read_bytes())
    (tmp_path / "train" / "broken.png").write_bytes(b"no picture")
    cleaned = ["--deduplicate", "exact"]
    assert called(capsys, "reference", "build", "train", "-o", "built", *cleaned)[0] == 0
    for name, words in (("built", []), ("train", [])):
        table = tmp_path / f"{name}.parquet"
        assert called(capsys, "score", "samples", "-r", name, "-o", table, *words)[0] == 0
        for where in {name, "train"}:
            assert reported(capsys, table, reference=where)[0] == 0
        with pytest.raises(
            ParameterError, match=r"images were left out of it\. `rara report TABLE"
        ):
            ScoreTable.from_parquet(table, reference="train")
        code, err = reported(capsys, table, reference="others")
        assert (code, "holds other images" in err) == (2, True)
    (tmp_path / "train" / "broken.png").unlink()
    table, words = tmp_path / "held.parquet", ["--held-out", 0.3]
    assert called(capsys, "score", "samples", "-r", "train", "-o", table, *words)[0] == 0
    assert reported(capsys, table, reference="train")[0] == 0
    assert "holds other images" in reported(capsys, table, reference="others")[1]


@pytest.mark.parametrize(("words", "asked"), [
    ([], {"threads": None, "memory": None}),
    (["--threads", 1, "--memory", "300MB"], {"threads": 1, "memory": 300 << 20}),
])  # fmt: skip
def test_a_report_works_with_the_threads_and_memory_given(
    served, capsys, tmp_path, monkeypatch, words, asked
):
    table, runs = tmp_path / "t.parquet", []
    assert called(capsys, "score", "samples", "-r", "train", "-o", table)[0] == 0

    def compared(provenance, samples, reference, run, again):
        runs.append(run)
        return compared_pictures(provenance, samples, reference, run, again)

    monkeypatch.setattr("rara.cli.report.compared_pictures", compared)
    page = tmp_path / "p.html"
    code, _, err = called(capsys, "report", table, page, "--samples", "samples", *words)
    assert code == 0, err
    [run] = runs
    assert {name: getattr(run, name) for name in asked} == asked
    code, _, err = called(capsys, "report", table, page, "--threads", 0)
    assert (code, "--threads 0: give at least 1." in err) == (2, True)


def test_decisions_go_into_the_file_and_the_next_run_respects_them(served, capsys, tmp_path):
    file = tmp_path / "decisions.csv"
    words = ["explore", "samples", "-r", "train", "--no-open", "--decisions", file]
    assert called(capsys, *words)[0] == 0
    assert not file.exists()
    app, _ = served[-1]
    body = {"sample": 0, "reference": 3, "decision": "copy"}
    assert asked(app, "/decisions", json=body).status_code == 200
    assert [one.word for one in Decisions.load(file)] == ["copy"]
    assert called(capsys, *words)[0] == 0
    app, _ = served[-1]
    record = asked(app, "/record/0").json()
    assert (record["verdict"], record["nearest"]["row"]) == ("copy", 3)


@pytest.mark.parametrize("opens", [True, False])
def test_a_browser_opens_unless_told_otherwise(served, capsys, monkeypatch, opens):
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    words = [] if opens else ["--no-open"]
    assert called(capsys, "explore", "samples", "-r", "train", *words)[0] == 0
    assert addresses == (["http://127.0.0.1:8765/"] if opens else [])


def test_with_a_token_it_says_how_to_bring_it_and_never_shows_it(
    served, capsys, monkeypatch, tmp_path
):
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    (tmp_path / "token").write_text("t" * 40)
    words = ["--host", "0.0.0.0", "--token-file", tmp_path / "token"]
    code, out, err = called(capsys, "explore", "samples", "-r", "train", *words)
    assert code == 0
    assert "?token=" in out
    assert "tttt" not in out + err
    assert addresses == []
    [(app, guard)] = served
    assert guard.token == "t" * 40
    assert asked(app, "/data/about.json").status_code == 401
    assert asked(app, "/").status_code == 401


@pytest.mark.parametrize(("given", "pixels"), [
    ([], 50_000_000), (["--max-pixels", "128000000"], 128_000_000),
    (["--max-pixels", "200000000"], 200_000_000),
])  # fmt: skip
def test_pictures_that_are_dropped_have_the_limit_that_was_given(served, capsys, given, pixels):
    assert called(capsys, "explore", "samples", "-r", "train", "--no-open", *given)[0] == 0
    [(app, _)] = served
    assert app.state.limits.pixels == pixels
    assert app.state.limits.pixels_at_once == max(100_000_000, pixels)


def test_packages_that_are_missing_are_named_before_the_work(served, capsys, monkeypatch):
    from rara.explorer import projection

    monkeypatch.setattr(projection, "find_spec", lambda name: None)
    code, _, err = called(capsys, "explore", "samples", "-r", "train")
    assert code == 2
    assert "pip install umap-learn" in err
    assert served == []


def test_the_same_reference_with_other_options(served, capsys):
    words = ["-k", "2", "--group-by", "label", "--alpha", "0.1"]
    code, _, err = called(capsys, "explore", "samples", "-r", "train", "--no-open", *words)
    assert code == 2
    assert "label" in err
    code, _, _ = called(capsys, "explore", "train", "-r", "train", "--leave-one-out", "--no-open")
    assert code == 0
    app, _ = served[-1]
    assert asked(app, "/data/about.json").json()["samples"] == 16


@pytest.mark.parametrize(
    ("samples", "reference", "says"),
    [
        (np.full((3, 4), np.nan), gaussian(9, 4), "NaN"),
        (gaussian(3, 4), np.full((9, 4), np.inf), "NaN"),
        (gaussian(3, 4), gaussian(1, 4), "k = 3 with 1 reference image"),
        (gaussian(3, 5), gaussian(9, 4), "dimensions"),
        (np.zeros((0, 4)), gaussian(9, 4), "numbers of shape"),
    ],
)  # fmt: skip
def test_vectors_that_cannot_be_explored(served, capsys, tmp_path, samples, reference, says):
    np.save(tmp_path / "samples.npy", samples)
    np.save(tmp_path / "train.npy", reference)
    words = [tmp_path / "samples.npy", "-r", tmp_path / "train.npy", "--no-open"]
    code, _, err = called(capsys, "explore", *words)
    assert code == 2
    assert says in err
    assert served == []


@pytest.mark.slow
def test_an_interrupt_ends_it_cleanly(tmp_path):
    """A real process and a real socket; SIGINT answers what is under way, and ends with 0."""
    seen = of_vectors(gaussian(6, 4, 1), gaussian(20, 4, 2), Run(threads=1, cache=tmp_path))
    np.save(tmp_path / "train.npy", seen.reference.features.vectors)
    np.save(tmp_path / "samples.npy", seen.samples.vectors)
    words = ["samples.npy", "-r", "train.npy", "--no-open", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rara", "explore", *words], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    line = process.stdout.readline()
    assert "Exploring 6 samples and 20 reference images at http://127.0.0.1:" in line
    address = line.split()[-1]
    assert httpx.get(f"{address}data/about.json").json()["atlas"] is None
    assert httpx.get(address).headers["content-type"].startswith("text/html")
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert time.monotonic() - since < 30
    assert "Traceback" not in err


def test_a_table_of_images_is_no_saved_table(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from rara.cli.explore import is_table

    pq.write_table(pa.table({"image": [b"x"]}), tmp_path / "images.parquet")
    seen = of_vectors(gaussian(3, 4, 1), gaussian(9, 4, 2), Run(threads=1, cache=tmp_path))
    seen.table.save(tmp_path / "scores.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    names = ("images", "scores", "broken", "nothing")
    found = [name for name in names if is_table(tmp_path / f"{name}.parquet")]
    assert found == ["scores"]
    assert isinstance(ScoreTable.from_parquet(tmp_path / "scores.parquet"), ScoreTable)
