"""How much of onnxruntime's own speed is left between files and features.

    python benchmarks/extraction.py [--images 256] [--rounds 5]

Prints images a second, as medians of interleaved rounds, and what they come to as ratios:
ready-made tensors through onnxruntime alone, `embed` from 28 x 28 PNG and from 512 x 512
JPEG files with an empty cache, and `embed` once more with a full one. Ratios come by the
clock, and by the time of this process's cores, which other processes disturb less.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from measuring import parser, save
from rara.extractors import Extractor, get_extractor
from rara.features.embed import embed
from rara.images.decode import content_digest, decode
from rara.sources import open_source
from rara.storage.cache import cache_folder

Measure = Callable[[], object]
SIZES = {"images": 256, "rounds": 5}
KINDS = {"28 x 28 PNG": (28, "png"), "512 x 512 JPEG": (512, "jpg")}


def main() -> None:
    options = parser(__doc__, SIZES).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rates = measure(Path(scratch), options.images, options.rounds)
    save(options.results, "extraction", settings=options, rates=rates)


def measure(scratch: Path, images: int, rounds: int) -> dict[str, list[Rate]]:
    extractor = get_extractor()
    for name, (side, suffix) in KINDS.items():
        make_images(scratch / name, images, side, suffix)
    small = open_source(scratch / next(iter(KINDS)))
    pixels = np.stack([extractor.prepare(decode(item.load())) for item in small])
    measures = onnxruntime_alone(extractor, pixels)
    for name in KINDS:
        measures |= from_files(scratch, name, extractor)
    rates = interleaved(measures, images, rounds)
    report(rates, extractor)
    return rates


def onnxruntime_alone(extractor: Extractor, pixels: NDArray[np.uint8]) -> dict[str, Measure]:
    """Ready-made tensors: one image a call from as many threads as `embed` uses, and batches."""
    graph = next((cache_folder() / "models").glob("efficientnet-lite0-*.onnx"))
    single, crew = session(graph, threads=1), session(graph, threads=extractor.lanes)

    def run(network: onnxruntime.InferenceSession, batch: int, callers: int) -> None:
        tensors = [pixels[i : i + batch] for i in range(0, len(pixels), batch)]
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(lambda tensor: network.run(["features"], {"pixels": tensor}), tensors))

    return {
        "onnxruntime, 1 image a call on each core": lambda: run(single, 1, extractor.lanes),
        "onnxruntime, batches of 1 over all cores": lambda: run(crew, 1, 1),
        "onnxruntime, batches of 16 over all cores": lambda: run(crew, 16, 1),
    }


def session(graph: Path, *, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def from_files(scratch: Path, name: str, extractor: Extractor) -> dict[str, Measure]:
    """`embed` with an empty cache, then with the cache that this left, and decoding alone."""
    source = open_source(scratch / name)
    caches: list[Path] = []

    def cold() -> None:
        caches.append(Path(tempfile.mkdtemp(dir=scratch)))
        embed(source, extractor, cache=caches[-1])

    def decoded() -> None:
        for item in source:
            payload = item.load()
            content_digest(payload)
            extractor.prepare(decode(payload))

    return {
        f"embed, {name}": cold,
        f"embed again, {name}": lambda: embed(source, extractor, cache=caches[-1]),
        f"load, digest, decode and resize on one core, {name}": decoded,
    }


def make_images(folder: Path, images: int, side: int, suffix: str) -> None:
    """Soft blobs with some grain, so that files are about as large as photos are."""
    folder.mkdir()
    rng = np.random.default_rng(side)
    for index in range(images):
        coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        soft = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = rng.integers(-8, 9, soft.shape, dtype=np.int16)
        pixels = np.clip(soft + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:05d}.{suffix}")


class Rate(NamedTuple):
    """Images a second by the clock, and for each second that a core of ours was busy."""

    clock: float
    core: float


def interleaved(measures: dict[str, Measure], images: int, rounds: int) -> dict[str, list[Rate]]:
    """The rates of every measure in every round, after a round that is not counted."""
    rates: dict[str, list[Rate]] = {name: [] for name in measures}
    for counted in [False] + [True] * rounds:
        for name, run in measures.items():
            clock, core = time.perf_counter(), time.process_time()
            run()
            clock, core = time.perf_counter() - clock, time.process_time() - core
            if counted:
                rates[name].append(Rate(images / clock, images / core))
    return rates


def report(rates: dict[str, list[Rate]], extractor: Extractor) -> None:
    print(f"{extractor.spec.name} on {extractor.lanes} cores")
    print(f"{'images a second':>16} {'a core-second':>16}  medians")
    for name, values in rates.items():
        clock, core = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{clock:16.1f} {core:16.1f}  {name}")
    alone = "onnxruntime, 1 image a call on each core"
    for name in KINDS:
        print_ratio(rates, f"embed, {name}", alone, "embed / onnxruntime alone")
        print_ratio(
            rates, f"embed again, {name}", f"embed, {name}", "times as fast as the first run"
        )


def print_ratio(rates: dict[str, list[Rate]], one: str, other: str, what: str) -> None:
    pairs = list(zip(rates[one], rates[other], strict=True))
    clock = statistics.median(a.clock / b.clock for a, b in pairs)
    core = statistics.median(a.core / b.core for a, b in pairs)
    print(f"{clock:16.3f} {core:16.3f}  {what}: {one}")


if __name__ == "__main__":
    main()
