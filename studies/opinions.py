"""How often second opinions contest a verdict; entered into docs/explanation/verdict.md by hand.

    python studies/opinions.py .study/cifar10

Fresh images, which nobody copied and nothing broke: Gaussian data in 16 dimensions, the demo's
Fashion-MNIST, and CIFAR-10 (fetched into the folder named if it is not there). They are judged
by the reference, by its halves, and by plain pixels as another extractor; and again by
references of the same size that share no image with it, to see which verdicts hold. Some
minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from zipfile import ZipFile

import numpy as np
from cifar10 import images_of, vectors_of
from numpy.typing import NDArray
from PIL import Image

from rara import Features, Reference, Run, ScoreTable
from rara.robustness.contested import contested
from rara.robustness.second_opinions import by_halves
from rara.verdict.disagreement import contradicts

FASHION = Path(__file__).parents[1] / "examples" / "fashion"
RUN = Run(threads=1)
VERDICTS = ("typical", "uncommon", "rare", "off-manifold")
COPIES = 200

Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cifar10", type=Path, nargs="?")
    folder = parser.parse_args().cifar10
    gaussian()
    fashion()
    if folder:
        cifar10(folder)


def gaussian() -> None:
    rng = np.random.default_rng(0)
    references = [rng.normal(size=(4000, 16)).astype(np.float32) for _ in range(6)]
    judged("Gaussian, 4,000", references, rng.normal(size=(5000, 16)).astype(np.float32))


def fashion() -> None:
    """The demo's images, whose plain pixels are the other extractor's vectors."""
    reference = Reference.fit(FASHION / "reference.zip", run=RUN)
    table = reference.score(FASHION / "heldout.zip", run=RUN)
    halves = by_halves(table, reference, FASHION / "heldout.zip", run=RUN)
    theirs = Reference.from_features(pixels_of("reference", reference.ids), run=RUN)
    samples = Features.from_arrays(pixels_of("heldout", table["id"]), ids=table["id"])
    pixels = {"pixels": theirs.score_features(samples, run=RUN)}
    say("Fashion-MNIST, 4,000", contested(table, halves=halves))
    say("Fashion-MNIST, 4,000, by pixels", contested(table, extractors=pixels))


def cifar10(folder: Path) -> None:
    train, test = (np.asarray(vectors_of(folder, part)) for part in ("train", "test"))
    references = [np.ascontiguousarray(train[i : i + 10_000]) for i in range(0, 50_000, 10_000)]
    table = judged("CIFAR-10, 10,000", references, test[:3000])
    flat = [images_of(folder, part)[:n] for part, n in (("train", 10_000), ("test", 3000))]
    theirs, samples = (one.reshape(len(one), -1).astype(np.float32) for one in flat)
    other = Reference.from_features(theirs, run=RUN).score_features(samples, run=RUN)
    say("CIFAR-10, 10,000, by pixels", contested(table, extractors={"pixels": other}))
    judged("CIFAR-10, 50,000", [train], test)


def judged(what: str, references: Sequence[Vectors], samples: Vectors) -> ScoreTable:
    """Fresh images and copies by the first reference and its halves; its table without them."""
    start = process_time()
    reference = Reference.from_features(references[0], run=RUN)
    table = reference.score_features(Features.from_arrays(samples), run=RUN)
    done = process_time()
    halves = by_halves(table, reference, Features.from_arrays(samples), run=RUN)
    weighed = contested(table, halves=halves)
    say(what, weighed)
    print(f"  CPU seconds: {done - start:.1f}, halves {process_time() - done:.1f}")
    copied(reference, samples)
    others = [
        Reference.from_features(one, run=RUN).score_features(samples, run=RUN)["verdict"]
        for one in references[1:]
    ]
    if others:
        holding(weighed, others)
    return table


def say(what: str, table: ScoreTable) -> None:
    """The share contested, of all and by verdict; how the rankings correlate."""
    verdict, flags = table["verdict"], table["contested"]
    shares = [f"{name} {flags[verdict == name].mean():.0%}" for name in VERDICTS]
    print(f"{what}: {flags.mean():.1%} contested ({', '.join(shares)})")
    about = table.provenance["opinions"]
    for one in [about[kind] for kind in ("by_half",) if kind in about] + about.get(
        "by_extractor", []
    ):
        print("  rank correlation:", one["rank_correlation"], flush=True)


def copied(reference: Reference, samples: Vectors) -> None:
    """Copies, exact and with a little noise, among as many fresh images."""
    rng = np.random.default_rng(0)
    rows = rng.choice(len(reference), COPIES, replace=False)
    originals = reference.features.vectors[rows]
    spread = np.median(reference.radii) / np.sqrt(originals.shape[1])
    for noise in (0.0, 0.1):
        near = originals + np.float32(noise * spread) * rng.normal(size=originals.shape)
        mixed = Features.from_arrays(np.concatenate([near, samples[:COPIES]]))
        table = reference.score_features(mixed, run=RUN)
        halves = by_halves(table, reference, mixed, run=RUN)
        weighed = contested(table, halves=halves)
        called = np.isin(weighed["verdict"], ("copy", "near copy"))[:COPIES]
        print(
            f"  noise {noise:g}: of {COPIES} copies {called.sum()} are called, of those "
            f"{weighed['contested'][:COPIES][called].sum()} contested",
            flush=True,
        )


def holding(table: ScoreTable, others: Sequence[NDArray[np.object_]]) -> None:
    """Which verdicts references of the same size, but of other images, give as well."""
    given, flags = table["verdict"], table["contested"]
    held = np.mean(
        [[not contradicts(*pair) for pair in zip(given, one, strict=True)] for one in others],
        axis=0,
    )
    for name, chosen in {"all": given == given, **{n: given == n for n in VERDICTS}}.items():
        print(
            f"  {name}: hold with other images {held[chosen].mean():.2f}, contested "
            f"{held[chosen & flags].mean():.2f}, others {held[chosen & ~flags].mean():.2f}",
            flush=True,
        )
    rare = given == "rare"
    kept = np.mean([np.isin(one[rare], ("rare", "uncommon", "off-manifold")) for one in others])
    print(f"  rare: with other images rare, uncommon or off-manifold {kept:.2f}", flush=True)


def pixels_of(name: str, ids: Sequence[str]) -> Vectors:
    """Grey values of the demo's images."""
    with ZipFile(FASHION / f"{name}.zip") as archive:
        images = [np.asarray(Image.open(archive.open(one)).convert("L")) for one in ids]
    return np.stack(images).reshape(len(images), -1).astype(np.float32)


if __name__ == "__main__":
    main()
