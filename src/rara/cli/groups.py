"""`--group-by` and `--against-siblings`: the options, and what the summary says of groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from rara.cli.options import GROUPS
from rara.cli.output import tell_first
from rara.cli.printing import tell
from rara.provenance.json_format import encoded
from rara.provenance.parts import GroupPart, GroupsPart, SiblingGroup, SiblingsPart
from rara.provenance.provenance import Provenance
from rara.report.formatting import counted, percent, shorten

SHOWN = 3
"""Groups in the summary; the table has them all."""
NAME = 30

Group = GroupPart | SiblingGroup


@Parameter(name="*", group=GROUPS)
@dataclass(frozen=True)
class Grouping:
    """Which smaller circles samples are judged in as well."""

    group_by: Annotated[
        str | None,
        Parameter(
            metavar="KEY",
            help="Also judge each sample by the reference images of its own group: `label` (the "
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


def encoded_groups(provenance: Provenance) -> dict[str, object]:
    """What the provenance has of groups and siblings, as JSON has it."""
    parts = {"groups": provenance.groups, "siblings": provenance.siblings}
    return {name: encoded(part) for name, part in parts.items() if part is not None}


def warn_of_groups(provenance: Provenance) -> None:
    """Name on stderr the groups that could not be judged, with their sizes."""
    if within := provenance.groups:
        small = [group for group in within.groups if group.smallest_p is None]
        sizes = [counted(group.reference, "reference image") for group in small]
        what = f"judged within their {within.by}, which needs {within.least} reference images"
        _warn(small, sizes, what)
        _warn_of_ungrouped(within.ungrouped.samples if within.ungrouped else 0, within.by)
    if among := provenance.siblings:
        few = [group for group in among.groups if group.k is None]
        sizes = [counted(group.samples, "sample") for group in few]
        _warn(few, sizes, f"compared with siblings, which needs {among.least} samples")
        _warn_of_ungrouped(among.ungrouped, among.by)


def group_lines(provenance: Provenance) -> list[str]:
    """A few lines for the summary."""
    lines = [*_group_lines(provenance.groups), *_sibling_lines(provenance.siblings)]
    return [f"{label:<10}{text}" for label, text in lines]


def _warn(small: Sequence[Group], sizes: Sequence[str], what: str) -> None:
    if not small:
        return
    samples = counted(sum(group.samples for group in small), "sample")
    heading = f"Not {what}: {samples} of {counted(len(small), 'group')}"
    tell_first(heading, [(group.group, size) for group, size in zip(small, sizes, strict=True)])


def _warn_of_ungrouped(samples: int, by: str) -> None:
    if samples:
        tell(f"{counted(samples, 'sample')} without '{by}': in no group.")


def _group_lines(part: GroupsPart | None) -> Iterator[tuple[str, str]]:
    if part is None:
        return
    judged = [group for group in part.groups if group.smallest_p is not None]
    yield "Groups", _coverage(part, judged)
    shares = [(group.off_manifold, group) for group in judged if group.off_manifold is not None]
    for share, group in sorted(shares, key=lambda pair: -pair[0])[:SHOWN]:
        usual = f"{100 * part.level:g} %"
        yield "", f"{_named(group)}: {percent(share)} too far out (real images: {usual})"


def _sibling_lines(part: SiblingsPart | None) -> Iterator[tuple[str, str]]:
    if part is None:
        return
    judged = [group for group in part.groups if group.k is not None]
    yield "Siblings", _coverage(part, judged)
    odd_ones = [(group.odd, group) for group in judged if group.odd is not None]
    for odd, group in sorted(odd_ones, key=lambda pair: -pair[1].samples)[:SHOWN]:
        yield "", f"{_named(group)}: {shorten(odd, NAME)} is the odd one"


def _coverage(part: GroupsPart | SiblingsPart, judged: Sequence[Group]) -> str:
    samples = sum(group.samples for group in judged)
    every = counted(len(part.groups), "group")
    return f"{len(judged):,} of {every} by {part.by} judged: {counted(samples, 'sample')}"


def _named(group: Group) -> str:
    return f"{shorten(group.group, NAME)} ({group.samples:,})"
