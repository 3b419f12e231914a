"""Samples among their siblings alone: which outputs of a prompt are the odd ones, no reference.

    images --embed--> features --key--> groups --each among its own--> Siblings

The same columns as those of `Reference.score(…, against_siblings=…)`, where there is no reference.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rara import __version__
from rara.arguments import path_of
from rara.extractors import DEFAULT, Extractor
from rara.features.image_lookup import SourcePictures
from rara.features.metric import with_metric
from rara.features.neighbours import whole_k
from rara.features.opening import Images, features_of, find_extractor, is_features
from rara.groups.siblings import judge_among_siblings
from rara.provenance.json_format import JsonObject
from rara.provenance.provenance import SiblingsProvenance
from rara.run import Run, checked_run
from rara.storage.atomic import write_text
from rara.table.csv_cells import Formulas
from rara.table.provenance import about_extractor, about_samples, table_of
from rara.table.writing import save

if TYPE_CHECKING:
    import pyarrow as pa

    from rara.report.siblings_page import SiblingFacts
    from rara.report.thumbnails import Pictures


@dataclass(frozen=True, slots=True, repr=False)
class Siblings:
    """One record for each sample: `sibling_distance`, `sibling_p`, and its metadata.

    Both are null where a sample has fewer than two siblings, or no such key.
    """

    arrow: pa.Table
    provenance: SiblingsProvenance
    pictures: Pictures | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __repr__(self) -> str:
        part = self.provenance.siblings
        return f"Siblings: {len(self)} samples in {len(part.groups)} groups by {part.by}"

    @property
    def facts(self) -> SiblingFacts:
        """What was compared, and the odd ones, those that are farthest first."""
        from rara.report.siblings_page import sibling_facts

        return sibling_facts(self.arrow, self.provenance)

    def to_dict(self) -> JsonObject:
        """The same as JSON can hold it."""
        return self.facts.to_json()

    def summary(self) -> str:
        """At most nine plain lines: what was compared, and who stands apart most."""
        from rara.report.siblings_page import sibling_lines

        return "\n".join(sibling_lines(self.facts))

    def report(self, path: str | Path) -> None:
        """Write the page, one HTML file that needs nothing else."""
        from rara.report.siblings_page import sibling_html

        page = sibling_html(self.facts, self.pictures)
        write_text(path_of(path), page)

    def _repr_html_(self) -> str:
        from rara.report.notebook import siblings_html

        return siblings_html(self.facts, self.pictures)

    def save(self, path: str | Path, *, formulas: Formulas = "keep") -> None:
        """Write a Parquet, CSV or JSON file, as `ScoreTable.save` does."""
        save(self.arrow, self.provenance, path, formulas=formulas)


def compare_siblings(
    images: Images,
    *,
    by: str = "prompt",
    k: int = 3,
    extractor: str | os.PathLike[str] | Extractor = DEFAULT,
    run: Run | None = None,
) -> Siblings:
    """Compare each image with those that share its value of a key, such as `prompt` or `label`.

    `k`: how far an image stands apart is the distance to its k-th nearest sibling, or to the one
    that leaves out two where there are fewer. Raises ParameterError where no image has the key.
    """
    run = checked_run(run)
    k = whole_k(k)
    network = None if is_features(images) else find_extractor(extractor, run)
    features, source = features_of(images, network, run)
    features = with_metric(features, None)
    compared = judge_among_siblings(features, k, by, run)
    return Siblings(
        table_of(features, compared.columns),
        SiblingsProvenance(
            rara=__version__,
            samples=about_samples(features),
            k=k,
            extractor=about_extractor(features),
            siblings=compared.part,
        ),
        SourcePictures.of(features, source, features, source),
    )
