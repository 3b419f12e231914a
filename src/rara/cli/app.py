"""The commands put together; errors and interrupts become exit codes."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError

import rara
from rara.cli import doctor, embed, reference, score, siblings
from rara.cli.printing import (
    ReaderLeftError,
    complain,
    drop_results,
    notes_console,
    results_console,
    tell,
)
from rara.errors import RaraError

app = App(
    name="rara",
    help="Tell how original the images of a generator are.",
    version=rara.__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
app.command(score.score)
app.command(siblings.siblings)
app.command(reference.app)
app.command(embed.embed)
app.command(doctor.doctor)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        app(
            arguments,
            console=results_console(),
            error_console=notes_console(),
            exit_on_error=False,
            print_error=False,
            result_action="return_none",
        )
    except RaraError as error:
        return _refuse(str(error))
    except UnusedCliTokensError as error:
        hint = (
            " Name the real images: --reference PLACE."
            if "score" in (error.command_chain or ())
            else ""
        )
        return _refuse(f"{error}{hint} See `rara --help`.")
    except CycloptsError as error:
        return _refuse(f"{error} See `rara --help`.")
    except KeyboardInterrupt:
        tell("", "Interrupted. Finished work is kept: the same command goes on from there.")
        return 130
    except ReaderLeftError:
        drop_results()
    return 0


def _refuse(message: str) -> int:
    complain(message)
    return 2
