"""`rara card`: the judgement of each picture, judged alone, as a file that can be checked.

options --checked--> pictures, reference --CardMaker--> Card --> lines, files, page
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rara.arguments import path_of
from rara.cards.card import ENDING, Card
from rara.cards.making import CardMaker
from rara.cards.page import save_page
from rara.cards.sentences import COLUMNS
from rara.cli.array_options import Reading
from rara.cli.extractions import ReferenceAndCopyNetwork
from rara.cli.opening import Made, Opened, Sides
from rara.cli.options import (
    IMAGES,
    OUTPUT,
    SCORES,
    Page,
    Place,
    Working,
)
from rara.cli.output import check_page, check_target, last_line, list_remarks, list_skipped
from rara.cli.printing import results_columns, say, say_script
from rara.cli.scoring import BasicJudging
from rara.cli.stdin import pictures_at, refuse_options
from rara.errors import EmptySourceError, ParameterError, UnwritableError
from rara.explorer.saved_table import options_of, reference_again
from rara.extractors import Extractor
from rara.features.features import Features, Skipped
from rara.reference.options import Options, ScoreOptions
from rara.run import Run, step, watching
from rara.scores import Family
from rara.sources import Source
from rara.sources.base import remarks_of
from rara.sources.single import ChosenItems
from rara.table.score_table import ScoreTable

TABLE = ".parquet"
BLOCKS = 20
"""Cards that the terminal shows."""
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 40


def card(
    *images: Annotated[Place, Parameter(group=IMAGES, allow_leading_hyphen=True)],
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    ids: Annotated[
        list[str] | None, Parameter(name="--id", group=IMAGES, negative=(), metavar="ID")
    ] = None,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    output: Annotated[
        Path | None, Parameter(alias="-o", group=OUTPUT, metavar="FILE|FOLDER")
    ] = None,
    report: Page = None,
    json: Annotated[bool, Parameter(group=OUTPUT, negative=(), show_default=False)] = False,
    judging: BasicJudging | None = None,
    also: Annotated[list[Family] | None, Parameter(group=SCORES, negative=())] = None,
    boundary: Annotated[Literal["open", "closed"], Parameter(group=SCORES)] = "open",
    reading: Reading | None = None,
    extraction: ReferenceAndCopyNetwork | None = None,
    working: Working | None = None,
) -> None:
    """Write the judgement of each picture, judged alone, as a file that others can check.

    `rara verify` makes every number of a card again from the same picture and reference. Cards
    name images by digest, and hold no file names.

    Parameters
    ----------
    images
        The pictures: files, folders, archives, `-` for one from standard input; or a table of
        `rara score`, with `--id`.
    reference
        The real images, or a folder of `rara reference build`.
    ids
        With a table: the pictures that cards are made of; repeat it for several.
    samples
        With a table: where its pictures are.
    output
        Write the card to FILE.json, or several into FOLDER.
    json
        Print the card of one picture exactly as its file has it.
    also
        Add a number; repeat the option for both.
    boundary
        Whether a ball holds a point exactly on its surface.
    """
    table = _check(images, reference, ids, samples)
    _check_targets(output, report)
    extraction, run = extraction or ReferenceAndCopyNetwork(), (working or Working()).run()
    judging = judging or BasicJudging()
    options: Options = {
        "k": judging.k, "alpha": judging.alpha, "evidence": judging.evidence, "also": also or (),
        "boundary": boundary,
    }  # fmt: skip
    rule = ScoreOptions(**options).rule  # refused before a place is opened
    assert reference is not None
    if table is not None:
        _refuse_beside_a_table(boundary != "open" or any(judging.given().values()))
        options = {**options_of(table), "also": also or ()}
        network = extraction.make(run)
        theirs, place = (reading or Reading()).places([samples or "", reference])
        real = reference_again(table, place, network, run)
        source: Source = ChosenItems(pictures_at([theirs], run, "card"), tuple(ids or ()))
    else:
        *ours, place = (reading or Reading()).places([*images, reference])
        with step(run.progress, "Listing the images"):
            sides = Sides.opened(place, Made(judging.metric, judging.unit), run)
            source = pictures_at(ours, run, "card")
        sides.check_k(judging.k)
        sides.check_rule(rule)
        with step(run.progress, "Loading the network"):
            network = _network(sides, extraction.make(run), run)
        with step(run.progress, "Making the reference"):
            real = sides.reference_of(judging.k, network, run)
    options["copy_network"] = extraction.make_copy_network(run)
    with step(run.progress, "Loading the network"):
        maker = CardMaker(real, network, run, **options)
    made, skipped = _made(maker, source, run)
    files = _written(made, output)
    if report:
        with step(run.progress, "Writing the page"):
            save_page([(one.content, one.shown) for one in made], report)
    list_remarks(remarks_of(source), "image")
    list_skipped(skipped, "image")
    if json:
        say_script(_only(made).text)
        return
    last = last_line((_place(files, output), report), "-o cards/, --report page.html", label=11)
    say(*_lines(made), "", last)


def _check(
    images: Sequence[Place], reference: Place | None, ids: list[str] | None, samples: Place | None
) -> ScoreTable | None:
    """The table, where one is given. Raises ParameterError where words are missing, or too many."""
    if reference is None:
        raise ParameterError("Give the real images: --reference train/.")
    if not images:
        raise ParameterError(
            f"No pictures: give those to judge, as in `rara card a.png --reference {reference}`."
        )
    refuse_options(images, "card")
    if ids is None and samples is None:
        return None
    if len(images) > 1 or Path(images[0]).suffix.lower() != TABLE or ids is None or samples is None:
        raise ParameterError(
            "--id and --samples are for one table of `rara score`: "
            "`rara card table.parquet --id a.png --samples samples/ --reference train/`."
        )
    table = ScoreTable.from_parquet(str(images[0]))
    if missing := [name for name in ids if name not in set(table["id"])]:
        raise ParameterError(f"--id {missing[0]}: '{images[0]}' has no such row.")
    return table


def _refuse_beside_a_table(given: bool) -> None:
    if given:
        raise ParameterError(
            "A table says how it was judged, and its cards are judged alike: remove -k, --metric, "
            "--unit, --alpha, --evidence and --boundary."
        )


def _check_targets(output: Path | None, report: Path | None) -> None:
    """Refuse before the work what could not be written after it."""
    check_page(report)
    if output is None:
        return
    if output.suffix.lower() == ENDING:
        check_target(output)
    elif path_of(output).exists() and not output.is_dir():
        raise UnwritableError(f"'{output}' is a file: give a folder, or a name that ends in .json.")
    else:
        check_target(output / f"card{ENDING}")


def _network(sides: Sides, named: Extractor | None, run: Run) -> Extractor | None:
    """What makes the vectors. Raises what `Sides.network` raises."""
    real: Opened = sides.real
    return named if isinstance(real, Features) else sides.network(named, run)


def _made(maker: CardMaker, source: Source, run: Run) -> tuple[list[Card], list[Skipped]]:
    """The cards, and the pictures that cannot be used. Raises EmptySourceError without a card."""
    made, skipped = list[Card](), list[Skipped]()
    with watching(run.progress, source.count(), "Pictures") as advance:
        for one in maker.cards(source):
            (skipped if isinstance(one, Skipped) else made).append(one)  # type: ignore[arg-type]
            if advance:
                advance(1)
    if not made:
        first = f" '{skipped[0].id}': {skipped[0].reason}." if skipped else ""
        raise EmptySourceError(
            f"No picture of {source.location} can be used.{first}",
            [(one.id, one.reason) for one in skipped],
        )
    return made, skipped


def _only(made: Sequence[Card]) -> Card:
    if len(made) != 1:
        raise ParameterError(
            f"--json prints one card, and there are {len(made):,}: give -o FOLDER for several."
        )
    return made[0]


def _written(made: Sequence[Card], output: Path | None) -> list[Path]:
    """The files, each named by its picture and the beginning of its digest."""
    if output is None:
        return []
    if output.suffix.lower() != ENDING:
        paths = [output / name_of(one) for one in made]
    elif len(made) == 1:
        paths = [output]
    else:
        raise ParameterError(
            f"-o {output} is one file, and there are {len(made):,} cards: give a folder."
        )
    for one, path in zip(made, paths, strict=True):
        one.save(path)
    return list(dict.fromkeys(paths))


def _place(files: Sequence[Path], output: Path | None) -> Path | None:
    """The file of one card, or the folder of several."""
    return files[0] if len(files) == 1 else output


def name_of(one: Card) -> str:
    """A safe name of a card's file: `bird-3fa9c1d2e4b5.json`."""
    stem = _UNUSUAL.sub("_", Path(one.shown.sample).stem).strip("._")[:_LONGEST]
    return f"{stem or 'picture'}-{one.content.image.sha256[:12]}{ENDING}"


def _lines(made: Sequence[Card]) -> Iterator[str]:
    width = min(COLUMNS, results_columns() or COLUMNS)
    for place, one in enumerate(made[:BLOCKS]):
        yield from [""] * (place > 0)
        yield from one.summary(width).splitlines()
    if (more := len(made) - BLOCKS) > 0:
        yield from ("", f"And {more:,} more: -o and --report have them all.")
