"""The columns of score tables, tables of siblings and second opinions: one row a sample.

A column that is not here is metadata: what the source of the images says of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from rara.columns.column import Column, Gap

_OUTSIDE = Gap("outside every ball", "NaN")
_NO_WITNESS = Gap("outside every ball", "null")
_FEW_NEIGHBOURS = Gap("where the reference keeps fewer than three neighbours of each image", "NaN")
_NO_PIXELS = Gap("where rara has not seen the pixels of both sides", "null")
_NO_TEST = Gap("where no two-sample test is made", "no column")
_NO_REPEATS = Gap("where no other sample shows that picture", "null")
_NO_OPINION = Gap("where it is not asked for", "no column")
_UNDECIDED = Gap("where nothing is decided; no column without any decision", "null")
_SMALL_GROUP = Gap("where the group has too few reference images", "null")
_FEW_SIBLINGS = Gap("where a sample has fewer than two siblings", "null")

VERDICTS = (
    *("copy", "near copy", "typical", "uncommon", "rare", "off-manifold"),
    *("unknown to this reference", "no verdict"),
)

_SOURCE = [
    Column("id", "string", "source", "text", "The image's name in its source."),
]

_VERDICT = [
    Column("verdict", "string", "verdict", "text", "What may be concluded of the sample.",
           values=VERDICTS),
    Column("reason", "string", "verdict", "text", "The evidence, in one sentence."),
    Column("decision", "string", "verdict", "text",
           "What people decided of the sample and the image that it is compared with.",
           values=("copy", "not a copy"),
           gap=_UNDECIDED),
    Column("decision_source", "string", "verdict", "text",
           "The reference image that this decision is about; the first of several.",
           gap=_UNDECIDED),
    Column("stability", "double", "verdict", "share",
           "The share of k = 1 to 10 at which the verdict is the same; 1 for copies.",
           "steadier", Gap("where there is no verdict", "NaN"), 0, 1),
]  # fmt: skip

_OPINIONS = [
    Column("contested", "bool", "--halves, --extractor", "yes or no",
           "Whether a second opinion gives a verdict that contradicts this one.", gap=_NO_OPINION),
    Column("verdict_by_half", "list<item: string>", "--halves", "text",
           "The verdicts by each half of the reference.", gap=_NO_OPINION),
    Column("verdict_by_extractor", "list<item: struct<extractor: string, verdict: string>>",
           "--extractor", "text", "The verdicts by each further extractor.", gap=_NO_OPINION),
]  # fmt: skip

_RARITY = [
    Column("rarity", "double", "rarity", "distance",
           "Radius of the smallest ball that holds the sample.", "rarer", _OUTSIDE, 0,
           source="Han et al. 2023, equation 4"),
    Column("rarity_witness", "string", "rarity", "text",
           "The reference image that owns that ball.", gap=_NO_WITNESS),
    Column("rarity_percentile", "double", "rarity", "percent",
           "Percentage of the real images inside balls that are less rare.", "rarer", _OUTSIDE,
           0, 100),
    Column("rarity_by_k", "list<item: double>", "rarity", "distance",
           "Rarity at k = 1, 2, … 10, and at k if that is larger.", "rarer",
           Gap("null in the list outside every ball", "null"), 0),
]  # fmt: skip

_TYPICALITY = [
    Column("knn_distance", "double", "typicality", "distance",
           "Distance to the k-th nearest reference image.", "less typical", low=0),
    Column("typicality_percentile", "double", "typicality", "percent",
           "Percentage of real images at least as far from their k-th nearest.", "more typical",
           low=0, high=100),
    Column("knn_p", "double", "typicality", "p-value",
           "How likely a real image lies at least as far from its k-th nearest.",
           "more like a real image", low=0, high=1),
]  # fmt: skip

_FIDELITY = [
    Column("inside", "bool", "fidelity", "yes or no",
           "Whether any ball holds the sample; its mean is improved precision.",
           source="Kynkäänniemi et al. 2019"),
    Column("balls", "int64", "fidelity", "count",
           "How many balls hold the sample; the mean divided by k is density.", "denser", low=0,
           source="Naeem et al. 2020"),
    Column("realism", "double", "fidelity", "ratio",
           "Largest ratio of radius to distance, over the balls not above the median radius; "
           "infinite on the centre of such a ball.", "more faithful", low=0,
           source="Kynkäänniemi et al. 2019"),
    Column("ball_ratio", "double", "fidelity", "ratio",
           "Distance from the centre of the nearest ball of the core, in radii of that ball; "
           "1 inside any ball, infinite where no ball of the core is near.", "farther out", low=1),
    Column("ball_ratio_p", "double", "fidelity", "p-value",
           "How likely a real image lies as many radii outside.", "more like a real image",
           low=0, high=1),
    Column("off_manifold_p", "double", "fidelity", "p-value",
           "How likely a real image is as far off the manifold, by k-NN distance and ball ratio.",
           "more like a real image", low=0, high=1),
    Column("off_manifold_q", "double", "fidelity", "p-value",
           "The false discovery rate at which the sample is called off the manifold.",
           "more like a real image", low=0, high=1, source="Benjamini and Hochberg 1995"),
]  # fmt: skip

_NO_SOURCE = Gap("without evidence, or where the pictures were not compared", "null")
_NO_SOURCE_P = Gap("without evidence, or where the pictures were not compared", "NaN")

_NO_NETWORK = Gap("where the network has no vector of the sample", "null")
_NO_NETWORK_FIGURE = Gap("where the network has no vector of the sample", "NaN")

_COPYING = [
    Column("nearest", "string", "copying", "text", "The nearest reference image."),
    Column("nearest_distance", "double", "copying", "distance", "How far that is.", "farther",
           low=0),
    Column("neighbors", "list<item: struct<id: string, distance: double>>", "copying", "distance",
           "The five nearest reference images, each with its distance.", low=0),
    Column("copy_volume", "double", "copying", "share",
           "The share of the local volume that is nearer than the nearest; 0 for an exact copy.",
           "less like a copy", _FEW_NEIGHBOURS, 0, 1),
    Column("copy_ratio", "double", "copying", "ratio",
           "Distance to the nearest over the mean distance to the ten nearest.",
           "less like a copy", low=0, high=1),
    Column("authentic", "bool", "copying", "yes or no",
           "Whether the sample is farther from its nearest reference image than that one's own "
           "nearest other.", source="Alaa et al. 2022"),
    Column("volume_p", "double", "copying", "p-value",
           "By the vectors: how likely a real image is as near, for its place.",
           "less like a copy", low=0, high=1),
    Column("pixel_nearest", "string", "copying", "text",
           "The reference image with the nearest pixel hash.", gap=_NO_PIXELS),
    Column("pixel_distance", "int32", "copying", "bits",
           "Bits of 256 that differ from it, in the best of eight orientations; -1 for the same "
           "pixels.", "farther", _NO_PIXELS, -1, 256),
    Column("pixel_p", "double", "copying", "p-value",
           "By the pixels: how likely a real image is as near.", "less like a copy", _NO_PIXELS,
           0, 1),
    Column("network_nearest", "string", "--copy-network", "text",
           "The nearest reference image by the copy network.", gap=_NO_NETWORK),
    Column("network_distance", "double", "--copy-network", "distance",
           "How far that is, between the network's vectors.", "farther", _NO_NETWORK_FIGURE, 0),
    Column("network_p", "double", "--copy-network", "p-value",
           "By the copy network: how likely a real image is as near, for its place.",
           "less like a copy", _NO_NETWORK_FIGURE, 0, 1),
    Column("copy_p", "double", "copying", "p-value",
           "How likely a real image is as near, by all tests together.", "less like a copy",
           low=0, high=1),
    Column("copy_witness", "string", "copying", "text",
           "What `copy_p` comes from: the test with the smallest p-value, or direct evidence.",
           values=("vectors", "pixels", "copy network", "evidence")),
    Column("copy_q", "double", "copying", "p-value",
           "The false discovery rate at which the sample is called a near copy; 0 for exact "
           "copies.", "less like a copy", low=0, high=1, source="Benjamini and Hochberg 1995"),
    Column("source", "string", "copying", "text",
           "The reference image that a comparison of the pictures finds in the sample.",
           gap=_NO_SOURCE),
    Column("source_p", "double", "copying", "p-value",
           "How likely the best of all reference images agrees as well, if none is a source.",
           "less like a copy", _NO_SOURCE_P, 0, 1),
    Column("source_region", "list<item: list<item: list<item: double>>>", "copying", "share",
           "What both have in common: corners in the sample, then in the source, from 0 to 1 of "
           "width and height.", gap=_NO_SOURCE, low=0, high=1),
    Column("source_edit", "string", "copying", "text",
           "What was done to the source, in words.", gap=_NO_SOURCE),
]  # fmt: skip

_TWO_SAMPLE = [
    Column("two_sample_score", "double", "two-sample test", "score",
           "How surely a classifier that was not trained on the image takes it for a sample, in "
           "standard deviations of the reference images.", "less like the reference", _NO_TEST),
    Column("two_sample_p", "double", "two-sample test", "p-value",
           "How likely a reference image of the same fold scores at least as high.",
           "more like the reference", _NO_TEST, 0, 1),
]  # fmt: skip

_REPEATS = [
    Column("repeats", "int64", "repeats", "count",
           "How many samples show that picture, or nearly; 1 where it is alone.",
           "more often made", low=1),
    Column("repeat_of", "string", "repeats", "text",
           "The one of them that stands for all.", gap=_NO_REPEATS),
    Column("repeat_kind", "string", "repeats", "text",
           "Whether the sample is that one exactly, or nearly.", gap=_NO_REPEATS,
           values=("exact", "near")),
]  # fmt: skip

_FAMILIES = [
    Column("rarity_clipped", "double", "--also rarity_clipped", "distance",
           "Rarity as if no ball were larger than 99 % of the balls.", "rarer",
           Gap("outside every clipped ball", "NaN"), 0),
    Column("local_outlier_factor", "double", "--also local_outlier_factor", "ratio",
           "Mean density around the ten nearest reference images, over the density round the "
           "sample; about 1 is usual.", "sparser than its neighbours", low=0,
           source="Breunig et al. 2000"),
]  # fmt: skip

_GROUPS = [
    Column("group", "string", "--group-by", "text", "The value of the key.",
           gap=Gap("where the sample has no such key", "null")),
    Column("group_rarity", "double", "--group-by", "distance", "Rarity within the group.",
           "rarer", Gap("outside every ball of the group", "NaN"), 0),
    Column("group_rarity_percentile", "double", "--group-by", "percent",
           "The percentile of that rarity within the group.", "rarer",
           Gap("outside every ball of the group", "NaN"), 0, 100),
    Column("group_off_manifold_p", "double", "--group-by", "p-value",
           "How likely a real image of the group is as far off its manifold.",
           "more like its group", _SMALL_GROUP, 0, 1),
    Column("group_off_manifold_q", "double", "--group-by", "p-value",
           "The false discovery rate at which the sample is called off its group's manifold.",
           "more like its group", _SMALL_GROUP, 0, 1, source="Benjamini and Hochberg 1995"),
    Column("group_copy_p", "double", "--group-by", "p-value",
           "How likely a real image of the group is as near another one, by the vectors.",
           "less like a copy", _SMALL_GROUP, 0, 1),
]  # fmt: skip

_SIBLINGS = [
    Column("sibling_distance", "double", "--against-siblings", "distance",
           "Distance to the k-th nearest sibling.", "more apart", _FEW_SIBLINGS, 0),
    Column("sibling_p", "double", "--against-siblings", "share",
           "The share of the siblings, the sample included, that are at least as far apart.",
           "less apart", _FEW_SIBLINGS, 0, 1),
]  # fmt: skip

_NOT_PICKED = Gap("where the sample is not picked", "null")

_SELECTION = [
    Column("pick", "int64", "rara select", "count",
           "The place of the sample among those that were picked.", "picked later", _NOT_PICKED, 1),
    Column("pick_reason", "string", "rara select", "text",
           "Why the sample was picked, in one sentence.", gap=_NOT_PICKED),
    Column("pick_gain", "double", "rara select", "score",
           "By how much the objective grew with this pick.", "worth more", _NOT_PICKED, 0),
    Column("not_eligible", "string", "rara select", "text",
           "Why the sample could not be picked.", gap=Gap("where it could be", "null")),
]  # fmt: skip

NETWORK = ("network_nearest", "network_distance", "network_p")
"""Columns that a copy network makes."""

ON_REQUEST = tuple(column.name for column in [*_FAMILIES, *_GROUPS, *_SIBLINGS])
"""Columns of scores that are made where they are asked for."""

COLUMNS: dict[str, Column] = {
    column.name: column
    for columns in (
        _SOURCE, _VERDICT, _OPINIONS, _RARITY, _TYPICALITY, _FIDELITY, _COPYING, _TWO_SAMPLE,
        _REPEATS, _FAMILIES, _GROUPS, _SIBLINGS, _SELECTION,
    )
    for column in columns
}  # fmt: skip
"""Every column of them by its name."""


def metadata_names(names: Iterable[str]) -> list[str]:
    """Those of a table's columns that are metadata of the images.

    >>> metadata_names(["id", "rarity", "prompt", "metadata_rarity"])
    ['prompt', 'metadata_rarity']
    """
    return [name for name in names if name not in COLUMNS]
