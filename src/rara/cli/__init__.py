"""The command line, one file a command.

    printing             the only way to stdout and stderr
    interrupts           Ctrl-C and SIGTERM
    unexpected_errors    the sentence for an error that nobody planned for
    progress             how far a step is
    options              what several commands take
    extractions          --extractor, --copy-network and what networks expect
    array_options        --array and --image-column
    stdin                one picture from standard input
    opening              what places hold, opened once and checked before the work
    deciding             --decisions: which decisions hold
    formulas             cells that a spreadsheet would take for a formula
    output               what was skipped or noted
    groups               --group-by and --against-siblings
    opinions             --halves and --extractor repeated
    scoring              samples judged as options say, for every command that does
    score                rara score
    report               rara report
    search               rara search
    card                 rara card
    verify               rara verify
    compare              rara compare
    proxies              rara proxies
    audit                rara reference audit
    reference            rara reference
    decide               rara decide
    embed                rara embed
    siblings             rara siblings
    listening            --host, --port and --token-file: where a command listens
    serve                rara serve
    explore              rara explore
    select               rara select
    check_metric         rara check-metric
    doctor               rara doctor
    app                  the commands put together; errors become exit codes

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 what was
checked does not hold, 2 the user can correct it, 70 a fault of rara, 130 interrupted.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `rara`."""
    from rara.cli import interrupts

    interrupts.watch()
    interrupts.end(_run())


def _run() -> int:
    """Load and run the command; an interrupt may come in each line of it."""
    import warnings

    from rara.cli import interrupts

    try:
        from rara.cli.printing import prepare

        prepare()
        # Pillow's word on large images, for which rara has a limit and a list of its own. Decoders
        # mute it, but a thread that swaps the filters of warnings, as compilers do, ends that.
        warnings.filterwarnings("ignore", message="Image size .* exceeds limit")
        from rara.cli.app import run

        return run()
    except BaseException as error:
        if interrupts.received():
            return interrupts.say_interrupted()
        if not isinstance(error, Exception):
            raise
        from rara.cli.unexpected_errors import (
            explain,  # packages that are damaged or find no memory
        )

        return explain(error)
