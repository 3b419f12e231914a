"""Counts and times of a service, in the text that Prometheus reads.

    Metrics.count, Metrics.time, Metrics.gauge --text--> GET /metrics

Names of routes and of verdicts are labels; nothing that a client writes becomes one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
Sample: TypeAlias = tuple[str, Labels]


@dataclass(slots=True)
class Metrics:
    """All that is counted; may be used from any thread."""

    _help: dict[str, tuple[str, str]] = field(default_factory=dict)
    _counts: Counter[Sample] = field(default_factory=Counter)
    _times: dict[Sample, list[float]] = field(default_factory=dict)
    _gauges: dict[str, Callable[[], float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, name: str, says: str, by: float = 1, **labels: str) -> None:
        """One more of something."""
        with self._lock:
            self._help[name] = ("counter", says)
            self._counts[name, tuple(labels.items())] += by  # type: ignore[assignment]

    def time(self, name: str, says: str, seconds: float, **labels: str) -> None:
        """How long something took."""
        with self._lock:
            self._help[name] = ("histogram", says)
            row = self._times.setdefault((name, tuple(labels.items())), [0.0] * (len(BUCKETS) + 2))
            for place, most in enumerate(BUCKETS):
                row[place] += seconds <= most
            row[-2] += 1
            row[-1] += seconds

    def gauge(self, name: str, says: str, now: Callable[[], float]) -> None:
        """Something that rises and falls, asked for when it is read."""
        with self._lock:
            self._help[name], self._gauges[name] = ("gauge", says), now

    def text(self) -> str:
        """All of it."""
        gauges = {name: now() for name, now in self._gauges.items()}
        with self._lock:
            lines = []
            for name, (kind, says) in sorted(self._help.items()):
                lines += [f"# HELP {name} {says}", f"# TYPE {name} {kind}"]
                if name in gauges:
                    lines.append(f"{name} {gauges[name]:g}")
                lines += [
                    f"{name}{_labels(labels)} {value:.17g}"
                    for (one, labels), value in sorted(self._counts.items())
                    if one == name
                ]
                for (one, labels), row in sorted(self._times.items()):
                    lines += _histogram(name, labels, row) if one == name else []
        return "\n".join(lines) + "\n"


def _histogram(name: str, labels: Labels, row: list[float]) -> list[str]:
    *within, count, total = row
    bounds = [*(f"{most:g}" for most in BUCKETS), "+Inf"]
    lines = [
        f"{name}_bucket{_labels((*labels, ('le', bound)))} {value:.17g}"
        for bound, value in zip(bounds, [*within, count], strict=True)
    ]
    return [
        *lines,
        f"{name}_sum{_labels(labels)} {total:.17g}",
        f"{name}_count{_labels(labels)} {count:.17g}",
    ]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resident_bytes() -> float:
    """Memory of this process that is in use; NaN where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return float("nan")
    return float(int(pages) * os.sysconf("SC_PAGE_SIZE"))
