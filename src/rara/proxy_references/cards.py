"""One card a proxy, and the facts of all together.

Judged, table --facts_of--> ProxyFacts
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rara import __version__
from rara.proxy_references.facts import (
    JudgedSamples,
    ProxyCard,
    ProxyFacts,
    SharedImages,
)
from rara.proxy_references.judged import Judged
from rara.proxy_references.rows import found_in
from rara.proxy_references.sentences import PROMISE, alone_among, limits_of
from rara.table.provenance import about_extractor


def facts_of(judged: Judged, table: pa.Table) -> ProxyFacts:
    """Everything that the terminal, the page and JSON say."""
    samples, copies, called = judged.samples, judged.copies, judged.called
    return ProxyFacts(
        samples=JudgedSamples(
            location=samples.location,
            count=len(samples),
            copies=int(copies.sum()),
            near_copies=int((called & ~copies).sum()),
            none=int((~called).sum()),
            undecided=int(judged.undecided.any(axis=1).sum()),
            skipped=tuple(samples.skipped),
        ),
        alpha=judged.alpha,
        counted=int(judged.joined.counted.sum()),
        proxies=tuple(_card(judged, number) for number in range(len(judged.proxies))),
        found=found_in(judged, table),
        promise=PROMISE,
        versions={"rara": __version__},
    )


def _card(judged: Judged, number: int) -> ProxyCard:
    proxy, joined = judged.proxies[number], judged.joined
    features, about = proxy.reference.features, proxy.table.provenance
    counts, others = bool(joined.counted[number]), int(joined.counted.sum())
    smallest = min(1.0, others * proxy.calibration.near_copy.p) if counts else None
    called, certain = joined.called[:, number], joined.certain[:, number]
    shared = judged.shared[proxy.name]
    decided = None
    if about.decisions is not None:
        decided = about.decisions.copies + about.decisions.not_copies
    return ProxyCard(
        name=proxy.name,
        scope=judged.scopes[proxy.name],
        location=features.location,
        fingerprint=about.reference.fingerprint,
        images=len(features),
        left_out=len(features.left_out),
        skipped=about.reference.skipped,
        repeating=proxy.calibration.near_copy.repeating,
        shared=tuple(SharedImages(name, many) for name, many in shared.items()),
        extractor=about_extractor(features),
        metric=features.spec.metric,
        counts=counts,
        smallest_p=smallest,
        alone_among=None if smallest is None else alone_among(smallest, judged.alpha),
        copies=int(np.count_nonzero(certain)),
        near_copies=int(np.count_nonzero(called & ~certain)),
        rest_on_it=int(np.count_nonzero(judged.dropped.lost[:, number])),
        found_without=int(np.count_nonzero(judged.dropped.gained[:, number])),
        decided=decided,
        cannot=tuple(limits_of(
            proxy, counts=counts, counted_proxies=others, samples=len(judged.samples),
            alpha=judged.alpha, shared=shared,
        )),
    )  # fmt: skip
