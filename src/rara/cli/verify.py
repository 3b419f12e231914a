"""`rara verify`: whether a card is what rara wrote, and whether these images give it again.

options --checked--> card --verify--> Verification --> lines, JSON, exit code
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cards.sentences import COLUMNS
from rara.cards.verify import verify as verify_card
from rara.cli.array_options import Reading
from rara.cli.extractions import ReferenceAndCopyNetwork
from rara.cli.options import IMAGES, Json, Place, Working
from rara.cli.printing import results_columns, say, say_json

FAILED = 1
"""The exit code for a card that was changed, or that these images do not give again."""


def verify(
    card: Annotated[Path, Parameter(group=IMAGES, metavar="CARD")],
    /,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    image: Annotated[Place | None, Parameter(alias="-i", group=IMAGES, metavar="PLACE")] = None,
    json: Json = False,
    reading: Reading | None = None,
    extraction: ReferenceAndCopyNetwork | None = None,
    working: Working | None = None,
) -> int:
    """Check a card of `rara card`, and make its numbers again.

    Without other places, its form and digest are checked. With the reference and the image, every
    number is made again and compared exactly. The exit code is 0 if nothing speaks against the
    card, and 1 if something does.

    Parameters
    ----------
    card
        The file of the card.
    reference
        The real images that the card names, or a folder of `rara reference build`.
    image
        The picture, or a place where it is: it is found by its content.
    """
    extraction, run = extraction or ReferenceAndCopyNetwork(), (working or Working()).run()
    given = [place for place in (reference, image) if place is not None]
    named = dict(zip(given, (reading or Reading()).places(given), strict=True)) if given else {}
    found = verify_card(
        card,
        reference=None if reference is None else named[reference],
        image=None if image is None else named[image],
        extractor=extraction.make(run),
        copy_network=extraction.make_copy_network(run),
        run=run,
    )
    if json:
        say_json(found.to_json())
    else:
        say(*found.summary(min(COLUMNS, results_columns() or COLUMNS)).splitlines())
    return FAILED if found.status in ("changed", "differs") else 0
