"""The commands put together; errors and interrupts become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from cyclopts import (
    App,
    Argument,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
)

import rara
from rara.cli import (
    card,
    check_metric,
    compare,
    decide,
    doctor,
    embed,
    explore,
    interrupts,
    proxies,
    reference,
    report,
    score,
    search,
    select,
    serve,
    siblings,
    verify,
)
from rara.cli.printing import (
    ReaderLeftError,
    complain,
    drop_results,
    notes_console,
    results_console,
    say,
    say_script,
    tell,
)
from rara.cli.unexpected_errors import REFUSED, explain
from rara.errors import RaraError
from rara.storage.compiled import why_not_kept

START = """\
rara tells how original the images of a generator are: how
rare each one is, how faithful, and which are copies.

  rara score samples/ --reference train/ --report page.html

judges the images in samples/ by the real ones in train/.
Both can be a folder, a .zip, .tar, .npz or .parquet file.

  rara --help          all commands
  rara score --help    all its options, with examples
  rara doctor          what is installed, what is missing
"""

EXAMPLES = """\
Examples:

- `rara score samples/ --reference train/`
- `rara score a.zip -r train.zip --report page.html -o a.csv`
- `rara score samples/ -r train/ --group-by label --halves`
"""

MISSING = {
    "--output": "Say where to write: -o FOLDER.",
    "--shell": "Name the shell: bash, zsh or fish.",
}
"""What to say where an argument is missing whose name alone would not help."""

# What bash is to make of a name with spaces, and of a folder.
BASH_NAMES = """
_rara_names() { local IFS=$'\\n'; _rara "$@"; }
complete -o filenames -F _rara_names rara
"""

app = App(
    name="rara",
    help="Measure how original the images of a generator are.",
    version=rara.__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
COMMANDS: Sequence[tuple[Callable[..., object], dict[str, str]]] = (
    (score.score,
     {"usage": "rara score SAMPLES --reference PLACE [OPTIONS]", "help_epilogue": EXAMPLES}),
    (compare.compare, {"usage": "rara compare NAME=PLACE... --reference PLACE [OPTIONS]"}),
    (search.search, {"usage": "rara search IMAGE... --reference PLACE [OPTIONS]"}),
    (proxies.proxies, {"usage": "rara proxies SAMPLES --proxy NAME=PLACE... [OPTIONS]"}),
    (card.card, {"usage": "rara card IMAGE... --reference PLACE [OPTIONS]"}),
    (verify.verify,
     {"usage": "rara verify CARD [--reference PLACE --image PLACE] [OPTIONS]"}),
    (select.select, {"usage": "rara select TABLE | SAMPLES --reference PLACE [OPTIONS]"}),
    (decide.decide,
     {"usage": "rara decide SAMPLE SOURCE --not-a-copy --reference PLACE [OPTIONS]"}),
    (report.report,
     {"usage": "rara report TABLE PAGE.html --samples PLACE --reference PLACE [OPTIONS]"}),
    (siblings.siblings, {}),
    (embed.embed, {}),
    (check_metric.check_metric, {}),
    (explore.explore, {"usage": "rara explore TABLE | SAMPLES --reference PLACE [OPTIONS]"}),
    (serve.serve, {"usage": "rara serve REFERENCE [OPTIONS]"}),
    (doctor.doctor, {}),
)  # fmt: skip
"""In the order of the help."""

for _place, (_command, _options) in enumerate(COMMANDS, start=1):
    app.command(_command, sort_key=_place, **_options)
app.command(reference.app)


@app.command(sort_key=len(COMMANDS) + 1)
def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print a script with which a shell completes commands, options and places.

    Nothing is installed: `source <(rara completion bash)` is for one session.

    Parameters
    ----------
    shell
        The shell that the script is for.
    """
    script = app.generate_completion(prog_name="rara", shell=shell)
    say_script(script + BASH_NAMES * (shell == "bash"))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    code = 0
    try:
        if arguments:
            code = _called(arguments) or 0
        else:
            say(*START.splitlines())
    except KeyboardInterrupt:
        return interrupts.say_interrupted()
    except ReaderLeftError:
        drop_results()
    except Exception as error:  # noqa: BLE001
        return interrupts.say_interrupted() if interrupts.received() else _failed(error)
    if interrupts.received():
        return interrupts.say_interrupted()
    if why := why_not_kept():
        tell(
            f"Compiled loops are not kept: {why}. Every run compiles them again, for seconds: "
            "`rara doctor` names the cache, RARA_CACHE moves it."
        )
    return code


def _called(arguments: Sequence[str]) -> int | None:
    """The exit code, where a command has one of its own."""
    code: int | None = app(
        arguments,
        console=results_console(),
        error_console=notes_console(),
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
    return code


def _mistaken(error: CycloptsError) -> str:
    """What was wrong with the words that were typed."""
    word = next(iter(error.unused_tokens or ()), "")
    if isinstance(error, UnusedCliTokensError):
        if "score" in (error.command_chain or ()):
            return f"'{word}' is one place too many: give the real images as --reference {word}."
        return f"'{word}' is one argument too many."
    if isinstance(error, UnknownCommandError) and Path(word).exists():
        return f"'{word}' is no command: `rara score {word} --reference train/` judges it."
    if isinstance(error, CoercionError) and error.msg is not None:
        return str(error.msg)  # of rara's own, which names the option
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return _missing(error, error.argument)
    return str(error)


def _missing(error: MissingArgumentError, argument: Argument) -> str:
    """What was left out: the values of an option that was typed, or an argument."""
    if error.keyword is not None:
        needed, _ = argument.token_count()
        return f"{error.keyword} needs {'a value' if needed == 1 else f'{needed} values'}."
    if error.unused_tokens:  # one of them may be the option, misspelt
        return str(error)
    return MISSING.get(argument.name, f"{argument.name.lstrip('-').upper()} is missing.")


def _failed(error: Exception) -> int:
    """Say what is wrong on stderr; gives the exit code."""
    if isinstance(error, RaraError):
        complain(str(error))
    elif isinstance(error, CycloptsError):
        command = " ".join(["rara", *(error.command_chain or ())])
        complain(f"{_mistaken(error)} See `{command} --help`.")
    else:
        return explain(error)
    return REFUSED
