"""How the benchmarks measure, and where they leave what they measured.

    work --measured--> Cost --save--> results/<name>.json --page.py--> docs/studies/performance.md

CPU time is that of all threads of the process, which other processes disturb less than the
clock. Memory is the peak of the resident size over what was there before the work.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import psutil

from rara.machine import cores

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "numpy", "numba", "onnxruntime", "faiss-cpu", "scikit-learn", "prdc", "torch",
    "scipy", "torch-fidelity", "clean-fid",
)  # fmt: skip
INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")

Options = ParamSpec("Options")
Answer = TypeVar("Answer")


# -- one call --


class Cost(NamedTuple):
    """What one call took: seconds of all cores, seconds by the clock, bytes at the peak."""

    cpu: float
    wall: float
    peak: int


def cost(work: Callable[[], Answer]) -> tuple[Cost, Answer]:
    """Cost and answer of one call."""
    with Watch() as watch:
        wall, cpu = time.perf_counter(), time.process_time()
        answer = work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(cpu, wall, watch.peak - watch.before), answer


def command(*arguments: str, cache: Path | None = None) -> Cost:
    """One `rara` command as a process of its own; its memory is not looked at."""
    place = {} if cache is None else {"RARA_CACHE": str(cache)}
    wall, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "rara", *arguments], check=True, capture_output=True,
        env=os.environ | place,
    )  # fmt: skip
    wall, after = time.perf_counter() - wall, os.times()
    cpu = after.children_user + after.children_system
    return Cost(cpu - before.children_user - before.children_system, wall, 0)


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, all threads."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


class Watch:
    """Samples the resident size every few milliseconds, which costs half a percent of a core."""

    def __enter__(self) -> Watch:
        give_back()
        self.before = self.peak = resident()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.peak = max(self.peak, resident())

    def look(self) -> None:
        while not self.over.wait(0.005):
            self.peak = max(self.peak, resident())


def resident() -> int:
    """Resident size in bytes."""
    return int(psutil.Process().memory_info().rss)


def give_back() -> None:
    """Return freed memory to the system, lest work that takes it again seem to need none."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # only glibc has this
        ctypes.CDLL(None).malloc_trim(0)


def apart(
    work: Callable[Options, Answer], *arguments: Options.args, **options: Options.kwargs
) -> Answer:
    """The answer of a fresh process that does this and nothing else.

    `BrokenProcessPool`, a RuntimeError, says that the process was killed.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments, **options).result()


# -- many calls --


@dataclass(slots=True)
class Row:
    """What is measured, and what its calls took; `facts` name it in the table."""

    facts: dict[str, Any]
    work: Callable[[], tuple[Cost, str]] | None
    costs: list[Cost]
    note: str = ""

    @classmethod
    def of(cls, work: Callable[[], tuple[Cost, str]], **facts: object) -> Row:
        """A row that is measured by calling `work`, which gives a cost and a note."""
        return cls(facts, work, [])

    @classmethod
    def absent(cls, note: str, **facts: object) -> Row:
        """A row that says why there is nothing to measure."""
        return cls(facts, None, [], note)

    def measure(self) -> None:
        """Add the cost of one more call; what fails is said in the row, and not tried again."""
        if self.work is None:
            return
        try:
            one, self.note = self.work()
        except (MemoryError, RuntimeError) as error:
            self.work, self.costs, self.note = None, [], f"failed: {type(error).__name__}"
        else:
            self.costs.append(one)

    def record(self) -> dict[str, Any]:
        """The row as JSON."""
        columns = {name: [getattr(one, name) for one in self.costs] for name in Cost._fields}
        return {**self.facts, **columns, "note": self.note}


def interleaved(rows: Sequence[Row], repeats: int) -> list[dict[str, Any]]:
    """The rows as JSON; in turn, so that whatever slows the machine down slows all alike."""
    for turn in range(repeats):
        for row in rows:
            row.measure()
            last = f"{row.costs[-1].cpu:.2f} s CPU" if row.costs else "-"
            told = ", ".join(f"{value}" for value in row.facts.values())
            print(f"[{turn + 1}/{repeats}] {told}: {last} {row.note}", file=sys.stderr, flush=True)
    return [row.record() for row in rows]


# -- what is kept --


def save(folder: Path, name: str, *, settings: argparse.Namespace, **parts: object) -> None:
    """Write results/<name>.json: the machine, the settings, the parts."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in vars(settings).items() if not isinstance(value, Path)}
    content = {"machine": machine(), "settings": kept, **parts}
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures depend on, and nothing that tells whose machine it is."""
    processor, flags = _processor()
    return {
        "processor": processor,
        "cores": cores(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _processor() -> tuple[str, set[str]]:
    """Name of the processor, and what it can do where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), set()
    facts = dict(map(str.strip, line.split(":", 1)) for line in reversed(lines) if ":" in line)
    flags = facts.get("flags") or facts.get("Features") or ""
    return facts.get("model name") or platform.machine(), set(flags.split())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def parser(purpose: str | None, sizes: Mapping[str, int]) -> argparse.ArgumentParser:
    """Command line of a benchmark: its sizes as options, and where the results go."""
    made = argparse.ArgumentParser(
        description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, size in sizes.items():
        made.add_argument(f"--{name}", type=int, default=size, help=f"{size:,} by default")
    made.add_argument("--results", type=Path, default=RESULTS, help="folder for the results")
    return made
