"""The columns of every kind of table.

One name may stand in several of them, and mean there what is asked of another row: `inside` is a
yes or no of a sample, and a share of a generator's samples.
"""

from __future__ import annotations

from collections.abc import Mapping

from rara.columns.column import Column
from rara.columns.comparisons import COMPARISON
from rara.columns.proxies import PROXIES
from rara.columns.score_tables import COLUMNS
from rara.columns.searches import MATCHES

REGISTER: tuple[Mapping[str, Column], ...] = (COLUMNS, COMPARISON, MATCHES, PROXIES)
"""For each kind of table its columns by name, in the order of the documentation."""
