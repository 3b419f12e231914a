"""`rara reference`: make a reference once, and look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import App, Parameter

from rara.cli.array_options import Reading
from rara.cli.audit import audit
from rara.cli.extractions import Extraction, ReferenceExtraction
from rara.cli.opening import Sides, check_k, opened
from rara.cli.options import IMAGES, OUTPUT, REFERENCE, Json, Metrics, Place, Unit, Working, whole
from rara.cli.output import list_all, refuse_other
from rara.cli.printing import say, say_json, tell
from rara.duplicates.units import check_unit
from rara.extractors import DEFAULT
from rara.features.features import Noted, Skipped
from rara.provenance.json_format import encoded
from rara.provenance.parts import CleaningPart
from rara.reference.cleaning import Cleaning, Duplicates
from rara.reference.reference import Reference
from rara.report.formatting import counted, percent
from rara.retrieval.reference_index import problem_of
from rara.run import step
from rara.storage.folder import claim

app = App(
    name="reference",
    help="Make a reference once, and score against it many times.",
    sort_key=2,
)
app.command(audit)


@app.command
def build(
    images: Annotated[Place, Parameter(group=IMAGES)],
    *,
    output: Annotated[Path, Parameter(alias="-o", group=OUTPUT, metavar="FOLDER")],
    k: Annotated[int, Parameter(name=["-k"], group=REFERENCE, metavar="K", converter=whole)] = 3,
    metric: Metrics = None,
    unit: Unit = None,
    deduplicate: Annotated[Duplicates | None, Parameter(group=REFERENCE)] = None,
    clip_radii: Annotated[float | None, Parameter(group=REFERENCE, metavar="QUANTILE")] = None,
    index: Annotated[bool, Parameter(group=REFERENCE, negative=(), show_default=False)] = False,
    reading: Reading | None = None,
    extraction: Extraction | None = None,
    working: Working | None = None,
) -> None:
    """Turn real images into a reference folder, for `rara score --reference`.

    Parameters
    ----------
    images
        The real images: a folder, .zip, .tar, .npz, .parquet, or a folder of vectors.
    output
        The folder to write: vectors and the radii of balls.
    k
        Default k of scores; each score can use another k up to 10.
    deduplicate
        Leave out images that repeat an earlier one: `exact` for the same content or vector, `near`
        also for near duplicates.
    clip_radii
        Clip the radii of balls at this quantile, such as 0.99.
    index
        Add an index of local features, by which `rara score` and `rara search` find crops and
        pasted parts. It takes about 40 ms of one core and 28 KB an image.
    """
    with claim(output):  # before long work, so that it fails early
        pass
    Cleaning(deduplicate, unit, clip_radii)
    images = (reading or Reading()).place(images)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        real = opened(images, run)
    network = (extraction or Extraction()).make(run) or DEFAULT
    check_k(real, k)
    check_unit(unit, reference=real)
    refuse_other(output, kind="reference", location=real.location)
    with step(run.progress, "Making the reference"):
        reference = Reference.fit(
            real, k=k, metric=metric, extractor=network, deduplicate=deduplicate,
            clip_radii=clip_radii, unit=unit, run=run,
        )  # fmt: skip
    reference.save(output, index=index, run=run)
    list_all(reference.features, "image")
    say(*_lines(_described(reference)), f"{'Written to':<14}{output}")


@app.command
def extend(
    folder: Annotated[Path, Parameter(group=IMAGES)],
    images: Annotated[Place, Parameter(group=IMAGES)],
    *,
    reading: Reading | None = None,
    extraction: ReferenceExtraction | None = None,
    working: Working | None = None,
) -> None:
    """Add images to a reference folder, at the cost of new images x all.

    The folder becomes the one that `rara reference build` would make of all of them.

    Parameters
    ----------
    folder
        A folder of `rara reference build`.
    images
        The images to add; their ids must differ from those in the folder.
    """
    with claim(folder):
        pass
    images = (reading or Reading()).place(images)
    run = (working or Working()).run()
    with step(run.progress, "Listing the images"):
        before, added = Reference.load(folder), opened(images, run)
    before.geometry.cleaning.check_growth()
    network = Sides(before, added).network((extraction or ReferenceExtraction()).make(run), run)
    with step(run.progress, "Adding to the reference"):
        reference = before.extend(added, extractor=network, run=run)
    reference.save(folder, run=run)
    list_all(reference.features, "image")
    _warn_of_repeated(before, reference)
    say(*_lines(_described(reference)), f"{'Written to':<14}{folder}")


@app.command
def info(
    folder: Annotated[Path, Parameter(group=IMAGES)],
    *,
    json: Json = False,
) -> None:
    """Verify every byte of a reference folder, and show what it holds.

    Parameters
    ----------
    folder
        A folder of `rara reference build`.
    """
    reference = Reference.load(folder)
    described = _described(reference)
    if reference.index is not None:
        problem = problem_of(reference.features, reference.index)
        described = replace(described, index_problem=problem)
    if json:
        say_json(encoded(described))
    else:
        say(*_lines(described))


def _warn_of_repeated(before: Reference, after: Reference) -> None:
    """Say on stderr that images were added which were there already, under other names."""
    contents = after.features.done["digest"].to_pylist()
    earlier, added = set(contents[: len(before)]), contents[len(before) :]
    again = sum(content in earlier for content in added)
    if again:
        tell(
            f"{again:,} of {counted(len(added), 'added image')} repeat images that were there: "
            "duplicates shrink balls. `rara reference audit` names them, and a reference that is "
            "built with --deduplicate exact leaves them out."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceDescription:
    """What `rara reference info` shows; its fields are the keys of `--json`."""

    images: int
    location: str
    skipped: Sequence[Skipped]
    noted: Sequence[Noted] | None
    extractor: str
    preprocessing: str
    weights: str
    dimensions: int
    metric: str
    cleaning: CleaningPart
    k: int
    largest_k: int
    index: bool
    """Whether an index of local features is kept with it."""
    index_problem: str | None = None
    """Why that index is not used; None where it is, or where there is none."""
    radius: tuple[float, float, float]
    """The radii's quantiles 0.05, 0.5 and 0.95, in units of the feature space."""
    zero_radii: int
    """Images with k or more exact duplicates."""
    outside_leave_one_out: float | None
    """The share of images that lie in no ball of the others; None where it is unknown."""
    fingerprint: str


