"""The benchmarks run at a size where they measure nothing, and the page holds what they wrote."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import measuring
import page
import viewers_page
from contestants import EVERYBODY, Contestant
from workload import warm_up

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
TOY = {
    "peers": "--reference 60 --samples 20 --dimensions 8 --repeats 1 --tasks query",
    "growth": "--counts 60 --samples 20 --dimensions 8 --turns 0",
    "small": "--reference 60 --dimensions 8 --images 20 --calls 1",
    "service": "--reference 40 --calls 2",
    "geometry": "--reference 60 --samples 20 --dimensions 8 --repeats 1 --arithmetic",
    "extraction": "--images 2 --rounds 1",
    "pictures": "--reference 60 --samples 20 --repeats 1",
    "search": "--reference 8 --samples 1 --scored 2 --repeats 1",
    "kernels": "--reference 60 --rows 20 --columns 30 --repeats 1 --dimensions 8",
    "frechet": "--samples 20 --reference 30 --dimensions 8 --repeats 1",
    "sets": "--samples 200 --reference 120 --dimensions 8",
    "parts": "--reference 60 --samples 20 --dimensions 8 --repeats 1",
    "viewers": "--who rara --installed --parts points --images 20 --points 3000 --quiet 1",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What every benchmark wrote, by its name."""
    folder = tmp_path_factory.mktemp("results")
    warm_up()  # compiles once for all of them
    running = {name: started(name, options, folder) for name, options in TOY.items()}
    for part, count in (("train", 60), ("test", 20)):
        np.save(
            folder / f"{part}.npy", np.random.default_rng(0).normal(size=(count, 8)).astype("f")
        )
    photos = f"--vectors {folder} --repeats 1 --tasks query"
    running["photos"] = started("peers", photos, folder)
    for name, process in running.items():
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, f"{name}: {errors}"
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in running}


