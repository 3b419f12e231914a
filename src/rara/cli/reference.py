"""`rara reference`: make a reference once, and look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import App, Parameter

from rara.bundle import claim
from rara.cli.audit import audit
from rara.cli.options import Extraction, Working, whole
from rara.cli.output import list_all, refuse_other
from rara.cli.printing import say, say_json, tell
from rara.extractors import DEFAULT
from rara.extractors.base import Metric
from rara.reference import Reference
from rara.report.words import counted
from rara.treatment import Duplicates

app = App(name="reference", help="Make a reference once, to score against it at no cost.")
app.command(audit)


@app.command
def build(
    images: str,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    k: Annotated[int, Parameter(name=["-k"], converter=whole)] = 3,
    metric: Metric | None = None,
    deduplicate: Duplicates | None = None,
    clip_radii: float | None = None,
    unit: str | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Turn images into a reference folder: vectors and radii, for `rara score --reference`.

    Parameters
    ----------
    images
        The real images: a folder, a .zip, .tar, .npz or .parquet, or a folder of features.
    output
        The folder to write.
    k
        What scores use unless they are asked for another one; any k up to 10 can be.
    metric
        `euclidean`; `cosine`, for which only the directions of vectors count; or `hellinger`, for
        their shares of the sum: usual with the default extractor.
    deduplicate
        Leave out images that repeat an earlier one: `exact` of the same content or vector, `near`
        those as well that are nearer to it than its neighbourhood explains.
    clip_radii
        A quantile of the radii, such as 0.99: no ball counts as larger than that.
    unit
        Where images come in bursts, keep one image of each: those of the same value of a key such
        as `label`, of the same `folder`, or bursts that are `found`.
    """
    with claim(output):  # before long work, so that it fails early
        pass
    run = (working or Working()).run()
    network = (extraction or Extraction()).make(run) or DEFAULT
    reference = Reference.fit(
        images, k=k, metric=metric, extractor=network, deduplicate=deduplicate,
        clip_radii=clip_radii, unit=unit, run=run,
    )  # fmt: skip
    refuse_other(output, kind="reference", location=reference.features.location)
    reference.save(output, run=run)
    list_all(reference.features, "image")
    say(_text(_described(reference)) + f"{'Written to':<14}{output}\n")


@app.command
def extend(
    folder: Path,
    images: str,
    *,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Add images to a reference folder, at the cost of new images x all.

    The folder becomes the one that `rara reference build` would have made of all of them.

    Parameters
    ----------
    folder
        A folder of `rara reference build`.
    images
        The images to add; their ids must differ from those that are there.
    """
    with claim(folder):
        pass
    run = (working or Working()).run()
    network = (extraction or Extraction()).make(run)
    before = Reference.load(folder)
    reference = before.extend(images, extractor=network, run=run)
    reference.save(folder, run=run)
    list_all(reference.features, "image")
    _warn_of_repeated(before, reference)
    say(_text(_described(reference)) + f"{'Written to':<14}{folder}\n")


@app.command
def info(
    folder: Path,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Say what a reference folder holds, after verifying every byte of it.

    Parameters
    ----------
    folder
        A folder of `rara reference build`.
    json
        Print it as JSON.
    """
    described = _described(Reference.load(folder))
    if json:
        say_json(described)
    else:
        say(_text(described))


def _warn_of_repeated(before: Reference, after: Reference) -> None:
    """Say on stderr that images were added which were there already, under other names."""
    contents = after.features.done["digest"].to_pylist()
    known, added = set(contents[: len(before)]), contents[len(before) :]
    again = sum(content in known for content in added)
    if again:
        tell(
            f"{again:,} of {counted(len(added), 'added image')} repeat images that were there: "
            "duplicates shrink balls. `rara reference audit` names them, and a reference that is "
            "built with --deduplicate exact leaves them out."
        )


def _described(reference: Reference) -> dict[str, Any]:
    described = reference.describe()
    own = described["leave_one_out"]
    spec = reference.features.spec
    return {
        "images": len(reference),
        "location": reference.features.location,
        "skipped": [one._asdict() for one in reference.features.skipped],
        "noted": described["noted"],
        "extractor": spec.name,
        "preprocessing": spec.preprocessing,
        "weights": spec.weights,
        "dimensions": spec.dim,
        "metric": spec.metric,
        "treatment": described["treatment"],
        "k": reference.k,
        "largest_k": reference.largest_k,
        "radius": [float(q) for q in np.quantile(reference.radii, (0.05, 0.5, 0.95))],
        "zero_radii": int((reference.radii == 0).sum()),
        "outside_leave_one_out": None if own is None else 1 - own["inside"],
        "fingerprint": reference.fingerprint,
    }


def _text(described: dict[str, Any]) -> str:
    low, middle, high = described["radius"]
    outside = described["outside_leave_one_out"]
    lines = {
        "Images": f"{described['images']:,} from {described['location']}",
        "Skipped": f"{len(described['skipped'])}",
        **_treated(described["treatment"]),
        "Extractor": f"{described['extractor']} ({described['dimensions']} dimensions, "
        f"{described['metric']})",
        "k": f"{described['k']} (any up to {described['largest_k']})",
        "Radii": f"{middle:.4g} in the middle; 90 % between {low:.4g} and {high:.4g}",
        "Radius 0": f"{described['zero_radii']} (images with k or more exact duplicates)",
        "Outside": "unknown"
        if outside is None
        else f"{outside:.1%} of its own images, each without itself",
        "Fingerprint": described["fingerprint"][:16],
    }
    return "".join(f"{label:<14}{text}\n" for label, text in lines.items())


def _treated(treatment: dict[str, Any]) -> dict[str, str]:
    """What was done to the reference, where anything was."""
    lines = {}
    if (kind := treatment["deduplicate"]) is not None:
        kinds = "exact and near" if kind == "near" else kind
        lines["Left out"] = f"{treatment['left_out']:,} ({kinds} duplicates of others)"
    if (unit := treatment["unit"]) is not None:
        lines["Units"] = f"one image each, by '{unit}'; {treatment['left_out']:,} left out in all"
    if treatment["clip_radii"] is not None:
        lines["Clipped"] = (
            f"{treatment['clipped']:,} radii to {treatment['largest_radius']:.4g} "
            f"(quantile {treatment['clip_radii']:g})"
        )
    return lines
