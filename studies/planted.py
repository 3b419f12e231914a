"""Error rates on photos: fresh ones called what they are not, and planted copies found.

    python studies/planted.py FOLDER --into docs/trust.md

FOLDER is what studies/cifar10.py writes. All training photos of CIFAR-10 are the reference.
First its test photos are judged, and how many are called is set against the level; then
1,000 copies of training photos, each altered in one of 26 ways (`edits.py`), are hidden among
9,000 test photos, and those called copies or near copies are counted. CIFAR-10 repeats
itself: test photos with a near duplicate among the training photos, as the audit finds
them, are counted apart. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from audit_cifar10 import between
from calibration import insert
from edits import EDITS
from numpy.typing import NDArray
from PIL import Image

from rara import Reference, Run
from rara.embed import embed
from rara.extractors import get_extractor
from rara.results import ScoreTable
from rara.sources import open_source

PLANTED, FRESH = 1_000, 9_000
COPIES = ("copy", "near copy")


def rates(
    reference: Reference, test: NDArray[np.float32], known: NDArray[np.int64], run: Run
) -> str:
    """Fresh photos called at a level; the level is that of the p-values, as promised."""
    lines = ["| level | off-manifold | copy_p at the level | without known duplicates | called "
             "copies |\n|---|---|---|---|---|\n"]  # fmt: skip
    for alpha in (0.01, 0.05):
        table = reference.score_features(test, alpha=alpha, run=run)
        near = table["copy_p"] <= alpha
        shares = (
            table["off_manifold_p"] <= alpha,
            near,
            np.delete(near, known),
            np.isin(table["verdict"], COPIES),
        )
        lines.append(f"| {alpha:.0%} | {' | '.join(f'{100 * s.mean():.2f} %' for s in shares)} |\n")
    return "".join(lines)


def altered(images: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, Image.Image]:
    """Copies of random photos by the name of what was done to them and a number."""
    names = list(EDITS)
    sources, others = rng.permutation(len(images))[: 2 * PLANTED].reshape(2, PLANTED)
    return {
        f"{names[i % len(names)]} {i}": EDITS[names[i % len(names)]](
            Image.fromarray(images[source]), Image.fromarray(images[other]), rng
        )
        for i, (source, other) in enumerate(zip(sources, others, strict=True))
    }


def found(table: ScoreTable, known: NDArray[np.int64]) -> str:
    """False discoveries among the calls, and the share of each kind of copy that was called."""
    called = np.isin(table["verdict"], COPIES)
    fresh = called[PLANTED:].sum()
    repeated = called[PLANTED:][known[known < FRESH]].sum()
    names = np.array([name.rpartition(" ")[0] for name in table["id"][:PLANTED]])
    kinds = sorted(EDITS, key=lambda name: -called[:PLANTED][names == name].mean())
    lines = [
        f"Of {called.sum():,} called, {fresh:,} are fresh photos ({100 * fresh / called.sum():.1f} "
        f"%), {repeated:,} of them known near duplicates of training photos. Of the copies "
        f"{called[:PLANTED].sum():,} of {PLANTED:,} were called:\n\n",
        "| copies | called |\n|---|---|\n",
    ]
    share = {kind: called[:PLANTED][names == kind].mean() for kind in kinds}
    return "".join([*lines, *(f"| {kind} | {share[kind]:.0%} |\n" for kind in kinds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    train, test = (np.load(chosen.folder / f"{part}.npy") for part in ("train", "test"))
    photos = [
        np.load(chosen.folder / f"{part}_images.npy", mmap_mode="r") for part in ("train", "test")
    ]
    copies = altered(photos[0], np.random.default_rng(0))
    planted = embed(
        open_source(copies), get_extractor(threads=chosen.threads), threads=chosen.threads
    )
    parts = []
    for treated in (None, "near"):
        reference = Reference.from_features(train, deduplicate=treated, run=run)
        known = between(test, reference, photos).images
        vectors = np.concatenate([planted.vectors, test[:FRESH]])
        ids = [*planted.ids, *(f"test {i}" for i in range(FRESH))]
        table = reference.score_features(vectors, ids=ids, alpha=0.05, run=run)
        title = "All training photos" if treated is None else "Without near duplicates among them"
        parts.append(f"**{title}** ({len(reference):,}).\n\n{rates(reference, test, known, run)}\n"
                     f"{found(table, known)}")  # fmt: skip
        print(parts[-1], flush=True)
    if chosen.into:
        insert(chosen.into, "\n".join(parts), "planted")


if __name__ == "__main__":
    main()
