"""How many bursts the audit's search finds, and how many where there are none.

python studies/bursts.py [--into docs/trust.md]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rara import Run
from rara.bursts import bursts
from test_audit import LAWS
from test_bursts import found_share, scenes


def found() -> Iterator[str]:
    """Rows on 100 scenes, alone and with 500 single images."""
    yield "| frames a scene | found, alone | found, among 500 single images |"
    yield "|---|---|---|"
    for name in ("2", "4", "10", "20", "50", "4 to 20"):
        shares = []
        for single in (0, 500):
            rng = np.random.default_rng(0)
            sizes = rng.integers(4, 21, 100) if " " in name else np.full(100, int(name))
            vectors, scene = scenes(rng, np.concatenate([sizes, np.ones(single, int)]))
            shares.append(f"{found_share(bursts(vectors, Run()), scene):.0%}".replace("%", " %"))
        yield f"| {name} | {' | '.join(shares)} |"


def false() -> Iterator[str]:
    """Rows on laws without bursts."""
    yield "| law without duplicates | called of 300 | called of 5,000 |"
    yield "|---|---|---|"
    for law in LAWS:
        counts = []
        for n in (300, 5_000):
            vectors = LAWS[law](np.random.default_rng(2), n).astype(np.float32)
            _, sizes = np.unique(bursts(vectors, Run()), return_counts=True)
            counts.append(f"{sizes[sizes > 1].sum():,}")
        yield f"| {law} | {' | '.join(counts)} |"


def main() -> None:
    table = "\n".join([*found(), "", *false()])
    print(table)
    if sys.argv[1:2] == ["--into"]:
        page = Path(sys.argv[2])
        marks = r"(<!-- studies/bursts.py -->\n).*?(<!-- end -->)"
        text = page.read_text("utf-8")
        page.write_text(re.sub(marks, rf"\1\n{table}\n\n\2", text, count=1, flags=re.S), "utf-8")


if __name__ == "__main__":
    main()