def _described(reference: Reference) -> ReferenceDescription:
    described = reference.geometry.describe()
    own = described.leave_one_out
    spec = reference.features.spec
    low, middle, high = np.quantile(reference.radii, (0.05, 0.5, 0.95))
    return ReferenceDescription(
        images=len(reference),
        location=reference.features.location,
        skipped=reference.features.skipped,
        noted=described.noted,
        extractor=spec.name,
        preprocessing=spec.preprocessing,
        weights=spec.weights,
        dimensions=spec.dim,
        metric=spec.metric,
        cleaning=described.cleaning or CleaningPart(),
        k=reference.k,
        largest_k=reference.geometry.largest_k,
        index=reference.index is not None,
        radius=(float(low), float(middle), float(high)),
        zero_radii=int((reference.radii == 0).sum()),
        outside_leave_one_out=None if own is None else 1 - own.inside,
        fingerprint=reference.geometry.fingerprint,
    )


def _lines(described: ReferenceDescription) -> list[str]:
    low, middle, high = described.radius
    outside = described.outside_leave_one_out
    lines = {
        "Images": f"{described.images:,} from {described.location}",
        "Skipped": f"{len(described.skipped)}",
        **_treated(described.cleaning),
        "Extractor": f"{described.extractor} ({described.dimensions:,} dimensions, "
        f"{described.metric})",
        "k": f"{described.k} (any up to {described.largest_k})",
        "Radii": f"{middle:.4g} in the middle; 90 % between {low:.4g} and {high:.4g}",
        "Index": described.index_problem or ("of local features" if described.index else "none"),
        "Radius 0": f"{described.zero_radii} (images with k or more exact duplicates)",
        "Outside": "unknown"
        if outside is None
        else f"{percent(outside)} of its own images, leave-one-out",
        "Fingerprint": described.fingerprint[:16],
    }
    return [f"{label:<14}{text}" for label, text in lines.items()]


def _treated(cleaning: CleaningPart) -> dict[str, str]:
    """What was done to the reference, where anything was."""
    lines = {}
    left_out, clipped = cleaning.left_out or 0, cleaning.clipped or 0
    if (kind := cleaning.deduplicate) is not None:
        kinds = "exact and near" if kind == "near" else kind
        lines["Left out"] = f"{left_out:,} ({kinds} duplicates of others)"
    if cleaning.unit is not None:
        lines["Units"] = f"one image each, by '{cleaning.unit}'; {left_out:,} left out in all"
    if cleaning.clip_radii is not None:
        radii = "radius" if clipped == 1 else "radii"
        lines["Clipped"] = (
            f"{clipped:,} {radii} to {cleaning.largest_radius:.4g} "
            f"(quantile {cleaning.clip_radii:g})"
        )
    return lines
