"""rara's explorer and report beside other viewers of images: what each needs, how fast it is.

    python benchmarks/viewers.py [--who rara fiftyone] [--images 5000] [--points 1000000]

Every viewer is installed into an environment of its own (network), and gets the same work: open
the demo's images from nothing, and again; show a map of so many points; write a page. Seconds are
by the clock. CPU seconds, of the viewer's processes and of the browser's, hold on a busy machine
too. An environment takes up to 7 GB; it is removed when its viewer is measured, but for `--keep`,
and one that was kept is used again. Viewers and parts that are not
asked for keep their results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import rara
import viewer_browser
from measuring import parser, save
from service import FASHION, unpack
from viewer_list import VIEWERS, Files, Viewer
from viewer_processes import FailedError, finished, free_port, served

SIZES = {"images": 5_000, "points": 1_000_000, "limit": 900, "quiet": 15, "moving": 6}
PARTS = ("install", "images", "points", "page")
CLUSTERS = 40


def main() -> None:
    options = parser(__doc__, SIZES)
    options.add_argument("--who", nargs="+", choices=VIEWERS, default=list(VIEWERS))
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--work", type=Path, help="folder; by default one that is removed")
    options.add_argument(
        "--installed", action="store_true", help="use this environment; install nothing"
    )
    options.add_argument("--keep", action="store_true", help="keep the environments")
    size = options.parse_args()
    viewer_browser.QUIET, viewer_browser.MOVING = float(size.quiet), float(size.moving)
    with tempfile.TemporaryDirectory() as scratch:
        measure(given(size, (size.work or Path(scratch)).resolve()), size)


def measure(files: Files, size: argparse.Namespace) -> None:
    """One viewer after the other; what is measured is kept at once."""
    kept = size.results / "viewers.json"
    old = json.loads(kept.read_text("utf-8"))["rows"] if kept.exists() else []
    rows = {row["package"]: row for row in old}
    for name in size.who:
        rows[name] = rows.get(name, {}) | measured(VIEWERS[name], files, size)
        ordered = [rows[one] for one in VIEWERS if one in rows]
        save(size.results, "viewers", settings=size, rows=ordered)


# -- what all are given --


def given(size: argparse.Namespace, place: Path) -> Files:
    """The demo's images, a fifth of them samples, their vectors, and points without images."""
    place.mkdir(parents=True, exist_ok=True)
    images = place / "images"
    shutil.rmtree(images, ignore_errors=True)
    samples = size.images // 5
    unpack(FASHION / "gan-1.0.zip", images / "samples", samples)
    unpack(FASHION / "reference.zip", images / "train", size.images - samples)
    features = rara.Reference.fit(str(images)).features
    order = np.argsort([str(images / one) for one in features.ids])
    ids = [features.ids[row] for row in order]
    vectors = np.asarray(features.vectors)[order]
    np.save(place / "vectors.npy", vectors)
    table = pa.table({
        "id": ids,
        "label": [Path(one).parent.name for one in ids],
        "image": [{"bytes": (images / one).read_bytes()} for one in ids],
        "vector": list(vectors),
    })  # fmt: skip
    pq.write_table(table, place / "images.parquet")
    positions = place / f"points-{size.points}.npy"
    spread(positions, size.points)
    return Files(images / "samples", images / "train", images, place / "vectors.npy",
                 place / "images.parquet", positions, place)  # fmt: skip


def spread(path: Path, count: int) -> None:
    """Points around some centres, as .npy and as Parquet."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(CLUSTERS, 2))
    cluster = rng.integers(0, CLUSTERS, count)
    places = (centres[cluster] + rng.normal(0, 0.4, (count, 2))).astype(np.float32)
    np.save(path, places)
    x, y = places.T
    labels = pa.array([f"cluster {one}" for one in cluster])
    table = pa.table({"id": np.arange(count), "x": x, "y": y, "label": labels})
    pq.write_table(table, path.with_suffix(".parquet"))


# -- one viewer --


def measured(viewer: Viewer, files: Files, size: argparse.Namespace) -> dict[str, Any]:
    """All that one viewer does; what it cannot do is kept with the reason."""
    work = files.work / viewer.package
    shutil.rmtree(work / "state", ignore_errors=True)
    for part in ("page", "home"):
        (work / "state" / part).mkdir(parents=True)
    files = files._replace(work=work / "state")
    row: dict[str, Any] = {"who": viewer.name, "package": viewer.package, "shows": viewer.shows}
    for name, value in parts(viewer, files, size, work / "environment"):
        row[name] = value
        print(f"{viewer.name}, {name}: {value}", file=sys.stderr, flush=True)
    if not size.keep:
        shutil.rmtree(work / "environment", ignore_errors=True)
        shutil.rmtree(work / "state", ignore_errors=True)
    return row


def parts(
    viewer: Viewer, files: Files, size: argparse.Namespace, environment: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, figures or the reason why there are none) of each part."""
    programs = Path(sys.executable).parent if size.installed else environment / "bin"
    if size.installed:
        if "install" in size.parts:
            yield "install", {"note": "not installed: measured in this environment"}
    else:
        found = tried(lambda: installed(viewer, environment))
        if "install" in size.parts or "note" in found:
            yield "install", found
    if not (programs / "python").exists():
        return
    for name, command, what in (
        ("first", viewer.images, "images"), ("again", viewer.images, "images"),
        ("points", viewer.points, "points"),
    ):  # fmt: skip
        if what not in size.parts:
            continue
        if command is None:
            yield name, {"note": viewer.notes[what]}
            continue
        words = command(programs, files, port := free_port())
        yield name, tried(lambda w=words, p=port, n=name: opened(viewer, w, p, files, size, n))
    if "page" in size.parts:
        command = viewer.page
        if command is None:
            yield "page", {"note": viewer.notes["page"]}
        else:
            yield "page", tried(lambda: written(command(programs, files, 0), files, size))


