"""What this machine lets rara use, unless the user says otherwise."""

from __future__ import annotations

import os
from types import ModuleType


def cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quarter_of_memory() -> int:
    """A quarter of the machine's memory, in bytes; 1 GiB where the system does not tell."""
    return whole_memory() // 4


def whole_memory() -> int:
    """The machine's memory, in bytes; 4 GiB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**32


def onnxruntime() -> ModuleType:
    """The package, imported so that it neither sends anything nor writes to the home folder.

    Its wheels of 2026 make a device id and a data base for telemetry when they are imported,
    unless this variable says otherwise; `disable_telemetry_events` comes too late for that.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as package

    package.disable_telemetry_events()
    return package  # type: ignore[no-any-return]
