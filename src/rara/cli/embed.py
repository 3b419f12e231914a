"""`rara embed`: images to vectors, kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rara.bundle import claim
from rara.cli.options import Extraction, Working
from rara.cli.output import list_all, refuse_other
from rara.cli.printing import say
from rara.extractors import DEFAULT
from rara.run import features_of, find_extractor


def embed(
    images: str,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Turn images into a folder of vectors, which can stand in for the images everywhere.

    Parameters
    ----------
    images
        A folder, a .zip, .tar, .npz or .parquet.
    output
        The folder to write: items.parquet, vectors.npy and manifest.json.
    """
    run = (working or Working()).run()
    network = (extraction or Extraction()).make(run) or find_extractor(DEFAULT, run)
    with claim(output) as place:
        features, _ = features_of(images, network, run)
        refuse_other(output, kind="features", location=features.location)
        place.write(features.parts())
    list_all(features, "image")
    say(f"{len(features):,} vectors of {features.spec.dim} written to {output}\n")
