"""What may surprise in a comparison: one sentence each, for the summary and the provenance.

Generators, reference, pairs --remarks_on--> sentences
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from rara.comparison.figures import Figure, unreachable
from rara.comparison.generator import Generator
from rara.features.features import Features
from rara.reference.scorer import Scorer
from rara.report.formatting import counted
from rara.two_sample.pool import FEWEST as FEWEST_OF_A_SIDE

Units = Mapping[str, Sequence[str | None]]


def remarks_on(
    generators: Mapping[str, Generator],
    reference: Features,
    paired: str | None,
    units: Units | None,
) -> Iterator[str]:
    """Sets that are the same, a generator that is the reference, samples that have no pair."""
    digests = {
        name: frozenset(one.features.done["digest"].to_pylist()) for name, one in generators.items()
    }
    for one, other in combinations(digests, 2):
        if digests[one] == digests[other]:
            yield f"{one} and {other} hold the same images."
    real = frozenset(reference.embedded["digest"].to_pylist())
    yield from (
        f"All images of {name} are in the reference."
        for name, own in digests.items()
        if own <= real
    )
    yield from _without_auc(generators)
    if units is not None:
        yield from _without_pair(units, str(paired))


def why_without_value(generators: Mapping[str, Generator], scorer: Scorer) -> Iterator[str]:
    """Why figures have no value; generators of one reference most often share the reasons."""
    count = counted(len(scorer.geometry.features), "reference image")
    lines = (
        f"With {count} no {cause.what}: {_listed(cause.figures)} "
        f"{'has' if len(cause.figures) == 1 else 'have'} no value."
        for one in generators.values()
        for cause in unreachable(one.table, scorer)
    )
    yield from dict.fromkeys(lines)


def _listed(figures: Sequence[Figure]) -> str:
    return " and ".join(figure.replace("_", " ") for figure in figures)


def _without_auc(generators: Mapping[str, Generator]) -> Iterator[str]:
    """One small generator leaves all others without an AUC, which takes as many of each."""
    smallest = min(generators, key=lambda name: (len(generators[name].features), name))
    sizes = [len(one.features) for one in generators.values()]
    if min(sizes) < FEWEST_OF_A_SIDE <= max(sizes):
        yield (
            f"No generator has an AUC: it takes as many samples of each as {smallest} has, and "
            f"{min(sizes):,} are fewer than {FEWEST_OF_A_SIDE}."
        )


def _without_pair(units: Units, key: str) -> Iterator[str]:
    """Samples whose value of the key no other generator has are in no difference."""
    values = {name: set(own) - {None} for name, own in units.items()}
    for name, own in units.items():
        others = set().union(*(held for other, held in values.items() if other != name))
        alone = sum(value not in others for value in own)
        if others & values[name] and alone:
            yield (
                f"{alone:,} of {len(own):,} samples of {name} share no {key} with another "
                "generator: differences leave them out."
            )
