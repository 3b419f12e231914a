"""A copy network as a further test for copies: its level on fresh photos, and what it finds.

    python studies/copy_network.py level --cifar10 FOLDER --demo examples/fashion --work FOLDER
    python studies/copy_network.py planted --cifar10 FOLDER --work FOLDER [--images 5000]
    python studies/copy_network.py photos --photos FOLDER --work FOLDER
        [--network sscd-student] [--into docs/studies/copy-network.md]

`level`: fresh photos of CIFAR-10 and clothes of Fashion-MNIST called at a level, for references of
several sizes, without direct evidence. `planted`: 1,000 altered copies, as in `planted.py`, among
9,000 test photos, with `--images` training photos as the reference. `photos`: parts of photos, and
copies of some by each edit of `hard_edits.py`; what is pasted on is not in the reference. Vectors
are kept in the working folder. Half an hour each on one core, most of it for vectors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from cifar10 import images_of
from copy_candidates import copies, pictures
from edits import EDITS
from hard_edits import HARD
from numpy.typing import NDArray
from PIL import Image
from planted import COPIES, FRESH, PLANTED, altered, repeated

from pages import insert
from rara import Reference, Run, ScoreTable, get_extractor, open_source
from rara.features.embed import embed

LEVELS = (0.01, 0.05, 0.2)
SIZES = {20: 30, 300: 10, 5_000: 2, 50_000: 1}
"""Images of a reference, and how many references are drawn."""
SAMPLES = 1_000
"""Fresh images of each."""
TESTS = {"vectors": "volume_p", "pixels": "pixel_p", "copy network": "network_p"}
SHARE = 0.75
"""Of the parts of photos, those that are the reference."""
COPIED = 24
HELD = (0.01, 0.05)
"""The levels at which copies of parts of photos are called."""

Photos = Mapping[str, Image.Image]


# -- level ------------------------------------------------------------------------------


def level(options: argparse.Namespace, run: Run) -> Iterator[str]:
    """Fresh images called by p-values, which their level promises to bound."""
    yield "| images | reference | references | level | "
    yield " | ".join(TESTS) + " | all | without the copy network |\n" + "|---" * 9 + "|\n"
    train, test = (named(images_of(options.cifar10, part)) for part in ("train", "test"))
    for size, count in SIZES.items():
        called = []
        for seed in range(count):
            rng = np.random.default_rng([size, seed])
            reference = Reference.fit(drawn(train, size, rng), run=run)
            fresh = drawn(test, SAMPLES, rng)
            called.append(shares(reference, fresh, options.network, run))
        yield from lines(f"CIFAR-10 | {size:,} | {count}", np.mean(called, axis=0))
    reference = Reference.fit(options.demo / "reference.zip", run=run)
    clothes = shares(reference, options.demo / "heldout.zip", options.network, run)
    yield from lines(f"Fashion-MNIST | {len(reference):,} | 1", clothes)


def named(images: NDArray[np.uint8]) -> dict[str, Image.Image]:
    return {f"{i}": Image.fromarray(np.array(one)) for i, one in enumerate(images)}


def drawn(images: Photos, count: int, rng: np.random.Generator) -> Photos:
    names = list(images)
    rows = np.sort(rng.permutation(len(names))[:count])
    return {names[row]: images[names[row]] for row in rows}


def shares(
    reference: Reference, fresh: Photos | Path, network: str, run: Run
) -> NDArray[np.float64]:
    """(levels, tests and all and all but the network), called of the fresh images."""
    made = [scored(reference, fresh, one, "none", run) for one in (network, None)]
    columns = [*(made[0][name] for name in TESTS.values()), *(one["copy_p"] for one in made)]
    return np.array([[np.mean(p <= alpha) for p in columns] for alpha in LEVELS])


def scored(
    reference: Reference, samples: Photos | Path, network: str | None, evidence: str, run: Run
) -> ScoreTable:
    return reference.score(samples, copy_network=network, evidence=evidence, run=run)


def lines(what: str, called: NDArray[np.float64]) -> Iterator[str]:
    for alpha, row in zip(LEVELS, called, strict=True):
        yield f"| {what} | {alpha:.0%} | {' | '.join(f'{100 * one:.2f} %' for one in row)} |\n"


# -- planted copies ---------------------------------------------------------------------


def planted(options: argparse.Namespace, run: Run) -> Iterator[str]:
    """Copies called among test photos, by edit, with and without the network and evidence."""
    photos = [images_of(options.cifar10, part) for part in ("train", "test")]
    photos[0] = photos[0][: options.images]
    train, fresh = (named(part) for part in photos)
    copied = altered(photos[0], np.random.default_rng(0))
    samples = {**copied, **{f"fresh {name}": fresh[name] for name in [*fresh][:FRESH]}}
    network = get_extractor(threads=run.threads)
    test = embed(open_source(fresh), network, cache=run.cache, threads=run.threads)
    whole = Reference.fit(train, run=run)
    known = repeated(test, whole, photos, run)
    kinds = np.array([name.rpartition(" ")[0] for name in copied])
    reference = Reference.fit(train, deduplicate="near", run=run)
    yield f"{len(reference):,} training photos, without near duplicates among them.\n\n"
    ways = {
        f"{'without' if one is None else 'with'} it{', evidence' * (also == 'near')}": scored(
            reference, samples, one, also, run
        )
        for also in ("none", "near")
        for one in (None, options.network)
    }
    yield from found(ways, kinds, known)


def found(
    ways: Mapping[str, ScoreTable], kinds: NDArray[np.str_], known: NDArray[np.int64]
) -> Iterator[str]:
    called = {way: np.isin(table["verdict"], COPIES) for way, table in ways.items()}
    yield f"| | {' | '.join(ways)} |\n{'|---' * (1 + len(ways))}|\n"
    rows = {"copies called, of 1,000": [flags[:PLANTED].sum() for flags in called.values()]}
    fresh = [np.delete(flags[PLANTED:], known[known < FRESH]) for flags in called.values()]
    rows["fresh photos called"] = [flags.sum() for flags in fresh]
    rows["test photos that repeat one called"] = [
        flags[PLANTED:].sum() - some.sum()
        for flags, some in zip(called.values(), fresh, strict=True)
    ]
    yield from (
        f"| {name} | {' | '.join(f'{one:,}' for one in row)} |\n" for name, row in rows.items()
    )
    for kind in EDITS:
        shares = [f"{flags[:PLANTED][kinds == kind].mean():.0%}" for flags in called.values()]
        yield f"| {kind} | {' | '.join(shares)} |\n"
    spoken = next(table for way, table in ways.items() if way == "with it, evidence")
    flags = called["with it, evidence"][:PLANTED]
    names, counts = np.unique(spoken["copy_witness"][:PLANTED][flags], return_counts=True)
    said = ", ".join(f"{count:,} by {name}" for name, count in zip(names, counts, strict=True))
    yield f"\nOf the copies called with it and evidence, `copy_witness` has {said}.\n\n"


# -- photos -----------------------------------------------------------------------------


def photos(options: argparse.Namespace, run: Run) -> Iterator[str]:
    """Copies of parts of photos by p-values at held levels."""
    given = pictures(options.photos, COPIED)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(given.reference))
    kept = {*order[: round(SHARE * len(order))].tolist(), *given.sources}
    parts = {f"{row}": Image.fromarray(one) for row, one in enumerate(given.reference)}
    fresh = {f"fresh {name}": one for name, one in parts.items() if int(name) not in kept}
    edited = {
        f"{name} {i}": Image.fromarray(picture)
        for name in HARD
        for i, picture in enumerate(copies(name, given))
    }
    reference = Reference.fit(
        {name: one for name, one in parts.items() if int(name) in kept}, run=run
    )
    samples = {**edited, **fresh}
    with_it, without = (
        scored(reference, samples, network, "none", run) for network in (options.network, None)
    )
    scorer = reference.scorer(copy_network=options.network, evidence="none", run=run)
    own = scorer.score_leave_one_out()
    p = {name: with_it[column] for name, column in TESTS.items()}
    p |= {"all": with_it["copy_p"], "all but the network": without["copy_p"]}
    distance = np.sort(own["network_distance"])
    nearer = np.searchsorted(distance, with_it["network_distance"], side="right")
    p["its distance"] = (1 + nearer) / (1 + len(own))
    yield (
        f"{len(reference):,} parts in the reference, {len(fresh):,} fresh ones, {COPIED} copies of "
        f"each kind. Percent called at {' / '.join(f'{one:.0%}' for one in HELD)}:\n\n"
    )
    yield f"| edit | {' | '.join(p)} |\n{'|---' * (1 + len(p))}|\n"
    rows = {name: slice(i * COPIED, (i + 1) * COPIED) for i, name in enumerate(HARD)}
    rows |= {"**mean**": slice(0, len(edited)), "fresh parts": slice(len(edited), None)}
    for name, some in rows.items():
        cells = (
            " / ".join(percent(values[some] <= alpha) for alpha in HELD) for values in p.values()
        )
        yield f"| {name} | {' | '.join(cells)} |\n"


def percent(flags: NDArray[np.bool_]) -> str:
    return f"{100 * flags.mean():.0f}"


SECTIONS = {"level": level, "planted": planted, "photos": photos}


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--cifar10", type=Path)
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="vectors are kept there")
    parser.add_argument("--images", type=int, default=50_000, help="of the planted reference")
    parser.add_argument("--network", default="sscd-student")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    options = parser.parse_args(given)
    run = Run(threads=options.threads, cache=options.work)
    parts = []
    for part in SECTIONS[options.section](options, run):
        print(part, end="", flush=True)
        parts.append(part)
    if options.into:
        insert(options.into, "".join(parts).rstrip("\n") + "\n", "copy_network", options.section)


if __name__ == "__main__":
    main()
