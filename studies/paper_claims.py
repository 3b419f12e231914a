"""What the Rarity Score's paper shows of generators and data sets: rows of tables, and verdicts.

    truncation    it moves the histogram of rarity to the left
    scores        rarity, realism and truncation rank images differently
    designs       rarity tells generators of several designs apart
    concepts      two data sets of one concept are compared by it

What it shows of real images and of networks is in `paper_networks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
from paper_data import HONEST, Emoji, Images, Vectors, Work
from paper_judged import (
    ALIKE,
    LEVEL,
    Doubles,
    Found,
    Judged,
    Verdict,
    correlation,
    excess,
    figure,
    inside,
    mean_of,
    share,
    shown,
    spearman,
)

import rara

TRUNCATION = (
    "| data | psi | inside | mean rarity of those inside | median percentile among real images "
    "| off manifold | yield | dense core | Euclidean: inside | mean rarity |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def truncation(judged: Judged) -> Found:
    """Rarity along psi, below that of real images that were held out."""
    lines, psis = [], judged.truncated
    for name in ("heldout", *psis):
        row, percentile = judged.rows[name], judged.scores[name]["rarity_percentile"]
        median = f"{np.nanmedian(percentile):.0f}" if len(inside(judged.scores[name])) else "none"
        lines.append(
            f"| {judged.data.title} | {psis.get(name, 'held out')} "
            f"| {row['inside']:.1%} | {figure(*judged.mean_rarity(name))} | {median} "
            f"| {row['off_manifold']:.1%} | {row['yield']:.1%} | {row['over_typical']:.1%} "
            f"| {np.mean(judged.plain[name]['inside']):.1%} "
            f"| {figure(*judged.mean_rarity(name, plain=True))} |\n"
        )
    first, last = next(iter(psis)), [*psis][-1]
    moves = [along(judged, plain=plain) for plain in (False, True)]
    means = " to ".join(figure(*judged.mean_rarity(name)) for name in (first, last))
    shares = " to ".join(f"{judged.rows[name]['inside']:.0%}" for name in (first, last))
    words = (
        f"psi {psis[first]:g} to {psis[last]:g}: mean rarity {means}, surely lower in "
        f"{moves[0].count(-1)} of {len(psis) - 1} steps, higher in {moves[0].count(1)}; "
        f"inside {shares}"
    )
    ends = [
        judged.mean_rarity(name, plain=plain) for plain in (False, True) for name in (first, last)
    ]
    fell = all(step(*pair) == -1 for pair in (ends[:2], ends[2:]))
    held = fell and not any(1 in steps for steps in moves)
    return "".join(lines), [Verdict("truncation", judged.data.title, held, words)]


def along(judged: Judged, *, plain: bool) -> list[int]:
    """Of each step to a smaller psi: -1 where mean rarity surely falls, 1 where it rises."""
    means = [judged.mean_rarity(name, plain=plain) for name in judged.truncated]
    return [step(*pair) for pair in pairwise(means)]


def step(more: tuple[float, float], less: tuple[float, float]) -> int:
    """The sign of the second mean less the first; 0 where it is not sure, or there is none."""
    difference, half = less[0] - more[0], float(np.hypot(more[1], less[1]))
    return int(np.sign(difference)) if abs(difference) > half else 0


SCORES = (
    "| data | images inside | rarity, realism | rarity, truncation | realism, truncation "
    "| rarity, k-NN distance | realism, k-NN distance | rarity, length of z |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


SCORE_PAIRS = (
    *combinations(("rarity", "realism", "truncation"), 2),
    *(("rarity", "knn_distance"), ("realism", "knn_distance"), ("rarity", "length")),
)


def scores(judged: Judged) -> Found:
    """Rank correlations on the same images, those of the generator without truncation.

    The score of truncation: how far the vector of an image moves to the strongest truncation of
    the same latent vector.
    """
    data, work = judged.data, judged.work
    whole = next(name for name, psi in judged.truncated.items() if psi == 1)
    ends = (whole, [*judged.truncated][-1])
    first, last = (work.features(data.generators[name]).vectors for name in ends)
    moved = np.linalg.norm(first - last, axis=1).astype(float)
    length = np.full(len(moved), np.nan) if data.latent is None else lengths(data.latent)
    lines, strongest = [], (0.0, "")
    for metric, table in (("Hellinger", judged.scores[whole]), ("Euclidean", judged.plain[whole])):
        held_in = table["inside"].astype(bool)
        columns = {
            **{name: table[name] for name in ("rarity", "realism", "knn_distance")},
            "truncation": moved,
            "length": length,
        }
        found = {pair: spearman(*(columns[name][held_in] for name in pair)) for pair in SCORE_PAIRS}
        cells = " | ".join(correlation(*one) for one in found.values())
        lines.append(f"| {data.title}, {metric} | {held_in.sum():,} | {cells} |\n")
        of_scores = [(found[pair][0], ", ".join(pair)) for pair in SCORE_PAIRS[:3]]
        strongest = max(strongest, *of_scores, key=lambda one: abs(one[0]))
    words = "strongest rank correlation of two scores: {:+.2f} ({})".format(*strongest)
    return "".join(lines), [Verdict("scores", data.title, abs(strongest[0]) < ALIKE, words)]


def lengths(latent: Vectors) -> Doubles:
    return np.linalg.norm(latent.astype(float), axis=1)


DESIGNS = (
    "| data | generator | inside | off excess | yield | copy rate | dense core | AUC | repeats "
    "| mean rarity of those inside |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def designs(judged: Judged) -> Found:
    """The figures of `rara compare`, and whether distributions of rarity differ surely."""
    chosen = [name for name in ("heldout", *HONEST) if name in judged.rows]
    lines = []
    for name in chosen:
        row = judged.rows[name]
        lines.append(
            f"| {judged.data.title} | {shown(name)} | {row['inside']:.1%} "
            f"| {excess(row, 'off_manifold')} | {share(row, 'yield')} | {excess(row, 'copies')} "
            f"| {row['over_typical']:.1%} | {row['auc']:.3f} | {row['repeats']:.1%} "
            f"| {figure(*judged.mean_rarity(name))} |\n"
        )
    return "".join(lines), [*tells_apart(judged, chosen[1:]), *goes_with_quality(judged)]


def tells_apart(judged: Judged, honest: list[str]) -> Iterator[Verdict]:
    bands = [band for band in judged.comparison.bands if {band.one, band.other} <= set(honest)]
    apart = sum(band.beyond for band in bands)
    ranked = sorted(honest, key=lambda name: -judged.mean_rarity(name)[0])
    words = (
        f"{apart} of {len(bands)} pairs differ surely in rarity; by mean rarity, highest first: "
        f"{', '.join(map(shown, ranked))}"
    )
    if bands:
        yield Verdict("designs", judged.data.title, apart == len(bands), words)


def goes_with_quality(judged: Judged) -> Iterator[Verdict]:
    """Whether mean rarity ranks all generators as the share inside and the yield do."""
    names = [name for name in judged.rows if len(inside(judged.scores[name])) > 1]
    names = [name for name in names if name != "heldout" and not name.startswith("gan-step")]
    means = [judged.mean_rarity(name)[0] for name in names]
    if len(names) < 5:
        return
    with_inside, with_yield = (
        spearman(means, [judged.rows[name][column] for name in names])[0]
        for column in ("inside", "yield")
    )
    words = (
        f"over {len(names)} generators, rank correlation of mean rarity with the share inside "
        f"{with_inside:+.2f}, with the yield {with_yield:+.2f}"
    )
    held = with_inside > 0 and with_yield > ALIKE
    yield Verdict("quality", judged.data.title, held, words)


CONCEPTS = (
    "| judged | by | images | inside | off excess | dense core | AUC | mean rarity, judged "
    "| of the other's own images | nearest is the same concept |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def concepts(
    one: tuple[str, Images], other: tuple[str, Images], work: Work, *, differ: bool, named: bool
) -> Found:
    """Two sets of real images, each judged by the other. `named`: row i shows the same on both."""
    sides = {name: work.features(images) for name, images in (one, other)}
    found = rara.compare(sides, run=work.run)
    rows = {row["generator"]: row for row in found.table.to_pylist()}
    lines = []
    for judged, by in (tuple(sides), tuple(sides)[::-1]):
        row, table = rows[judged], found.scores[judged]
        own = work.reference_of(sides[by]).score_leave_one_out(run=work.run)
        near = np.array([int(name) for name in table["nearest"]])
        same = f"{np.mean(near == np.arange(len(near))):.0%}" if named else ""
        lines.append(
            f"| {judged} | {by} | {row['samples']:,} | {row['inside']:.1%} "
            f"| {excess(row, 'off_manifold')} | {row['over_typical']:.1%} | {row['auc']:.3f} "
            f"| {figure(*mean_of(inside(table)))} | {figure(*mean_of(inside(own)))} | {same} |\n"
        )
    # Four tests: two directions, inside and the classifier.
    least = min(min(row["inside_excess_p"], row["auc_p"]) for row in rows.values())
    held = (least <= LEVEL / 4) == differ
    shares = " and ".join(f"{row['inside']:.0%}" for row in rows.values())
    areas = " and ".join(f"{row['auc']:.2f}" for row in rows.values())
    what = "two sets" if differ else "halves of one set"
    words = f"{what}: inside {shares}, AUC {areas}, p {min(1.0, 4 * least):.2g}"
    return "".join(lines), [Verdict("concepts", f"{one[0]} and {other[0]}", held, words)]


def emoji_pairs(found: Emoji) -> Iterator[tuple[tuple[str, Images], tuple[str, Images]]]:
    for one, other in combinations(found.drawings, 2):
        yield (one, found.drawings[one]), (other, found.drawings[other])
