"""`rara.proxies`: copies of any of several references, where the training data are undisclosed.

{name: images} --opened_proxies, Made--> references
samples --Samples.like, Scorer.copies--> OfProxy of each --joined, dropped--> Judged
    --arrow_of, facts_of--> ProxyTable
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from rara import __version__
from rara.decisions.decisions import Decisions
from rara.errors import ParameterError
from rara.extractors import Extractor
from rara.features.features import Features
from rara.features.metric import with_metric
from rara.features.opening import Images
from rara.provenance.proxies import ProxiesProvenance, ProxyPart
from rara.proxy_references.cards import facts_of
from rara.proxy_references.evidence import OfProxy, evidence_of, pairs_of
from rara.proxy_references.judged import Judged
from rara.proxy_references.names import Proxies, named, scopes_of
from rara.proxy_references.opening import (
    Made,
    Opened,
    Samples,
    check_different,
    naming,
    opened,
    opened_proxies,
    shared_images,
)
from rara.proxy_references.proxy_table import ProxyTable
from rara.proxy_references.rows import arrow_of, findings_of
from rara.proxy_references.rule import dropped, joined
from rara.reference.options import Options, ScoreOptions
from rara.reference.reference import Reference
from rara.retrieval.finding import Looking
from rara.run import Run, checked_run, step
from rara.table.provenance import about_extractor, about_samples
from rara.verdict.rules import ALPHA


def proxies(
    samples: Images,
    references: Proxies,
    *,
    scopes: Mapping[str, str] | None = None,
    alpha: float = ALPHA,
    k: int | None = None,
    extractor: str | os.PathLike[str] | Extractor | None = None,
    evidence: Looking = "near",
    copy_network: str | os.PathLike[str] | Extractor | None = None,
    run: Run | None = None,
) -> ProxyTable:
    """Judge samples by several references that stand for training data that nobody disclosed.

    `references`: a `Reference`, or images to make one of, under a name. `scopes`: what each covers,
    in a sentence. A sample is a `copy of NAME`, a `near copy of NAME`, or has `no copy found in
    these N references`. That is never proof of an original, for the training data may hold more.

    `alpha`: of the near copies that are called, a share of at most `alpha` is none on average, the
    named reference included; of unrelated real images one by one, at most 1.01 alpha have a
    `copy_p` of at most alpha. The docstring of `rara.proxy_references.rule` has the proof. The
    p-value of a proxy is multiplied by the number of proxies with enough images for the tests.
    Facts, such as the same pixels, count at any size.

    `rests_on` names the proxies without which a sample would not be called: all is judged again
    with the others alone, as if that proxy had never been given.

    `k`: see `Reference.score`; by default 3, or less in a proxy of fewer images. `extractor`: for
    proxies that are images, and for those that it made; others need one that is found by its name.
    Samples are embedded once for each extractor. What people decided of pairs is in each
    `Reference`. Raises ParameterError where two proxies hold the same images, and errors that name
    the proxy.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> one, other = (Features.from_arrays(rng.normal(size=(500, 8))) for _ in range(2))
    >>> found = proxies(one.take([0], "samples"), {"one": one, "other": other})
    >>> found.arrow["verdict"].to_pylist(), found.arrow["rests_on"].to_pylist()
    (['copy of one'], [['one']])
    """
    run, names = checked_run(run), named(references)
    covers = scopes_of(scopes, names)
    options: Options = {
        "k": k, "alpha": alpha, "evidence": evidence, "copy_network": copy_network,
    }  # fmt: skip
    ScoreOptions(**options)
    made = Made(k=k, extractor=extractor)
    return judge_by_proxies(samples, names, covers, made, options, run)


def judge_by_proxies(
    samples: Images,
    references: Proxies,
    scopes: Mapping[str, str],
    made: Made,
    options: Options,
    run: Run,
    decisions: Decisions | None = None,
) -> ProxyTable:
    """The same with everything checked; `decisions` for all proxies in place of their own."""
    with step(run.progress, "Listing the images"):
        images, sides = opened(samples, run), opened_proxies(references, run)
    judged_samples = Samples(images, made.extractor, run)
    for name, side in sides.items():
        _check(name, side, judged_samples, made, options)
    real = {name: _reference(name, one, images, made, run) for name, one in sides.items()}
    check_different(real)
    found: list[OfProxy] = []
    for name, reference in real.items():
        if decisions is not None:
            reference = _deciding(reference, decisions)
        with step(run.progress, "Reading the samples"):
            features, source = judged_samples.like(reference)
        with naming(name), step(run.progress, f"Judging the samples by {name}"):
            _check_same_samples(features, found)
            scorer = reference.scorer(run=run, **options)
            found.append(evidence_of(name, reference, features, scorer.copies(features, source)))
    return _table(features, found, scopes, options.get("alpha", ALPHA))


def _check(
    name: str, side: Reference | Opened, samples: Samples, made: Made, options: Options
) -> None:
    """Refuse before the first image is read what would fail after it, as far as it is known."""
    with naming(name):
        if isinstance(side, Reference):
            side.geometry.checked_k(options.get("k"))
            samples.check(side.features.spec, side.extractor)
            return
        made.check(side)
        if isinstance(side, Features):
            samples.check(with_metric(side, made.metric).spec)


def _reference(
    name: str, side: Reference | Opened, samples: Opened, made: Made, run: Run
) -> Reference:
    if isinstance(side, Reference):
        return side
    with naming(name), step(run.progress, f"Making the reference {name}"):
        return made.reference_of(side, samples, run)


def _check_same_samples(samples: Features, before: list[OfProxy]) -> None:
    """Raise ParameterError where none could be read, or others than by an earlier extractor."""
    if not len(samples):
        raise ParameterError(f"No sample in '{samples.location}' could be read.")
    if before and before[0].table.arrow["id"].to_pylist() != samples.ids:
        raise ParameterError(
            f"Its extractor makes vectors of other samples than that of '{before[0].name}': remove "
            "the samples that either skips, or make both with one extractor."
        )


def _deciding(reference: Reference, decisions: Decisions) -> Reference:
    """The same reference with other decisions; the one that was given keeps its own."""
    return Reference(
        reference.geometry, source=reference.source, extractor=reference.extractor,
        decisions=decisions, index=reference.index,
    )  # fmt: skip


def _table(
    samples: Features, found: list[OfProxy], scopes: Mapping[str, str], alpha: float
) -> ProxyTable:
    pairs = pairs_of(found)
    whole = joined(pairs, alpha)
    references = {one.name: one.reference for one in found}
    judged = Judged(
        samples=samples, proxies=tuple(found), scopes=scopes, shared=shared_images(references),
        pairs=pairs, joined=whole, dropped=dropped(pairs, whole, alpha), alpha=alpha,
    )  # fmt: skip
    arrow = arrow_of(judged, findings_of(judged))
    parts = [_part(judged, number) for number in range(len(found))]
    provenance = ProxiesProvenance(
        rara=__version__, samples=about_samples(samples), proxies=tuple(parts), alpha=alpha,
        versions=found[0].table.provenance.versions,
    )  # fmt: skip
    scores = {one.name: one.table for one in found}
    return ProxyTable(arrow, facts_of(judged, arrow), provenance, scores)


def _part(judged: Judged, number: int) -> ProxyPart:
    proxy = judged.proxies[number]
    about = proxy.table.provenance
    return ProxyPart(
        name=proxy.name, scope=judged.scopes[proxy.name],
        counts=bool(judged.joined.counted[number]), reference=about.reference,
        calibration=proxy.calibration, extractor=about_extractor(proxy.reference.features),
        evidence=about.evidence, decisions=about.decisions, copy_network=about.copy_network,
    )  # fmt: skip
