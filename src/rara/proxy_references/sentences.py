"""Verdicts and their reasons in words, and what a proxy cannot show.

Judged, Finding --verdict_of, reason_of--> text; card figures --limits_of--> sentences
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor

import numpy as np

from rara.provenance.parts import EvidencePart
from rara.proxy_references.evidence import OfProxy
from rara.proxy_references.judged import Finding, Judged
from rara.report.formatting import counted, in_sentence, p_in_words
from rara.stats.conformal import least_called
from rara.verdict.copy_witness import NETWORK, PIXELS

PROMISE = "No copy found never means original: the training data may hold what no proxy does."


def references(count: int) -> str:
    """What the proxies are called together."""
    return "this reference" if count == 1 else f"these {count} references"


def no_copy(count: int) -> str:
    """The verdict where no copy is found."""
    return f"no copy found in {references(count)}"


def verdict_of(judged: Judged, finding: Finding | None) -> str:
    """`copy of NAME`, `near copy of NAME`, or that none was found."""
    if finding is None:
        return no_copy(len(judged.proxies))
    kind = "copy" if finding.certain else "near copy"
    return f"{kind} of {judged.names[finding.proxy]}"


def reason_of(judged: Judged, row: int, finding: Finding | None) -> str:
    """One sentence, and a second one where several proxies hold it."""
    if finding is None:
        return _not_found(judged, row)
    others = f" Also in {_listed(finding.others)}." if finding.others else ""
    return f"{_found(judged, finding)}{others}"


def _found(judged: Judged, finding: Finding) -> str:
    proxy, row = judged.proxies[finding.proxy], finding.row
    image = f"{in_sentence(finding.source)} of {in_sentence(proxy.name)}"
    why = proxy.why(row)
    if why in _FACTS:
        return _FACTS[why].format(image)
    p, q = judged.joined.pair_p[row, finding.proxy], judged.joined.q[row]
    figures = p_in_words(p) if finding.certain else f"{p_in_words(p)}, q = {q:.2g}"
    if why == "shown":
        edit = proxy.table.arrow["source_edit"][row].as_py()
        done = "" if edit in {None, "unchanged"} else f", {edit}"
        return f"Shows {image}{done} ({figures})."
    by = {PIXELS: " by its pixels", NETWORK: " by the copy network"}
    test = by.get(judged.witness(row, finding.proxy), "")
    return f"Nearer{test} to {image} than its images are to one another ({figures})."


_FACTS = {
    "content": "The same content as {}.",
    "picture": "The same picture as {}, in another file.",
    "features": "Its features are exactly those of {}.",
    "decided": "It was decided that this is a copy of {}.",
}


def _not_found(judged: Judged, row: int) -> str:
    if len(near := np.flatnonzero(judged.undecided[row])):
        proxy = judged.proxies[int(near[0])]
        image = f"{in_sentence(proxy.nearest[row])} of {in_sentence(proxy.name)}"
        return f"As near to {image} as the test can measure, but {_why_not(judged, int(near[0]))}."
    first = int(np.argmin(judged.joined.pair_p[row]))
    named = in_sentence(judged.names[first])
    image = f"{in_sentence(judged.proxies[first].nearest[row])} of {named}"
    return f"Nearest to {image}, but no nearer than chance explains ({_p(judged, row)})."


def _p(judged: Judged, row: int) -> str:
    return p_in_words(float(judged.joined.p[row]))


def _why_not(judged: Judged, proxy: int) -> str:
    images = counted(judged.proxies[proxy].calibration.real_images, "image")
    if not judged.joined.counted[proxy]:
        return f"{images} are too few to call it"
    return f"among {counted(len(judged.samples), 'sample')} {images} are too few to call it"


def _listed(names: Sequence[str]) -> str:
    shown = [in_sentence(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def limits_of(
    proxy: OfProxy,
    *,
    counts: bool,
    counted_proxies: int,
    samples: int,
    alpha: float,
    shared: Mapping[str, int],
) -> Iterator[str]:
    """What a proxy cannot show, in sentences."""
    images, smallest = len(proxy.reference), proxy.calibration.near_copy.p
    yield (
        f"It cannot show that a sample is original: it holds {counted(images, 'image')}, and the "
        "training data may hold others."
    )
    if counts:
        yield from _least(smallest * counted_proxies, samples, alpha)
    else:
        beside = ", too large beside larger references" if smallest <= alpha else ""
        yield (
            f"It cannot call a near copy by p-values: {counted(images, 'image')} give none below "
            f"{smallest:.2g}{beside}. It takes no part in the tests, and costs the others nothing. "
            "Facts and evidence of pictures still count."
        )
    yield from _looked(proxy.table.provenance.evidence)
    for other, many in shared.items():
        yield f"It cannot be told from {other} by {counted(many, 'image')} that both hold."


def _least(smallest: float, samples: int, alpha: float) -> Iterator[str]:
    least = least_called(smallest, samples, alpha)
    if least is None:
        yield (
            f"Among {counted(samples, 'sample')} it cannot call near copies by p-values: none is "
            f"below {smallest:.2g}."
        )
    elif least > 1:
        yield (
            f"Among {counted(samples, 'sample')} it can call near copies by p-values only where "
            f"there are {least:,} or more: no p-value is below {smallest:.2g}."
        )


def _looked(evidence: EvidencePart | None) -> Iterator[str]:
    if evidence is None:
        yield "It cannot show regions in common: no pictures were compared."
    elif evidence.unavailable:
        lost = counted(evidence.unavailable, "picture")
        yield f"It cannot show regions in {lost} that could not be read again."


def alone_among(smallest: float, alpha: float) -> int:
    """Of how many samples a single near copy can be called by the tests.

    >>> alone_among(0.001, 0.05)
    50
    """
    return floor(alpha / smallest + 1e-9)
