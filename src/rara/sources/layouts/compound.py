"""Several images under one base name, as WebDataset stores them: `x.png` and `x.seg.png`.

Where one of them is a picture and another describes it (`seg`, `depth`), the picture is
the image. Where all are pictures (`x.left.png`, `x.right.png`), each is an image.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rara.sources.names import base_name

_ANNOTATIONS = frozenset(
    {
        *("seg", "segmentation", "semantic", "panoptic", "instance", "instances", "mask", "masks"),
        *("matte", "alpha", "trimap", "label", "labels", "labelids", "instanceids", "gt"),
        *("annotation", "annotations", "depth", "disparity", "normal", "normals", "edge", "edges"),
        *("canny", "hed", "flow", "pose", "keypoints", "heatmap", "saliency", "albedo"),
    }
)
_WORD = re.compile(r"[a-z][a-z0-9_-]*")


def annotating(images: Sequence[str]) -> frozenset[str]:
    """The names among those of images that describe another image of the same base name."""
    marked = [name for name in images if _annotates(name)]
    if not marked:
        return frozenset()
    annotated = set(marked)
    pictures = {base_name(name) for name in images if name not in annotated}
    return frozenset(name for name in marked if base_name(name) in pictures)


def compound_remarks(images: Iterable[str], left_out: Sequence[str]) -> list[str]:
    """What was left out as annotation, and base names that have several images."""
    remarks = []
    if left_out:
        kinds = Counter(_extension(name) for name in left_out)
        counted = ", ".join(f"{count:,} .{kind}" for kind, count in kinds.most_common(5))
        remarks.append(
            f"{len(left_out):,} images that annotate another of the same base name were not read: "
            f"{counted}. To read them, give them without the images that they annotate."
        )
    several: dict[str, list[str]] = {}
    for name in images:
        if _middle(name):
            several.setdefault(base_name(name), []).append(_extension(name))
    several = {base: kinds for base, kinds in several.items() if len(kinds) > 1}
    if several:
        example = ", ".join(f".{kind}" for kind in next(iter(several.values()))[:5])
        names = "base name has" if len(several) == 1 else "base names have"
        remarks.append(
            f"{len(several):,} {names} several images (such as {example}): "
            "each is read as an image of its own."
        )
    return remarks


def _annotates(name: str) -> bool:
    middle = _middle(name)
    return bool(middle) and not _ANNOTATIONS.isdisjoint(middle)


def _extension(name: str) -> str:
    """What follows the base name: `seg.png`."""
    return name[len(base_name(name)) + 1 :].lower()


def _middle(name: str) -> list[str]:
    """The words between base name and suffix; none where they are no words, as in `22.05.png`."""
    if name.count(".", name.rfind("/") + 1) < 2:
        return []
    words = _extension(name).split(".")[:-1]
    return words if all(_WORD.fullmatch(word) for word in words) else []