def tried(work: Any) -> dict[str, Any]:
    """Its figures, or how it failed."""
    try:
        return dict(work())
    except (FailedError, RuntimeError) as error:
        return {"note": f"failed: {error}"}
    except Exception as error:
        if "Timeout" not in type(error).__name__:
            raise
        return {"note": f"failed: {str(error).splitlines()[0]}"}


def installed(viewer: Viewer, environment: Path) -> dict[str, Any]:
    """A fresh environment: how long it takes and how large it is, without pip itself."""
    measured_before = environment / "installed.json"
    if measured_before.exists():
        return dict(json.loads(measured_before.read_text("utf-8")))
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    before, begun = megabytes(environment), time.monotonic()
    pip = [environment / "bin" / "python", "-m", "pip", "--quiet", "--no-cache-dir",
           "--disable-pip-version-check", "install"]  # fmt: skip
    for packages in viewer.packages:
        run = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
        if run.returncode:
            raise FailedError(f"pip: {run.stderr.strip().splitlines()[-1]}")
    seconds, own = time.monotonic() - begun, environment / "lib"
    found = {one.name.split("-")[0].lower(): one.name for one in own.rglob("*.dist-info")}
    version = found[viewer.package.replace("-", "_")].removesuffix(".dist-info").split("-")[1]
    figures = {
        "seconds": seconds, "mb": megabytes(environment) - before, "version": version,
        "packages": len(found) - 2, "load": os.getloadavg()[0],
    }  # fmt: skip
    measured_before.write_text(json.dumps(figures), encoding="utf-8")
    return figures


def megabytes(place: Path) -> float:
    """Of all files below a folder."""
    return sum(one.stat().st_size for one in place.rglob("*") if one.is_file()) / 1e6


def opened(
    viewer: Viewer, words: list[Any], port: int, files: Files, size: argparse.Namespace, name: str
) -> dict[str, Any]:
    """From the command to the first view; for points also how they move."""
    if viewer_browser.browser() is None:
        raise FailedError("no Chromium")
    address = f"http://127.0.0.1:{port}/"
    with served(words, address, files.work, size.limit, waits=viewer.waits) as server:
        ready, spent = server.seconds, server.cpu()
        looking = viewer_browser.looked_at(address, viewer.map, size.limit, viewer.prepare)
        with looking as (seen, view):
            figures = {
                "command": ready, "command_cpu": spent, "page": view.seconds,
                "page_cpu": view.cpu, "server_cpu": server.cpu() - spent, "bytes": view.bytes,
                "requests": view.requests, "memory": server.memory(),
                "elsewhere": view.elsewhere, "load": os.getloadavg()[0],
            }  # fmt: skip
            viewer_browser.kept(seen.page, files.work.parent / f"{name}.png")
            if name == "points":
                figures["count"] = size.points
                figures.update(moving(seen, viewer, files))
        return figures


def moving(seen: viewer_browser.Page, viewer: Viewer, files: Files) -> dict[str, Any]:
    """Frames a second; a map that cannot be moved is no reason to forget the rest."""
    try:
        found = viewer_browser.moved(seen, viewer.map)
    except RuntimeError as error:
        return {"note": str(error)}
    finally:
        viewer_browser.kept(seen.page, files.work.parent / "moved.png")
    return {"frames": {name: pace._asdict() for name, pace in found.items()}}


def written(words: list[Any], files: Files, size: argparse.Namespace) -> dict[str, Any]:
    """What a command that ends leaves behind."""
    seconds, cpu = finished(words, files.work, size.limit)
    left = [one for one in (files.work / "page").rglob("*") if one.is_file()]
    if not left:
        raise FailedError("it wrote nothing")
    return {
        "seconds": seconds, "cpu": cpu, "mb": megabytes(files.work / "page"), "files": len(left)
    }  # fmt: skip


if __name__ == "__main__":
    main()
