"""The commands put together; errors and interrupts become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError
from rich.console import Console

import rara
from rara.cli import doctor, embed, reference, score, siblings
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
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app(
            arguments,
            error_console=errors,
            exit_on_error=False,
            print_error=False,
            result_action="return_none",
        )
        sys.stdout.flush()
    except RaraError as error:
        return _complain(errors, str(error))
    except UnusedCliTokensError as error:
        hint = (
            " Name the real images: --reference PLACE."
            if "score" in (error.command_chain or ())
            else ""
        )
        return _complain(errors, f"{error}{hint} See `rara --help`.")
    except CycloptsError as error:
        return _complain(errors, f"{error} See `rara --help`.")
    except KeyboardInterrupt:
        errors.print("\nInterrupted. Finished work is kept: the same command goes on from there.")
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing may be flushed to it any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(errors: Console, message: str) -> int:
    errors.print("[bold red]rara:[/]", end=" ")
    errors.print(message, markup=False)
    return 2
