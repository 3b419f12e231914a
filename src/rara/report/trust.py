"""How far FID and k-NN figures may be believed on a reference, in plain sentences.

Trust --trust_sentence--> one or two sentences, the same in a terminal and on a page

The thresholds are rules of thumb, each with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from rara.report.audit_facts import AuditFacts, Trust
from rara.report.formatting import counted, number, percent

LARGE_FID = 0.1
"""Share of the variance from which on the FID of the halves is too large. Images that spread a
third less around the same mean have an FID of (1 - 0.68)^2 = 0.1 times the variance: with more by
chance, such a loss is not seen."""
FEW_IMAGES = 100
"""Images below which no p-value of a k-NN distance is below 1 %."""
FEW_DISTINCT = 0.9
"""Share of distinct images: below it, over one list of k = 3 neighbours in four would hold a
repeat, if repeats were spread at random: 1 - 0.9^3 = 0.27."""
FEW_INSIDE = 0.5
"""Share of real images inside: below it, being outside is what most real images are."""
LARGE_HUBNESS = 2.0
"""Skewness of the exponential law, by which a tenth of the images take a third of the places."""


def trust_sentence(facts: AuditFacts) -> str:
    """Below which size FID says nothing, and whether k-NN figures have what they need."""
    if facts["constant vectors"] is not None:
        return "All vectors are equal: neither FID nor k-NN figures say anything here."
    return f"{_of_fid(facts.trust)} {_of_neighbours(facts)}"


def _of_fid(trust: Trust) -> str:
    if trust.fid_halves is None:
        return "There are too few images for FID."
    apart = f"Two halves of this reference are FID {number(trust.fid_halves)} apart by chance"
    alone = "smaller differences mean nothing without an interval"
    if trust.fid_share is None or trust.fid_share <= LARGE_FID:
        return f"{apart}: {alone}."
    share, images = percent(trust.fid_share), f"{2 * trust.half:,} images"
    return f"{apart}, {share} of its variance: {alone}, and {images} are too few for FID."


def _of_neighbours(facts: AuditFacts) -> str:
    rank = facts.trust.effective_rank
    images = f"Its {facts.images:,} images"
    if rank is not None:
        images += f" spread over {counted(round(rank), 'dimension')}"
    doubts = list(_doubts(facts))
    if not doubts:
        return f"{images}{', enough' if rank is not None else ' are enough'} for k-NN figures."
    return f"{images}: read k-NN figures with care, since {' and '.join(doubts)}."


def _doubts(facts: AuditFacts) -> Iterator[str]:
    trust = facts.trust
    if facts.images < FEW_IMAGES:
        yield "they are few"
    if trust.distinct < FEW_DISTINCT:
        yield f"{percent(1 - trust.distinct)} of them repeat others"
    if trust.inside is not None and trust.inside < FEW_INSIDE:
        yield f"only {percent(trust.inside)} are inside the balls of the others"
    if trust.hubness is not None and trust.hubness > LARGE_HUBNESS:
        yield "a few of them are the neighbours of most"
