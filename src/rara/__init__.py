"""rara tells how original the images of a generator are.

    reference = rara.Reference.fit("train/")       # images -> features -> radii, cached
    table = reference.score("samples/")            # one record a sample
    table.report("report.html")

Names are imported when they are first used, so that importing rara costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rara.among_siblings import Siblings, compare_siblings
    from rara.errors import RaraError
    from rara.extractors import Preprocessing, get_extractor
    from rara.reference import Reference
    from rara.results import ScoreTable
    from rara.run import Run
    from rara.sources import open_source
    from rara.store import Features

__version__ = "0.1.0"

__all__ = [
    "Features",
    "Preprocessing",
    "RaraError",
    "Reference",
    "Run",
    "ScoreTable",
    "Siblings",
    "__version__",
    "compare_siblings",
    "get_extractor",
    "open_source",
]

_HOMES = {
    "Features": "rara.store",
    "Preprocessing": "rara.extractors",
    "RaraError": "rara.errors",
    "Reference": "rara.reference",
    "Run": "rara.run",
    "ScoreTable": "rara.results",
    "Siblings": "rara.among_siblings",
    "compare_siblings": "rara.among_siblings",
    "get_extractor": "rara.extractors",
    "open_source": "rara.sources",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rara' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
