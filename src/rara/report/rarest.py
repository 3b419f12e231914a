"""Which samples are the rarest: what verdicts say comes first, then how far out each is.

table --order_of_rarity--> rows, for the summary, the cards, the page's lists, `ScoreTable.rarest`

Rarity alone is the radius of one ball: another reference of the same kind gives another order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rara.report.verdicts import ASTRAY, COPIED

if TYPE_CHECKING:
    import pyarrow as pa

STANDING_OUT = ("rare", "uncommon")
"""The verdicts of samples that stand out among originals on the manifold, the rarest first."""
RANKED = (*STANDING_OUT, "typical")
WHY = (
    "Rare samples come first, then uncommon ones, each ordered by k-NN distance. Rarity alone does "
    "not order them: it is the radius of a single ball."
)


def order_of_rarity(table: pa.Table) -> NDArray[np.int64]:
    """Rows of the samples inside a ball, the rarest first; copies and off-manifold ones are not.

    By verdict: rare, uncommon, then all others; within one by `knn_p` and by `knn_distance`.
    Where a table carries no such verdict, by `rarity`. Ties keep the order of the table.
    """
    rows = np.flatnonzero(inside(table) & ~called(table, (*COPIED, *ASTRAY)))
    return ordered(rows, *_keys(table))


def ordered(rows: NDArray[np.int64], *keys: NDArray[Any]) -> NDArray[np.int64]:
    """Rows by one key after the other: several samples may share a witness's radius."""
    return rows[np.lexsort([key[rows] for key in reversed(keys)])]


def strength(table: pa.Table) -> list[NDArray[np.float64]]:
    """Sort keys of how far out samples are among originals, smallest first."""
    names = table.column_names
    p = [numbers(table, "knn_p")] if "knn_p" in names else []
    return [*p, -numbers(table, "knn_distance"), -numbers(table, "rarity")]


def inside(table: pa.Table) -> NDArray[np.bool_]:
    """Which samples at least one ball holds."""
    return np.asarray(table.column("inside").to_numpy(), dtype=np.bool_)


def called(table: pa.Table, wanted: Collection[str]) -> NDArray[np.bool_]:
    """Which samples have one of these verdicts; none where a table has no verdicts."""
    if "verdict" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    return np.isin(table["verdict"].to_numpy().astype(str), list(wanted))


def numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column whose null and NaN are both NaN."""
    return np.asarray(table.column(name).to_numpy(), dtype=np.float64)


def _keys(table: pa.Table) -> list[NDArray[np.float64]]:
    if not called(table, RANKED).any():
        return [-numbers(table, "rarity"), -numbers(table, "knn_distance")]
    standing = [~called(table, {verdict}) for verdict in STANDING_OUT]
    return [*(key.astype(np.float64) for key in standing), *strength(table)]
