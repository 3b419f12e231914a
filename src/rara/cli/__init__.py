"""The command line, one file a command.

    app.py         the commands put together; errors and interrupts become exit codes
    options.py     what several commands take
    progress.py    bars on stderr
    score.py  reference.py  embed.py  doctor.py

Results go to stdout, everything else to stderr. Exit codes: 0 done, 2 the user can
mend it, 130 interrupted.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `rara`."""
    import sys

    from rara.cli.app import run

    sys.exit(run())
