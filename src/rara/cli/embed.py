"""`rara embed`: images to vectors, kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.cli.array_options import Reading
from rara.cli.extractions import Extraction
from rara.cli.options import IMAGES, OUTPUT, Place, Working
from rara.cli.output import list_all, refuse_other
from rara.cli.printing import say
from rara.extractors import DEFAULT
from rara.features.opening import features_of, find_extractor
from rara.run import step
from rara.sources import open_source
from rara.storage.folder import claim


def embed(
    images: Annotated[Place, Parameter(group=IMAGES)],
    *,
    output: Annotated[Path, Parameter(alias="-o", group=OUTPUT, metavar="FOLDER")],
    reading: Reading | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Turn images into a folder of vectors, which every command accepts instead.

    Parameters
    ----------
    images
        A folder, .zip, .tar, .npz or .parquet.
    output
        The folder to write: a .parquet of the items, an .npy of the vectors, and manifest.json.
    """
    images = (reading or Reading()).place(images)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        source = open_source(images, metadata=run.metadata)
    network = (extraction or Extraction()).make(run) or find_extractor(DEFAULT, run)
    with claim(output) as place:
        refuse_other(output, kind="features", location=source.location)
        with step(run.progress, "Making vectors"):
            features, _ = features_of(source, network, run)
            place.write(features.parts())
    list_all(features, "image")
    say(f"{len(features):,} vectors of {features.spec.dim:,} numbers each written to {output}")
