"""Small work: one sample against a large reference, and one image from the command line.

    python benchmarks/small.py [--reference 50000] [--dimensions 1280] [--images 4000]

The first loads a saved reference and scores single vectors; the second runs `rara score` on an
image that it has not seen, against a saved reference of the demo's images, as a whole process.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

import rara
from measuring import Cost, Row, apart, command, cost, interleaved, parser, save
from workload import reference_vectors, sample_vectors

FASHION = Path(__file__).parents[1] / "examples" / "fashion"
SIZES = {"reference": 50_000, "dimensions": 1280, "calls": 20, "images": 4_000}


def main() -> None:
    size = parser(__doc__, SIZES).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        vectors, images = Path(scratch) / "vectors", Path(scratch) / "images"
        apart(build, vectors, size.reference, size.dimensions)
        fashion(images, size.images)
        save(
            size.results,
            "small",
            settings=size,
            calls=apart(single_calls, vectors, size.calls, size.dimensions),
            command=one_image(images, size.images, size.calls),
        )


# -- from a loaded reference --


def build(folder: Path, count: int, dimensions: int) -> None:
    """Save a reference of vectors."""
    rara.Reference.from_features(reference_vectors(count, dimensions)).save(folder)


def single_calls(folder: Path, calls: int, dimensions: int) -> list[dict[str, object]]:
    """One vector at a time, another one every time; the first call prepares what stays."""
    samples = sample_vectors(calls + 1, dimensions)
    reference = rara.Reference.load(folder)

    def score(some: np.ndarray) -> tuple[Cost, str]:
        spent, table = cost(lambda: reference.score_features(some))
        return spent, str(table.provenance["engine"]["filter"])

    facts = {"what": "one vector, reference loaded", "n": len(reference), "d": dimensions}
    score(samples[:1])
    waiting = iter(samples[1:])
    row = Row.of(lambda: score(next(waiting)[None]), **facts)
    return interleaved([row], calls)


# -- from the command line --


def fashion(folder: Path, count: int) -> None:
    """Save a reference of the demo's images."""
    folder.mkdir()
    with zipfile.ZipFile(FASHION / "reference.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        for number, name in enumerate(names[:: max(len(names) // count, 1)][:count]):
            (folder / f"{number}.png").write_bytes(archive.read(name))
    command("reference", "build", str(folder), "-o", str(folder / "reference"))


def one_image(folder: Path, count: int, calls: int) -> list[dict[str, object]]:
    """The whole process on one image, after a first one that is not counted."""

    def score() -> tuple[Cost, str]:
        sample = new_image(folder / "sample.png")
        return command("score", str(sample), "--reference", str(folder / "reference")), ""

    score()
    return interleaved([Row.of(score, what="`rara score`, one image", n=count)], min(calls, 5))


def new_image(file: Path) -> Path:
    """An output of the demo's GAN with some noise, so that no cache knows it."""
    with zipfile.ZipFile(FASHION / "gan-1.0.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".png"))
        pixels = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L"))
    noise = np.random.default_rng().integers(0, 8, pixels.shape, dtype=np.uint8)
    Image.fromarray(pixels // 2 + noise).save(file)
    return file


if __name__ == "__main__":
    main()
