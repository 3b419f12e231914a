"""Splits of a data set, such as train and test: found by name, and noted when read as one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rara.sources.names import shown

SPLITS = frozenset(
    {
        *("train", "training", "val", "valid", "validation", "dev"),
        *("test", "testing", "eval", "evaluation"),
    }
)


def split_of(name: str) -> str | None:
    """The split that the name of a file or of its folder tells: `data/train-00000.parquet`.

    >>> split_of("data/test-00000-of-00001.parquet"), split_of("dev/0.tar"), split_of("a.tar")
    ('test', 'dev', None)
    """
    for part in reversed(name.lower().split("/")):
        word = re.split(r"[-_.]", part, maxsplit=1)[0]
        if word in SPLITS:
            return word
    return None


def split_remarks(
    paths: Sequence[Path], root: Path, images: Mapping[Path, int | None]
) -> list[str]:
    """What to say where files of several splits are read as one place.

    `images` is how many each file holds, as far as that is known.
    """
    splits = [split_of(path.absolute().relative_to(root.absolute()).as_posix()) for path in paths]
    if len(set(splits) - {None}) < 2:
        return []
    counts = Counter[str]()
    for split, path in zip(splits, paths, strict=True):
        counts[split or "other files"] += images[path] or 0
    counted = ", ".join(f"{split} {number:,}" for split, number in counts.items())
    split, path = next((s, p) for s, p in zip(splits, paths, strict=True) if s)
    named = path.name.lower().startswith(split)
    example = path.with_name(f"{path.name[: len(split)]}*{path.suffix}") if named else path.parent
    return [
        f"Several splits are read together ({counted} images). Give {shown(example)} to read one "
        "alone."
    ]
