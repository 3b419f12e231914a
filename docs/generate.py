"""Writes docs/reference/columns.md from the register of columns, and sets.md from the docstrings of
`rara.sets`: python docs/generate.py."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import defaultdict
from itertools import groupby
from pathlib import Path

from rara import sets
from rara.columns import COLUMNS, Column

PAGE = Path(__file__).parent / "reference" / "columns.md"
SETS_PAGE = PAGE.with_name("sets.md")

HEAD = """# Columns

Every column of every table that rara writes. This page is written by `python docs/generate.py`
from the register in `rara.columns`. What the numbers mean together, and which to trust for what:
[the axes](../explanation/axes.md).

Everything is relative to the reference, its number of images and the extractor; the table's
provenance names all three. A *ball* is the sphere around a reference image that reaches to its k-th
nearest *other* reference image. A *distance* is between vectors of one extractor: it compares only
between results with the same reference, k and extractor. A *p-value* is among real images:
p = (1 + at least as extreme) / (1 + n), ties included.

Columns that are not listed here are metadata: what the source says of the images. Metadata of a
name in this list is called `metadata_…`.
"""

TITLES = ("column", "type", "unit", "meaning", "a larger value means", "no value")


def page() -> str:
    """The whole page."""
    sections = groupby(COLUMNS.values(), lambda column: column.axis)
    return "\n".join([HEAD, *(_section(axis, list(columns)) for axis, columns in sections)])


def _section(axis: str, columns: list[Column]) -> str:
    asked = axis.startswith("--")
    title = f"With `{axis.replace(', ', '` or `')}`" if asked else axis[:1].upper() + axis[1:]
    head = f"| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}"
    return "\n".join([f"## {title}\n", head, *map(_row, columns)]) + "\n"


def _row(column: Column) -> str:
    cells = [f"`{column.name}`", f"`{column.type}`", _unit(column), _meaning(column)]
    return f"| {' | '.join([*cells, column.higher, _gap(column)])} |"


def _unit(column: Column) -> str:
    if column.low is None:
        return column.unit
    high = f" to {column.high:g}" if column.high is not None else " or more"
    return f"{column.unit}, {column.low:g}{high}"


def _meaning(column: Column) -> str:
    values = f" One of: {', '.join(column.values)}." if column.values else ""
    source = f" ({column.source})" if column.source else ""
    return f"{column.meaning}{values}{source}"


def _gap(column: Column) -> str:
    return "" if column.gap is None else f"{column.gap.stands} {column.gap.when}"


SETS_HEAD = """# Set metrics

Every metric of a whole set of samples in `rara.sets`, with its formula, direction, options and
caveats. This page is written by `python docs/generate.py` from the docstrings. How well the
intervals cover, and which figures move with n: [the studies](../studies/sets.md).

```python
import numpy as np
import rara

rng = np.random.default_rng(0)
samples = rng.normal(0.1, 1, (500, 16)).astype(np.float32)
reference = rng.normal(0, 1, (800, 16)).astype(np.float32)
score = rara.sets.fid(samples, reference)
score.value, score.low, score.high
```

Samples come first and the reference second: (n, d) arrays, or `Features`. The answer is a
`SetScore`: `value`, `low` and `high` of the interval, the counts, the direction.
`float(score)` is the value. The interval covers both sides. It is never made by drawing images
twice.

For vectors that come bit by bit, each metric has a state of nearly the same name:

```python
import numpy as np
import rara

rng = np.random.default_rng(0)
state = rara.sets.FID()
state.update(reference=rng.normal(size=(800, 16)))
for _ in range(5):
    state.update(samples=rng.normal(size=(100, 16)))
state.compute().value
```

States of shards are put together by `state.merge(other)`. The order of vectors plays no role.
"""


def sets_page() -> str:
    """The whole page: one section a file, in the order of the wing's docstring."""
    metrics = defaultdict(list)
    for name in sets.__all__:
        one = getattr(sets, name)
        if inspect.isfunction(one) and one.__module__.rsplit(".", 1)[0] == sets.__name__:
            metrics[one.__module__.rsplit(".", 1)[1]].append(name)
    files = re.findall(r"^    (\w+) {2,}", inspect.getdoc(sets) or "", re.MULTILINE)
    sections = [_metrics(name, metrics[name]) for name in files if name in metrics]
    return "\n".join([SETS_HEAD, *sections])


def _metrics(file: str, names: list[str]) -> str:
    """What a file says of its metrics."""
    module = importlib.import_module(f"{sets.__name__}.{file}")
    said = inspect.getdoc(module) or ""
    said = re.sub(r"^(Direction|Options|Caveats)\.", r"**\1.**", said, flags=re.MULTILINE)
    states = [one for one in sets.__all__ if inspect.isclass(getattr(sets, one))]
    own = [one for one in states if getattr(sets, one).__module__ == module.__name__]
    title = ", ".join(f"`{name}`" for name in names)
    states_line = f"State: {', '.join(f'`{name}`' for name in own)}." if own else ""
    return f"## {title}\n\n{said}\n\n{states_line}\n"


if __name__ == "__main__":
    SETS_PAGE.write_text(sets_page(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