def started(name, options, folder):
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *options.split()]
    return subprocess.Popen(
        [*command, "--results", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_picks_are_worth_is_measured_without_a_library(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- tables -->\nold\n<!-- end of tables -->\nAfter.\n", "utf-8")
    options = "--samples 300 --peers 60 --reference 120 --dimensions 8 --count 5 --offline"
    command = [sys.executable, str(BENCHMARKS / "selection.py"), *options.split()]
    venvs = ["--venvs", str(tmp_path / "none")]
    subprocess.run([*command, *venvs, "--into", str(page)], check=True, timeout=200)
    text = page.read_text("utf-8")
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    assert text.count("| not installed |") == 6
    assert text.count("| rara | 0.") == 2


def test_the_reward_is_measured_beside_a_product(tmp_path):
    page = tmp_path / "page.md"
    marks = "<!-- benchmarks/reward.py -->", "<!-- end of benchmark -->"
    page.write_text(f"Before.\n{marks[0]}\nold\n{marks[1]}\nAfter.\n", "utf-8")
    options = "--reference 60 --dimensions 8 --batch 4 --calls 2 --into"
    command = [sys.executable, str(BENCHMARKS / "reward.py"), *options.split(), str(page)]
    subprocess.run(command, check=True, timeout=200)
    text = page.read_text("utf-8")
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "old" not in text
    assert "| the float32 product alone |" in text


def test_every_benchmark_is_tried():
    scripts = {p.stem for p in BENCHMARKS.glob("*.py") if "parser(__doc__" in p.read_text("utf-8")}
    assert scripts == set(TOY)


def test_make_bench_runs_every_benchmark():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [name for name in TOY if f"benchmarks/{name}.py --results" not in makefile] == []


def test_everybody_is_measured_or_said_to_be_absent(results):
    rows = {row["who"]: row for row in results["peers"]["rows"]}
    asked = [one for one in EVERYBODY.values() if "query" in one.works]
    assert set(rows) == {one.name for one in asked}
    for one in asked:
        calls = {name: len(rows[one.name][name]) for name in ("cpu", "wall", "peak")}
        assert set(calls.values()) == {1 if one.installed else 0}
        assert one.installed or "not installed" in rows[one.name]["note"]


def test_results_tell_the_machine_and_not_whose_it_is(results):
    told = {"processor", "cores", "instructions", "memory", "system", "python", "packages"}
    for name, result in results.items():
        assert set(result["machine"]) == told
        assert result["machine"]["packages"]["numpy"]
        assert str(Path.home()) not in json.dumps(result), name


def test_every_table_is_made_from_its_results(results):
    text = page.filled(page.PAGE.read_text(encoding="utf-8"), results)
    assert page.NOTHING not in text
    found = {name: body for name, body in places(text).items() if "| --- |" in body}
    assert set(found) == set(page.TABLES)
    for body in found.values():
        widths = {line.count("|") for line in body.splitlines() if line.startswith("|")}
        assert len(widths) == 1


def test_every_table_names_its_processor(results):
    text = page.filled(page.PAGE.read_text(encoding="utf-8"), results)
    for name, body in places(text).items():
        source = page.TABLES[name][0]
        named = [results[source]] if source else results.values()
        assert all(one["machine"]["processor"] in body for one in named), name


def test_the_parts_of_the_command_make_up_the_whole(results):
    rows = {row["part"]: row for row in results["parts"]["rows"]}
    whole = rows.pop("whole")
    assert sum(row["cpu"][0] for row in rows.values()) == pytest.approx(whole["cpu"][0])
    assert max(row["peak"][0] for row in rows.values()) == whole["peak"][0]
    for part in ("read", "geometry: radii", "geometry: samples", "calibration", "report"):
        assert rows[part]["cpu"][0] > 0, part


def test_filling_a_page_again_changes_nothing(results):
    once = page.filled(page.PAGE.read_text(encoding="utf-8"), results)
    assert page.filled(once, results) == once


def test_a_viewer_is_measured_or_says_why_not(results):
    (row,) = results["viewers"]["rows"]
    points = row["points"]
    if points.get("note") != "failed: no Chromium":
        assert points["bytes"] > 100_000
        assert points["frames"]["panning"]["rate"] > 0
        assert points["elsewhere"] == []


def test_the_page_of_viewers_is_made_from_its_results(results):
    text = viewers_page.PAGE.read_text(encoding="utf-8")
    once = viewers_page.filled(text, results["viewers"])
    assert set(places(once)) == set(viewers_page.TABLES)
    assert viewers_page.filled(once, results["viewers"]) == once
    assert viewers_page.filled(text, page.load(page.RESULTS).get("viewers")) == text


def test_the_page_holds_what_is_kept():
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text, page.load(page.RESULTS)) == text


def test_ratios_are_medians_within_repeats():
    def row(who, cpu, peak):
        facts = {"task": "query", "who": who, "n": 1000, "m": 500, "note": ""}
        return {**facts, "cpu": cpu, "wall": cpu, "peak": peak}

    machine = {"cores": 2}
    rows = [
        row("float32 product", [2.0, 4.0, 6.0], [10]),
        row("rara", [1.0, 1.0, 3.0], [3_000_000, 6_000_000]),
        row("peer", [8.0, 20.0, 6.0], [12_000_000]),
        {**row("absent", [], []), "note": "not installed"},
    ]
    settings = {"dimensions": 1000, "repeats": 3}
    table = page.peers({"rows": rows, "settings": settings, "machine": machine})
    assert "| query | rara | 1,000 | 500 | 1.0 | 1.0 | 0.50 |  | 6.0 | 1.0 |" in table
    assert "| query | peer | 1,000 | 500 | 8.0 | 8.0 | 4.0 | 8.0 | 12.0 | 2.0 |" in table
    assert "| query | absent | 1,000 | 500 | – | – | – | – | – | – | not installed |" in table


def test_a_peer_gets_what_fits_the_memory():
    whole = Contestant("all pairs", "numpy", {}, {"radii": 4, "query": 4})
    assert whole.holdable("radii", 60_000, 8_000, 4 * 60_000**2) == 60_000
    assert whole.holdable("radii", 60_000, 8_000, 10**10) == 50_000
    assert whole.holdable("query", 60_000, 8_000, 10**9) == 31_000
    tiles = Contestant("tiles", "numpy", {})
    assert tiles.holdable("radii", 60_000, 8_000, 0) == 60_000


def test_rows_take_turns():
    calls = []

    def measured(name):
        def work():
            calls.append(name)
            return measuring.Cost(1.0, 2.0, 3), f"call {len(calls)}"

        return measuring.Row.of(work, who=name)

    one, other = measuring.interleaved([measured("one"), measured("other")], 2)
    assert calls == ["one", "other"] * 2
    assert one == {"who": "one", "cpu": [1.0] * 2, "wall": [2.0] * 2, "peak": [3] * 2,
                   "note": "call 3"}  # fmt: skip
    assert other["note"] == "call 4"


def test_a_row_says_why_it_failed():
    def break_down():
        raise MemoryError

    row = measuring.Row.of(break_down, who="peer")
    (record,) = measuring.interleaved([row], 3)
    assert record["note"] == "failed: MemoryError"
    assert record["cpu"] == []


def test_memory_that_is_taken_and_given_back_is_seen():

    def work():
        np.ones(40_000_000, np.uint8).sum()

    work()
    spent, _ = measuring.cost(work)
    assert spent.peak > 30_000_000


def places(text):
    """The tables of a page, by name."""
    return {match[2]: match[0][len(match[1]) :] for match in page.PLACE.finditer(text)}
