"""The columns of a comparison: one row a generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rara.columns.column import Column, Gap

AXIS = "comparisons of generators"
PERCENTILES = (5, 25, 50, 75, 95)
"""Which quantiles of the distributions are given."""

_FAILED = Gap("where the generator could not be judged", "null")
_NO_INTERVAL = "where the reference has fewer than 40 different images"
_UNREACHABLE: Mapping[str, str] = {
    "off_manifold": "no p-value can be at most alpha",
    "copies": "no p-value of an exact copy can be at most that level",
    "yield": "no p-value can find rare samples, copies or samples off the manifold",
    "over_typical": "no p-value can be at most 1/4",
}
"""When figures have no value; few reference images are why."""
_NO_KNOB = Gap("where there is no sweep", "null")
_FEW = Gap("where a side has fewer than 50 images", "null")
_NONE_INSIDE = Gap("where no sample is inside", "null")

MEANING: Mapping[str, tuple[str, str]] = {
    "inside": ("The share of samples that at least one ball holds.", "more faithful"),
    "off_manifold": ("The share of samples with off_manifold_p at most alpha.", "less faithful"),
    "yield": (
        "The share of samples that are rare by the rules of the verdict, on the manifold, and no "
        "copy.",
        "more that is new and good",
    ),
    "over_typical": (
        "The share of samples in the dense core: nearer to their k-th nearest than all but a "
        "quarter of real images.",
        "more prototypical",
    ),
    "copies": (
        "The share of samples with copy_p at most the level of copies, 0.01 or alpha.",
        "more copies",
    ),
}


def _figure(figure: str) -> Iterator[Column]:
    meaning, higher = MEANING[figure]
    name, missing = figure, _FAILED
    no_interval = Gap(_NO_INTERVAL, "null")
    if figure in _UNREACHABLE:
        missing = Gap(f"{_FAILED.when}, or {_UNREACHABLE[figure]}", "null")
        no_interval = Gap(f"{_NO_INTERVAL}, or the share is null", "null")
    yield Column(name, "double", AXIS, "share", meaning, higher, missing, 0, 1)
    for end in ("low", "high"):
        which = "Lower" if end == "low" else "Upper"
        yield Column(f"{name}_{end}", "double", AXIS, "share",
                     f"{which} limit of that share, over samples and reference.", higher,
                     no_interval, 0, 1)  # fmt: skip
    yield Column(f"{name}_real", "double", AXIS, "share",
                 "The same of the reference's own images, each without itself.", "",
                 missing, 0, 1)  # fmt: skip
    yield Column(f"{name}_excess", "double", AXIS, "share",
                 "The share less that of real images; 0 for a perfect generator.", higher,
                 missing, -1, 1)  # fmt: skip
    for end in ("low", "high"):
        which = "Lower" if end == "low" else "Upper"
        yield Column(f"{name}_excess_{end}", "double", AXIS, "share",
                     f"{which} limit of the excess, over samples and reference.", higher,
                     no_interval, -2, 2)  # fmt: skip
    yield Column(f"{name}_excess_p", "double", AXIS, "p-value",
                 "Two-sided p-value of the excess.", "more like real images",
                 no_interval, 0, 1)  # fmt: skip


_COLUMNS = [
    Column("generator", "string", AXIS, "text", "The name of the generator."),
    Column("location", "string", AXIS, "text", "Where its samples come from."),
    Column("reference", "string", AXIS, "text", "Where the images come from that judge it.",
           gap=_FAILED),
    Column("samples", "int64", AXIS, "count", "How many samples were judged.", "more", low=0),
    Column("knob", "double", AXIS, "score", "The value of the knob of a sweep.", "", _NO_KNOB),
    *(column for figure in MEANING for column in _figure(figure)),
    Column("rarity_percentiles", "list<item: double>", AXIS, "percent",
           "Quantiles of the rarity percentile of the samples inside, at 5, 25, 50, 75 and 95 %.",
           "rarer", _NONE_INSIDE, 0, 100),
    Column("typicality_percentiles", "list<item: double>", AXIS, "percent",
           "The same quantiles of the typicality percentile of all samples.", "more typical",
           _FAILED, 0, 100),
    Column("exact_copies", "int64", AXIS, "count",
           "Samples with the verdict copy: equal content, picture or vector.", "more copies",
           _FAILED, 0),
    Column("auc", "double", AXIS, "share",
           "Probability that a classifier scores a sample above a reference image; it grows with "
           "the number of images, which is the same for all generators.", "easier to detect", _FEW,
           0, 1, source="Lopez-Paz and Oquab 2017"),
    Column("auc_p", "double", AXIS, "p-value", "The p-value of the two-sample test.",
           "more like the reference", _FEW, 0, 1),
    Column("repeats", "double", AXIS, "share",
           "The share of samples that repeat another one; it grows with their number.",
           "more repeats", _FAILED, 0, 1),
    *(
        Column(f"repeats_{end}", "double", AXIS, "share",
               f"{which} limit of that share, over samples alone.", "more repeats", _FAILED, 0, 1)
        for end, which in (("low", "Lower"), ("high", "Upper"))
    ),
    Column("repeats_real", "double", AXIS, "share",
           "The same of as many reference images, or of all where there are fewer.", "",
           _FAILED, 0, 1),
    Column("pair_repeats", "double", AXIS, "share",
           "The share of pairs of samples that show one picture; it does not depend on their "
           "number.", "more repeats", Gap("where there are fewer than two samples", "null"), 0, 1),
    Column("sentence", "string", AXIS, "text", "What is most notable, in one sentence."),
    Column("reason", "string", AXIS, "text", "Why the generator has no figures.",
           gap=Gap("where it has figures", "null")),
]  # fmt: skip

COMPARISON: dict[str, Column] = {column.name: column for column in _COLUMNS}
"""Every column of a comparison by its name."""
