"""Labels that come as an array beside the images: class numbers, one-hot rows, text.

Used by arrays in files (`numpy_files.py`) and by batches in memory (`elements.py`).
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def labels_of(array: NDArray[Any], what: str) -> tuple[list[str], list[str]]:
    """One label for each row, or none at all where a row is no label; and what to say of them.

    >>> import numpy as np
    >>> labels_of(np.eye(3)[[2, 0]], "Array 'y'")
    (['2', '0'], ["Array 'y' is one-hot; its rows were read as class numbers."])
    """
    rows = array.reshape(len(array), -1)
    if rows.shape[1] == 1 and rows.dtype.kind in "biufSU":
        return [_text(value) for value in rows[:, 0].tolist()], []
    if _one_hot(rows):
        numbers = rows.argmax(axis=1).tolist()
        return list(map(str, numbers)), [f"{what} is one-hot; its rows were read as class numbers."]
    return [], [f"{what} of shape {array.shape} holds no single label for each image: left out."]


def _one_hot(rows: NDArray[Any]) -> bool:
    if rows.shape[1] < 2 or rows.dtype.kind not in "biuf":
        return False
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
