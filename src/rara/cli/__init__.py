"""The command line, one file a command.

    app.py         the commands put together; errors and interrupts become exit codes
    options.py     what several commands take
    printing.py    the only way to stdout and stderr
    progress.py    how far a step is, on stderr
    opened.py      what places hold, opened once and checked before the work
    score.py  reference.py  audit.py  siblings.py  embed.py  doctor.py

Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 the user can
mend it, 130 interrupted.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `rara`."""
    import signal
    import sys
    import warnings

    from rara.cli.app import run
    from rara.cli.printing import take_any_name

    # A batch system's SIGTERM ends a run as Ctrl-C does: what was computed is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Pillow's word on large images, for which rara has a limit and a list of its own. Decoders mute
    # it, but a thread that swaps the filters of warnings, as compilers do, takes that away again.
    warnings.filterwarnings("ignore", message="Image size .* exceeds limit")
    take_any_name()
    sys.exit(run())
