"""rara tells how original the images of a generator are.

    reference = rara.Reference.fit("train/")       # images -> features -> radii, cached
    table = reference.score("samples/")            # one record a sample
    table.report("report.html")

The wings, from the ground up; each imports only from those above it. The docstring of a wing
lists its files in the same order, and tests/test_layout.py reads both.

    errors         what can go wrong, as one tree
    machine        cores and memory
    text           text from outside, safe to show and to store
    arguments      arguments checked in one place
    columns        one register of every column
    run            how to work: threads, memory, cache, progress
    storage        files, folders and the cache on disk
    stats          statistics on arrays
    images         from bytes to pixels
    sources        where images come from
    extractors     from pixels to vectors
    geometry       exact k-NN geometry
    features       vectors of images, cached by content
    provenance     what a result is relative to, as typed records
    decisions      what people decided of pairs of pictures
    scores         the axes, one file each
    sets           metrics of a whole set, one file each
    duplicates     images that repeat one another
    retrieval      regions of one picture in another, as direct evidence
    two_sample     a test of the whole set
    calibration    exact p-values beside real images
    verdict        what may be concluded
    report         what people see
    table          the result
    groups         samples judged within groups and among siblings
    reward         one number to steer a generator by
    reference      real images that samples are judged against
    image_search   the reference images that a picture comes from
    robustness     second opinions
    cards          the judgement of one picture as a file that can be checked
    comparison     generators compared
    watching       a generator watched while it trains
    selection      samples chosen among many
    service        one reference behind HTTP
    explorer       samples and reference as a map in the browser
    adapters       rara in the shape that other ecosystems expect
    cli            the command line

Names are imported when they are first used, so that importing rara costs nothing.
"""

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from rara import sets
    from rara.cards.card import Card
    from rara.cards.making import card
    from rara.cards.verification import Verification
    from rara.cards.verify import verify
    from rara.comparison.compare import compare
    from rara.comparison.comparison import Comparison
    from rara.decisions.decisions import Decisions
    from rara.errors import RaraError
    from rara.extractors import Preprocessing, get_extractor
    from rara.features.features import Features
    from rara.groups.compare_siblings import Siblings, compare_siblings
    from rara.image_search.matches import Matches
    from rara.image_search.search import search
    from rara.reference.reference import Reference
    from rara.reference.scorer import Scorer
    from rara.robustness.contested import contested
    from rara.robustness.second_opinions import by_extractor, by_halves
    from rara.run import Run
    from rara.selection.sample_original import sample_original
    from rara.selection.select import select
    from rara.sources import open_source
    from rara.table.score_table import ScoreTable
    from rara.watching.watch import Watch

__version__ = "0.2.0"

__all__ = [
    "Card",
    "Comparison",
    "Decisions",
    "Features",
    "Matches",
    "Preprocessing",
    "RaraError",
    "Reference",
    "Run",
    "ScoreTable",
    "Scorer",
    "Siblings",
    "Verification",
    "Watch",
    "__version__",
    "by_extractor",
    "by_halves",
    "card",
    "compare",
    "compare_siblings",
    "contested",
    "get_extractor",
    "open_source",
    "sample_original",
    "search",
    "select",
    "sets",
    "verify",
]

_WINGS = ("sets",)
"""Packages that are public names themselves."""
_HOMES = {
    "Card": "rara.cards.card",
    "Comparison": "rara.comparison.comparison",
    "Decisions": "rara.decisions.decisions",
    "Features": "rara.features.features",
    "Matches": "rara.image_search.matches",
    "Preprocessing": "rara.extractors",
    "RaraError": "rara.errors",
    "Reference": "rara.reference.reference",
    "Run": "rara.run",
    "ScoreTable": "rara.table.score_table",
    "Scorer": "rara.reference.scorer",
    "Siblings": "rara.groups.compare_siblings",
    "Verification": "rara.cards.verification",
    "Watch": "rara.watching.watch",
    "by_extractor": "rara.robustness.second_opinions",
    "by_halves": "rara.robustness.second_opinions",
    "card": "rara.cards.making",
    "compare": "rara.comparison.compare",
    "compare_siblings": "rara.groups.compare_siblings",
    "contested": "rara.robustness.contested",
    "get_extractor": "rara.extractors",
    "open_source": "rara.sources",
    "sample_original": "rara.selection.sample_original",
    "search": "rara.image_search.search",
    "verify": "rara.cards.verify",
    "select": "rara.selection.select",
}


def __getattr__(name: str) -> _typing.Any:
    if name in _WINGS:
        return _importlib.import_module(f"rara.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'rara' has no attribute {name!r}")
    value = getattr(_importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
