"""What may surprise in a comparison: one sentence each, for the summary and the provenance.

Generators, reference, pairs --remarks_on--> sentences
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from rara.comparison.generator import Generator
from rara.features.features import Features

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
    if units is not None:
        yield from _without_pair(units, str(paired))


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
