"""Reads hostile archives and judges what came out: the one rule that all tests of them share."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hostile_archives import hostile
from rara.errors import ImageError, RaraError
from rara.sources import open_source
from rara.sources.base import remarks_of

MOST_SECONDS = 5


def read(path):
    """All bytes of all images, how many images failed, and the remarks."""
    source = open_source(path)
    loaded, failed = [], 0
    for item in source:
        try:
            loaded.append(item.load())
        except ImageError:
            failed += 1
    return loaded, failed, remarks_of(source)


def outcome(case, folder):
    """How an archive was read; AssertionError where an image is wrong, or lost in silence."""
    path = Path(folder) / f"x{case.suffix}"
    path.write_bytes(case.data)
    began = time.monotonic()
    try:
        loaded, failed, remarks = read(path)
    except RaraError:
        return "refused"
    finally:
        assert time.monotonic() - began < MOST_SECONDS, case.what
    expected = Counter(data for _, data in case.images)
    assert not Counter(loaded) - expected, f"{case.what}: other bytes"
    lost = sum((expected - Counter(loaded)).values())
    assert lost <= failed or remarks, f"{case.what}: {lost} lost, {failed} failed, {remarks}"
    if lost:
        return "skipped" if lost <= failed else "remarked"
    return "whole, with a remark" if remarks else "whole"


def main(first, last):
    """Print how often each outcome was, and the peak memory in MiB."""
    import resource

    counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            counts[outcome(hostile(seed), folder)] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(dict(counts), peak)  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
