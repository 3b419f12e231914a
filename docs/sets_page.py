"""The page docs/reference/sets.md, from the docstrings of `rara.sets`; written by generate.py."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import defaultdict
from pathlib import Path

from rara import sets

SETS_PAGE = Path(__file__).parent / "reference" / "sets.md"

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

Distances are Euclidean, of the vectors as they are: so papers quote these figures. A score of one
image takes the distance that suits its extractor, for rara's default the Hellinger distance. So
`precision` and the share inside of a score table differ on the same images.

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

## Many metrics at once

`MetricCollection` computes many metrics of the same sides, and of several generators beside one
reference:

```python
import numpy as np
import rara

rng = np.random.default_rng(0)
reference, test = rng.normal(size=(2, 800, 16))
samples, others = rng.normal(0.1, 1, (2, 500, 16))
collection = rara.sets.MetricCollection(reference, ["fid", "kid", rara.sets.Precision(k=5)])
scores = collection.scores(samples)
scores["kid"].value, scores["precision"].value
collection.scores(others)
```

It takes names, states with other options, or a mapping that gives each a name of its own. Without
them it takes every metric on this page but `inception_score` and `sfid`, which need no such
vectors; `c_t` and `fld_gap` only with `test=`. What is computed of the reference alone is computed
once.

Neighbours are listed once for each side, as deep as any metric asks, and samples and reference are
scanned once. Figures of neighbours and balls have the same bits as those of the single functions.
Others may differ in the last digits. `fld_gap` scales all vectors, and so has a scan of its own.

`kid` and `cmmd` share their float32 products of all pairs, which take
[more time](../studies/performance.md#set-metrics-from-vectors) than anything else. With
`approximate=True`, they take the products of the scan. Where the machine is fast at bytes, these
are of bytes. The error is estimated on 64 images of either side, in each call. Where it may be
above 5 % of half the interval, the exact products are taken after all.
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
