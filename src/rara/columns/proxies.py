"""The columns of a judgement by several proxies: one row a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rara.columns.column import Column, Gap

_AXIS: Final = "copies of proxies"
_NO_COPY: Final = Gap("where no copy is found", "null")
BY_PROXY: Final = (
    "list<element: struct<proxy: string, called: bool, copy_p: double, joint_p: double, "
    "nearest: string, decision: string>>"
)

PROXIES: Final[Mapping[str, Column]] = {
    column.name: column
    for column in [
        Column("id", "string", _AXIS, "text", "The sample's name in its source."),
        Column("verdict", "string", _AXIS, "text",
               "`copy of NAME`, `near copy of NAME`, or that no copy was found in these proxies."),
        Column("reason", "string", _AXIS, "text", "The evidence for it in one sentence."),
        Column("proxy", "string", _AXIS, "text",
               "The proxy that it is a copy of; of several, the one with the strongest evidence.",
               gap=_NO_COPY),
        Column("source", "string", _AXIS, "text", "Id of the image in that proxy.", gap=_NO_COPY),
        Column("proxies", "list<element: string>", _AXIS, "text",
               "All proxies that it is called a copy of; an empty list where no copy is found."),
        Column("copy_p", "double", _AXIS, "p-value",
               "Over all proxies: their number times the smallest p-value; 0 for facts.",
               "less like a copy", low=0, high=1),
        Column("copy_q", "double", _AXIS, "p-value",
               "The same as a rate of false findings among the samples; 0 for certain copies.",
               "less like a copy", low=0, high=1),
        Column("rests_on", "list<element: string>", _AXIS, "text",
               "The proxies without which it would not be called; empty where each can be left "
               "out."),
        Column("found_without", "list<element: string>", _AXIS, "text",
               "The proxies without which a copy would be found; empty where one is found."),
        Column("by_proxy", BY_PROXY, _AXIS, "text",
               "For each proxy: whether it is called a copy of it, `copy_p` by that proxy alone, "
               "`joint_p` among all proxies, the nearest image, and what people decided."),
    ]
}  # fmt: skip
"""Every column by its name."""
