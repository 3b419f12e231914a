"""What nobody has planned for, in one sentence instead of a traceback."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator

from rara.cli.printing import complain, tell

REFUSED = 2
FAULT = 70
"""The exit code of a fault of rara, which is EX_SOFTWARE in sysexits.h."""
TRACEBACK = "RARA_TRACEBACK"
"""The variable of the environment that asks for the traceback."""

_LONGEST = 500
_NO_THREAD = re.compile("start new thread|pthread_create|Resource temporarily", re.IGNORECASE)
_NO_MEMORY = re.compile(
    "bad_?alloc|allocate memory|failed to map|failed to alloc|out of memory", re.IGNORECASE
)


def explain(error: Exception) -> int:
    """Say on stderr what was raised, with its traceback on request; gives the exit code."""
    if os.environ.get(TRACEBACK):
        tell(*"".join(traceback.format_exception(error)).splitlines())
    message, code = _explained(error)
    complain(message)
    return code


def _explained(error: Exception) -> tuple[str, int]:
    """One or two sentences, and the exit code."""
    message, causes = _message(error), "\n".join(map(_message, _chain(error)))
    if isinstance(error, MemoryError) or _NO_MEMORY.search(causes):
        return (
            f"The memory does not suffice ({message}). Give a smaller --memory, such as 500MB, or "
            "fewer --threads, or end other programs.",
            REFUSED,
        )
    if _NO_THREAD.search(causes):
        return (
            f"The system starts no more threads ({message}). Give fewer --threads, or raise the "
            "limits of `ulimit -u` and `ulimit -v`.",
            REFUSED,
        )
    if isinstance(error, OSError) and error.errno:
        return (
            f"The system refused: {message}. Correct that, and run the same command again.",
            REFUSED,
        )
    return (
        f"Something failed that rara does not foresee: {message}. This is a fault of rara or of a "
        f"package below it. Please report it with the command, the output of `rara doctor --json`, "
        f"and what {TRACEBACK}=1 shows.",
        FAULT,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what was raised before it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _message(error: BaseException) -> str:
    """Type and message, at most so long."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": .")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
