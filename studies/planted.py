"""Error rates on photos: fresh ones called what they are not, and planted copies found.

    python studies/planted.py FOLDER --into docs/explanation/trust.md

FOLDER is what studies/cifar10.py writes. All training photos of CIFAR-10 are the reference.
First its test photos are judged, and how many are called is set against the level; then
1,000 copies of training photos, each altered in one of 26 ways (`edits.py`), are hidden among
9,000 test photos, and those called copies or near copies are counted. CIFAR-10 repeats
itself: a test photo of which the training photos hold the same, as the audit or edges laid over
each other tell (`audit_cifar10.py`, `duplicates.py`), is not fresh, and is counted apart.
`--sheets` gets pictures of all test photos that are called, each beside the training photo named,
for eyes to judge. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from audit_cifar10 import Found, between
from audit_cifar10 import sheet as sheet_of
from cifar10 import images_of
from edits import EDITS
from numpy.typing import NDArray
from PIL import Image

from duplicates import ALIKE, likeness
from pages import insert
from rara import Features, Reference, Run
from rara.extractors import get_extractor
from rara.features.embed import embed
from rara.sources import open_source
from rara.table.score_table import ScoreTable

PLANTED, FRESH = 1_000, 9_000
LEVELS = (0.01, 0.05)
COPIES = ("copy", "near copy")
Rows = NDArray[np.int64]
Photos = Sequence[NDArray[np.uint8]]


def repeated(test: Features, reference: Reference, photos: Photos, run: Run) -> Rows:
    """Test photos of which the reference holds the same, by the audit or by their edges."""
    table = reference.score_features(test, run=run)
    rows = {name: row for row, name in enumerate(reference.ids)}
    origin = np.array([int(name) for name in reference.ids])
    alike = np.zeros(len(test), np.bool_)
    for column in ("nearest", "pixel_nearest"):
        near = origin[[rows[name] for name in table[column]]]
        alike |= likeness(np.asarray(photos[1]), photos[0][near]) > ALIKE
    alike[between(test, reference, [photos[0][origin], photos[1]], run).images] = True
    return np.flatnonzero(alike)


def rates(
    reference: Reference, test: Mapping[str, Image.Image], known: Rows, run: Run
) -> Iterator[str]:
    """Fresh photos called at a level; the level is that of the p-values, as promised."""
    ways = {"by the vectors": "volume_p", "by the pixels": "pixel_p", "by both": "copy_p"}
    yield "| photos | level | off-manifold | " + " | ".join(ways) + " | called copies |\n"
    yield "|---|---|---|---|---|---|---|\n"
    for alpha in LEVELS:
        table = reference.score(test, alpha=alpha, run=run)
        called = np.column_stack(
            [table["off_manifold_p"] <= alpha]
            + [table[column] <= alpha for column in ways.values()]
            + [np.isin(table["verdict"], COPIES)]
        )
        for name, rows in (("all", called), ("fresh", np.delete(called, known, axis=0))):
            shares = " | ".join(f"{100 * share:.2f} %" for share in rows.mean(axis=0))
            yield f"| {name} | {alpha:.0%} | {shares} |\n"


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


def found(table: ScoreTable, known: Rows) -> Iterator[str]:
    """False discoveries among the calls, and the share of each kind of copy that was called."""
    verdicts = np.isin(table["verdict"], COPIES)
    called, test = verdicts[:PLANTED], verdicts[PLANTED:]
    fresh = np.delete(test, known[known < FRESH]).sum()
    yield (
        f"Of {verdicts.sum():,} called, {test.sum():,} are test photos, of which "
        f"{test.sum() - fresh:,} repeat a training photo and {fresh:,} are fresh "
        f"({100 * fresh / verdicts.sum():.1f} % false discoveries). "
        f"Of the copies {called.sum():,} of {PLANTED:,} were called:\n\n"
    )
    names = np.array([name.rpartition(" ")[0] for name in table["id"][:PLANTED]])
    alone = {name: table[name][:PLANTED] <= table["copy_p"][verdicts].max() for name in BY}
    share = {
        kind: [flags[names == kind].mean() for flags in (called, *alone.values())] for kind in EDITS
    }
    yield "| copies | called | by the vectors | by the pixels |\n|---|---|---|---|\n"
    for kind in sorted(share, key=lambda kind: -share[kind][0]):
        yield f"| {kind} | {' | '.join(f'{one:.0%}' for one in share[kind])} |\n"


def sheet(table: ScoreTable, photos: Photos, known: Rows) -> Image.Image:
    """The test photos called, those thought fresh first, beside the training photos named."""
    rows = np.flatnonzero(np.isin(table["verdict"], COPIES)[PLANTED:])
    rows = rows[np.argsort(np.isin(rows, known), kind="stable")]
    by_pixels = (table["pixel_p"] < table["volume_p"])[PLANTED:]
    named = np.where(by_pixels, table["pixel_nearest"][PLANTED:], table["nearest"][PLANTED:])
    source = named[rows].astype(int)
    one, other = photos[1][rows], photos[0][source]
    return sheet_of(Found(one, other, rows, len(rows), 0), slice(None))


BY = ("volume_p", "pixel_p")
"""Each witness alone, at the p-value up to which both together call."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheets", type=Path, help="where pictures of the pairs go")
    parser.add_argument("--into", type=Path, help="a page whose tables are replaced")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(threads=chosen.threads)
    photos = [images_of(chosen.folder, part) for part in ("train", "test")]
    train, fresh = ({f"{i}": Image.fromarray(one) for i, one in enumerate(part)} for part in photos)
    copies = altered(photos[0], np.random.default_rng(0))
    whole = Reference.fit(train, run=run)
    test = embed(open_source(fresh), get_extractor(threads=chosen.threads), threads=chosen.threads)
    known = repeated(test, whole, photos, run)
    samples = {**copies, **{f"fresh {name}": fresh[name] for name in [*fresh][:FRESH]}}
    parts = []
    for treated in (None, "near"):
        reference = Reference.fit(train, deduplicate=treated, run=run) if treated else whole
        table = reference.score(samples, alpha=0.05, run=run)
        title = "Without near duplicates among them" if treated else "All training photos"
        parts.append(
            f"**{title}** ({len(reference):,}). Of the test photos {len(known):,} repeat one.\n\n"
            f"{''.join(rates(reference, fresh, known, run))}\n{''.join(found(table, known))}"
        )
        if chosen.sheets:
            sheet(table, photos, known).save(chosen.sheets / f"planted-{treated or 'all'}.png")
        print(parts[-1], flush=True)
    if chosen.into:
        insert(chosen.into, "\n".join(parts), "planted")


if __name__ == "__main__":
    main()
