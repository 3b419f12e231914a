"""Several questions at once: p-values that hold for all of them together."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values: those at most alpha are all true with probability 1 - alpha.

    Under any dependence. None stays None and counts for nothing. Holm, A simple sequentially
    rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979):

        p_(i) = max { min(1, (m - j + 1) p_(j)) : j <= i },    p ascending, m of them

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    there = sorted((value, i) for i, value in enumerate(p) if value is not None)
    adjusted: list[float | None] = [None] * len(p)
    largest = 0.0
    for passed, (value, i) in enumerate(there):
        largest = max(largest, min(1.0, (len(there) - passed) * value))
        adjusted[i] = largest
    return adjusted
