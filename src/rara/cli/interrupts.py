"""Ctrl-C and SIGTERM: one orderly end with exit code 130, whatever is running at that moment.

Imports nothing heavy, for the command watches before it loads anything else. An interrupt can
get lost where other packages catch everything, or inside a callback from C: it is then raised
again until the command ends. A second one, a second later or more, ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 130
_MESSAGE = "Interrupted. Finished work is kept: the same command goes on from there."

_AGAIN_SECONDS = 0.2
_SAME_SECONDS = 1.0
"""Programs that start others often pass on what the terminal has sent already."""


class _Watch:
    """When the first interrupt came."""

    since: float | None = None


_watch = _Watch()


def watch() -> None:
    """From now on, both signals raise KeyboardInterrupt in the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and `&` ask
            signal.signal(number, _interrupt)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _insist)
    sys.excepthook = _unless_received(sys.excepthook)
    sys.unraisablehook = _unless_received(sys.unraisablehook)
    threading.excepthook = _unless_received(threading.excepthook)


def received() -> bool:
    """Whether there was an interrupt: what is raised after it is its consequence."""
    return _watch.since is not None


def say_interrupted() -> int:
    """Say that the run was interrupted; gives the exit code."""
    from rara.cli.printing import in_terminal, tell

    if hasattr(signal, "SIGALRM"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    tell(*([""] if in_terminal() else []), _MESSAGE)  # a terminal shows ^C where the line begins
    return INTERRUPTED


def end(code: int) -> NoReturn:
    """End the process at once: all is written and flushed, and `code` says how it went.

    On its usual way out Python gives both signals back to the system, and would end by them. It
    also ends by SIGINT where an interrupt once went through code that C had called.
    """
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _watch.since is None:
        _watch.since = now
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)
        raise KeyboardInterrupt
    if now - _watch.since > _SAME_SECONDS:
        os._exit(INTERRUPTED)


def _insist(number: int, frame: FrameType | None) -> None:
    """Raise again, unless the interrupt is on its way and something is being tidied up."""
    error = sys.exception()
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    if error is None:
        raise KeyboardInterrupt


def _unless_received(show: Any) -> Any:
    def hook(*about: Any) -> None:
        if not received():
            show(*about)

    return hook
