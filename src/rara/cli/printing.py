"""The only way from rara to stdout and stderr; every command prints through it.

Results go to stdout: all of them, or UnwritableError. Notes go to stderr; where nobody can read
them, the run goes on. Text from outside is never markup and never steers the terminal.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO, cast

from rara.errors import UnwritableError
from rara.report.formatting import wrapped
from rara.text import json_of, plain

if TYPE_CHECKING:
    from rich.console import Console


class ReaderLeftError(Exception):
    """The reader of stdout has closed it, as `head` does."""


def prepare() -> None:
    """Make both streams ready: they escape what they cannot encode, and keep their numbers.

    A file that is opened while stdout or stderr is closed would get its number, and what
    libraries write there would land in that file.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:  # the lowest number that is free
        number = os.dup(number)
    os.close(number)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*lines: str) -> None:
    """Write results to stdout, one line each; a terminal gets lines that fit."""
    _results().write(_lines(lines, _results()))


def say_script(text: str) -> None:
    """Write a program for another program to stdout, its lines as they are."""
    _results().write(text)


def say_json(value: object) -> None:
    """Write a result to stdout as JSON: indented in a terminal, one line anywhere else."""
    ascii_only = codecs.lookup(_results().encoding).name != "utf-8"
    indent = 2 if _results().isatty() else None
    _results().write(json_of(value, ascii_only=ascii_only, indent=indent) + "\n")


def tell(*lines: str) -> None:
    """Write notes to stderr, one line each, whatever they hold; a terminal gets lines that fit."""
    _notes().write(_lines(lines, _notes()))


def complain(message: str) -> None:
    """Say on stderr in one line why a command ends, after the name of the program."""
    from rich.text import Text

    from rara.sources.schemes import without_secrets

    text = Text(_fitting(f"rara: {plain(without_secrets(message))}", _notes()))
    text.stylize("bold red", 0, len("rara:"))
    notes_console().print(text)


def in_terminal() -> bool:
    """Whether somebody may read the notes as they come."""
    return _notes().isatty()


def results_console() -> Console:
    """Where help goes: stdout, with colours in a terminal."""
    from rich.console import Console

    return Console(file=_results(), markup=False, highlight=False, emoji=False)


def notes_console() -> Console:
    """Where bars and errors go: stderr, with colours in a terminal. Clean names with `plain`."""
    from rich.console import Console

    return Console(file=_notes(), markup=False, highlight=False, emoji=False, soft_wrap=True)


def drop_results() -> None:
    """Leave what stdout still holds: nobody reads it, and the end of the program must not try."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def results_columns() -> int | None:
    """How wide the terminal is where results go; None where that is none, or it does not say."""
    return _columns(_results())


def _lines(lines: Iterable[str], stream: TextIO) -> str:
    return "".join(f"{_fitting(plain(line), stream)}\n" for line in lines)


def _fitting(text: str, stream: TextIO) -> str:
    """The text in lines that a terminal need not break within words; anywhere else as it is."""
    columns = _columns(stream)
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in wrapped(line, columns))


def _columns(stream: TextIO) -> int | None:
    """How wide a terminal is; None where there is none, or it does not say."""
    if not stream.isatty():
        return None
    if (columns := os.environ.get("COLUMNS", "")).isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


class _Stream(io.TextIOBase):
    """What rich asks of a stream, passed on to one of `sys`; None is one that is closed.

    It is the one there was at first: while a bar moves, rich puts its own into `sys`, which would
    lead back to here.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._inner, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self._inner is not None and bool(self._inner.isatty())

    def fileno(self) -> int:
        if self._inner is None:
            raise io.UnsupportedOperation("closed")
        return int(self._inner.fileno())

    def flush(self) -> None:
        """Nothing is left to do: every write is flushed."""


class _Results(_Stream):
    def write(self, text: str) -> int:
        if self._inner is None:
            raise UnwritableError("The result cannot be written to stdout: it is closed.")
        try:
            self._inner.write(text)
            self._inner.flush()
        except BrokenPipeError as error:
            raise ReaderLeftError from error
        except OSError as error:
            drop_results()
            reason = error.strerror or str(error)
            raise UnwritableError(f"The result cannot be written to stdout: {reason}.") from error
        return len(text)


class _Notes(_Stream):
    def write(self, text: str) -> int:
        if self._inner is not None:
            try:
                self._inner.write(text)
                self._inner.flush()
            except OSError:
                return len(text)  # no reader for notes; the results are worth more
        return len(text)


def _results() -> TextIO:
    return cast(TextIO, _Results(sys.stdout))


def _notes() -> TextIO:
    return cast(TextIO, _Notes(sys.stderr))
