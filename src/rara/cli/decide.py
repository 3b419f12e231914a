"""`rara decide`: say once whether a sample is a copy of a reference image.

options --checked--> what to do --> Decisions, saved under a lock --> one line
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from rara.cli.options import IMAGES, OUTPUT, VERDICTS, Json, Place
from rara.cli.printing import say, say_json, tell
from rara.decisions.decision import Decision
from rara.decisions.decisions import FILE, Decisions
from rara.decisions.exported import MOST_BYTES, decisions_of
from rara.decisions.pictures import Picture, id_in, picture_of
from rara.errors import ParameterError, SourceNotFoundError
from rara.features.features import Features
from rara.report.formatting import counted
from rara.storage.folder import kind_of
from rara.storage.shared_file import read_shared

Task = Literal["copy", "not a copy", "remove", "from", "list"]


def decide(
    sample: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    source: Annotated[Place | None, Parameter(group=IMAGES)] = None,
    *,
    reference: Annotated[Place | None, Parameter(alias="-r", group=IMAGES, metavar="PLACE")] = None,
    samples: Annotated[Place | None, Parameter(group=IMAGES, metavar="PLACE")] = None,
    not_a_copy: Annotated[bool, Parameter(group=VERDICTS, negative=(), show_default=False)] = False,
    copy: Annotated[bool, Parameter(group=VERDICTS, negative=(), show_default=False)] = False,
    remove: Annotated[bool, Parameter(group=VERDICTS, negative=(), show_default=False)] = False,
    exported: Annotated[
        Path | None, Parameter(name="--from", group=VERDICTS, metavar="FILE")
    ] = None,
    note: Annotated[str, Parameter(group=VERDICTS, metavar="TEXT", show_default=False)] = "",
    decisions: Annotated[
        Path | None,
        Parameter(group=OUTPUT, metavar="FILE", show_default=f"{FILE} in the saved reference"),
    ] = None,
    list_: Annotated[
        bool, Parameter(name="--list", group=OUTPUT, negative=(), show_default=False)
    ] = False,
    json: Json = False,
) -> None:
    """Decide once whether a sample is a copy of a reference image.

    `rara score` then heeds it. A decision holds for the contents of the two pictures: rename, move
    and extend as you like.

    Parameters
    ----------
    sample
        The sample: the path of an image, or its id in --samples.
    source
        The reference image: the path of an image, or its id in the reference.
    reference
        A folder of `rara reference build`, or the real images.
    samples
        The samples, where one is named by its id: a folder, an archive, or vectors.
    not_a_copy
        It is no copy, however near the two are.
    copy
        It is a copy.
    remove
        Forget what was decided of the two.
    exported
        Take the decisions of a JSON file: a list of objects with sample, source and decision.
    note
        Why, for people.
    decisions
        The file that holds the decisions.
    list_
        Show all decisions, and change none.
    """
    asked = {"copy": copy, "not a copy": not_a_copy, "remove": remove,
             "from": exported is not None, "list": list_}  # fmt: skip
    task = _task(asked, sample, source)
    if note and task not in ("copy", "not a copy"):
        raise ParameterError("--note belongs to one decision: give --copy or --not-a-copy.")
    sides = _Sides.opened(reference, samples)
    held = sides.decisions(decisions)
    if task == "list":
        _list(held, json)
        return
    if task == "from" and exported is not None:
        line = _take(held, exported, sides)
    else:
        first, second = sides.pair(str(sample), str(source))
        if task == "remove":
            line = _remove(held, first, second)
        else:
            line = _add(held, first, second, copy=task == "copy", note=note)
    held.save()
    if json:
        say_json(_encoded(held))
    else:
        say(line, f"{'Written to':<12}{held.path}")


def _task(asked: Mapping[str, bool], sample: Place | None, source: Place | None) -> Task:
    """What to do; raises ParameterError for nothing, or for several things."""
    chosen = [task for task, wanted in asked.items() if wanted]
    if len(chosen) != 1:
        raise ParameterError("Give one of --not-a-copy, --copy, --remove, --from FILE and --list.")
    [task] = chosen
    pairs = task not in ("from", "list")
    if pairs and (sample is None or source is None):
        raise ParameterError(
            "Give the sample and the reference image, as in `rara decide samples/7.png "
            "train/12.png --not-a-copy --reference reference`."
        )
    if not pairs and sample is not None:
        raise ParameterError(f"'{sample}' with --{task}: give one of the two.")
    return task  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class _Sides:
    """Where pictures are looked for that are named by their ids."""

    reference: Place | None
    samples: Place | None
    saved: Features | None
    """The images of a saved reference."""

    @classmethod
    def opened(cls, reference: Place | None, samples: Place | None) -> _Sides:
        saved = None
        if reference is not None and kind_of(Path(reference).expanduser()) == "reference":
            saved = Features.load(Path(reference).expanduser())
        return cls(reference, samples, saved)

    def decisions(self, file: Path | None) -> Decisions:
        """Those of the file given, or in the folder of the saved reference."""
        if file is not None:
            held = Decisions(file)
        elif self.saved is not None and self.reference is not None:
            held = Decisions(Path(self.reference).expanduser() / FILE)
        elif self.reference is not None:
            raise ParameterError(
                f"'{self.reference}' is no folder of `rara reference build`: give --decisions FILE "
                "to say where decisions are kept, or build one."
            )
        else:
            raise ParameterError("Give --reference REFERENCE, or --decisions FILE.")
        len(held)
        return held

    def pair(self, sample: str, source: str) -> tuple[Picture, Picture]:
        """Both pictures. Raises ParameterError where a saved reference lacks the second one."""
        first = picture_of(sample, _by_id(sample, self.samples), "SAMPLE")
        second = picture_of(source, _by_id(source, self.reference, self.saved), "SOURCE")
        if self.saved is not None and not _holds(self.saved, second.digest):
            raise ParameterError(
                f"SOURCE = '{source}' is no image of the reference '{self.reference}': give the "
                "reference image second, and the sample first."
            )
        return first, second


def _by_id(name: str, place: Place | None, saved: Features | None = None) -> dict[str, str]:
    """The content of the image with this id in a place, if there is one."""
    if saved is not None:
        images = saved.embedded
        pairs = zip(images["id"].to_pylist(), images["digest"].to_pylist(), strict=True)
        return {one: digest for one, digest in pairs if one == name}
    return {} if place is None or Path(name).is_file() else id_in(place, name)


def _holds(images: Features, content: str) -> bool:
    return content in set(images.embedded["digest"].to_pylist())


def _add(held: Decisions, first: Picture, second: Picture, *, copy: bool, note: str) -> str:
    """Decide; gives the line that says so."""
    made = Decision(
        sample=first.digest, source=second.digest, copy=copy, note=note,
        sample_id=first.id, source_id=second.id,
    )  # fmt: skip
    if first.digest == second.digest and not copy:
        tell("Both have the same content, so the verdict stays `copy`: its reason says both.")
    before = held.get(made.pair)
    held.take([made])
    changed = f"; before, it was '{before.word}'" if before and before.copy != copy else ""
    names = made.sample_id or made.sample[:16], made.source_id or made.source[:16]
    return f"{'Decided':<12}{names[0]} is {'a' if copy else 'no'} copy of {names[1]}{changed}"


def _remove(held: Decisions, first: Picture, second: Picture) -> str:
    held.remove(first.digest, second.digest)
    names = first.id or first.digest[:16], second.id or second.digest[:16]
    return f"{'Removed':<12}the decision on {names[0]} and {names[1]}"


def _take(held: Decisions, exported: Path, sides: _Sides) -> str:
    """Take in a list; gives the line that counts what is new."""
    data = read_shared(exported, most=MOST_BYTES)
    if data is None:
        raise SourceNotFoundError(f"Nothing is at '{exported}'.")
    taken = decisions_of(data, exported)
    before = [held.get(one.pair) for one in taken]
    pairs = list(zip(taken, before, strict=True))
    held.take(one for one, earlier in pairs if earlier is None or earlier.copy != one.copy)
    if sides.saved is not None:
        contents = set(sides.saved.embedded["digest"].to_pylist())
        if others := sum(not contents & {*one.pair} for one in taken):
            tell(f"{counted(others, 'decision')} of pictures that the reference does not hold.")
    new = sum(earlier is None for earlier in before)
    changed = sum(earlier is not None and earlier.copy != one.copy for one, earlier in pairs)
    return f"{'Decided':<12}{counted(len(taken), 'pair')}: {new:,} new, {changed:,} changed"


def _encoded(held: Decisions) -> list[dict[str, str]]:
    return [
        {"sample": one.sample, "source": one.source, "decision": one.word, "date": one.date,
         "sample_id": one.sample_id, "source_id": one.source_id, "note": one.note}
        for one in held
    ]  # fmt: skip


def _list(held: Decisions, json: bool) -> None:
    """All decisions, one line each."""
    if json:
        say_json(_encoded(held))
        return
    lines = [
        f"{one.date}  {one.word:<10}  {one.sample_id or one.sample[:16]}  "
        f"{one.source_id or one.source[:16]}{f'  {one.note}' if one.note else ''}"
        for one in held
    ]
    say(*lines, f"{counted(len(held), 'decision')} in {held.path}")
