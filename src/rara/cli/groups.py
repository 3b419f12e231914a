"""`--group-by` and `--against-siblings`: what is asked, and what is said of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from rara.cli.options import GROUPS
from rara.cli.output import LISTED
from rara.cli.printing import tell
from rara.report.formatting import counted, percent, shorten

SHOWN = 3
"""Groups in the summary; the table has them all."""
NAME = 30

Group = Mapping[str, Any]


@Parameter(name="*", group=GROUPS)
@dataclass(frozen=True)
class Grouping:
    """Which smaller circles samples are judged in as well."""

    group_by: Annotated[
        str | None,
        Parameter(
            metavar="KEY",
            help="Judge each sample by the reference images of its own group as well: `label` (the "
            "first folder), `prompt`, or another key of both sides.",
        ),
    ] = None
    against_siblings: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Compare each sample with the others of its prompt, to find the odd ones out.",
        ),
    ] = False
    siblings_by: Annotated[
        str | None,
        Parameter(metavar="KEY", help="The same by another key than `prompt`, such as `label`."),
    ] = None

    @property
    def siblings(self) -> str | None:
        """The key by which samples are siblings, if they are to be compared."""
        return self.siblings_by or ("prompt" if self.against_siblings else None)


def found_in_groups(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What the provenance has of groups and siblings, as it is."""
    return {name: provenance[name] for name in ("groups", "siblings") if name in provenance}


def warn_of_groups(provenance: Mapping[str, Any]) -> None:
    """Name on stderr the groups that could not be judged, with their sizes."""
    found = found_in_groups(provenance)
    if known := found.get("groups"):
        small = [one for one in known["groups"] if one["smallest_p"] is None]
        sizes = [counted(one["reference"], "reference image") for one in small]
        what = f"judged within their {known['by']}, for want of {known['least']} reference images"
        _warn(small, sizes, what)
        _warn_of_ungrouped(known["ungrouped"]["samples"], known["by"])
    if known := found.get("siblings"):
        small = [one for one in known["groups"] if one["k"] is None]
        sizes = [counted(one["samples"], "sample") for one in small]
        _warn(small, sizes, f"compared with siblings, for want of {known['least']} samples")
        _warn_of_ungrouped(known["ungrouped"], known["by"])


def group_lines(provenance: Mapping[str, Any]) -> list[str]:
    """A few lines for the summary."""
    found = found_in_groups(provenance)
    lines = [*_group_lines(found.get("groups")), *_sibling_lines(found.get("siblings"))]
    return [f"{label:<10}{text}" for label, text in lines]


def _warn(small: Sequence[Group], sizes: Sequence[str], what: str) -> None:
    if not small:
        return
    samples = counted(sum(one["samples"] for one in small), "sample")
    lines = [f"Not {what}: {samples} of {counted(len(small), 'group')}"]
    named = zip(small, sizes, strict=True)
    lines += [f"  {shorten(one['group'], 60)}: {size}" for one, size in list(named)[:LISTED]]
    if len(small) > LISTED:
        lines.append(f"  and {len(small) - LISTED:,} more")
    tell(*lines)


def _warn_of_ungrouped(samples: int, by: str) -> None:
    if samples:
        tell(f"{counted(samples, 'sample')} without '{by}': in no group.")


def _group_lines(known: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if known is None:
        return
    judged = [one for one in known["groups"] if one["smallest_p"] is not None]
    yield "Groups", _coverage(known, judged)
    told = [one for one in judged if one["off_manifold"] is not None]
    for one in sorted(told, key=lambda one: -one["off_manifold"])[:SHOWN]:
        share, usual = percent(one["off_manifold"]), f"{100 * known['level']:g} %"
        yield "", f"{_named(one)}: {share} too far out (real images: {usual})"


def _sibling_lines(known: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if known is None:
        return
    judged = [one for one in known["groups"] if one["k"] is not None]
    yield "Siblings", _coverage(known, judged)
    told = [one for one in judged if one["odd"] is not None]
    for one in sorted(told, key=lambda one: -one["samples"])[:SHOWN]:
        yield "", f"{_named(one)}: {shorten(one['odd'], NAME)} is the odd one"


def _coverage(known: Mapping[str, Any], judged: Sequence[Group]) -> str:
    samples = sum(one["samples"] for one in judged)
    every = counted(len(known["groups"]), "group")
    return f"{len(judged):,} of {every} by {known['by']} judged: {counted(samples, 'sample')}"


def _named(one: Group) -> str:
    return f"{shorten(one['group'], NAME)} ({one['samples']:,})"
