"""What a score table is made of: the columns beside the ids, and what they are relative to.

Last step before the result: scores -> table and provenance -> ScoreTable.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rara.geometry import Statistics
from rara.results import metadata_columns
from rara.scores import Setting
from rara.store import Features

if TYPE_CHECKING:
    import pyarrow as pa


def provenance_of(
    features: Features,
    reference: Mapping[str, Any],
    setting: Setting,
    *,
    compat: str | None,
    calibration: Mapping[str, Any],
    two_sample: Mapping[str, Any],
    statistics: Statistics,
) -> dict[str, Any]:
    """What was judged against what, how, and with which versions; JSON can hold it."""
    known = features.spec.weights != "none"
    return {
        "rara": version("rara"),
        "samples": {
            "location": features.location,
            "count": len(features),
            "skipped": [one._asdict() for one in features.skipped],
            "fingerprint": features.fingerprint,
        },
        "reference": reference,
        "calibration": calibration,
        "two_sample": two_sample,
        "leave_one_out": setting.own is not None,
        "k": setting.k,
        "boundary": "closed" if setting.boundary == "closed" else "open",
        "compat": compat,
        "extractor": asdict(features.spec) if known else None,
        "engine": asdict(statistics),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    packages = ("numpy", "numba", "onnxruntime", "pillow", "pyarrow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def table_of(features: Features, columns: Mapping[str, Any]) -> pa.Table:
    """The columns beside the ids, and the metadata behind them."""
    import pyarrow as pa

    done = features.done
    found = {"id": done["id"], **columns}
    for name, values in metadata_columns(done["metadata"].to_pylist()).items():
        found[name if name not in found else f"metadata_{name}"] = values
    return pa.table(found)
