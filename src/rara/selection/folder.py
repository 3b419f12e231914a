"""The picks in a folder of their own, as copies or as links, named by their rank.

    facts, pictures --put--> folder/01-bag.png, 02-shoe.png, … and picks.json

The folder appears as a whole. Only a folder that this made before is replaced: one with any other
file in it is refused.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rara.errors import ParameterError, RaraError, UnwritableError
from rara.features.image_lookup import SourcePictures
from rara.features.origin import places_in
from rara.images.decode import Payload, content_digest, decode
from rara.report.formatting import counted, in_sentence
from rara.selection.facts import PickedSample, SelectionFacts
from rara.storage.atomic import TEMPORARY, sync_folder, unwritable_explained
from rara.text import json_of

LIST: Final = "picks.json"
_KEY: Final = "rara select"
_SUFFIX: Final = re.compile(
    r"\.(png|jpe?g|webp|gif|bmp|tiff?|avif|jp2|ppm|pgm|qoi)$", re.IGNORECASE
)
_STEM_LENGTH: Final = 80


def check_folder(folder: Path) -> None:
    """Raise UnwritableError where something is there that this did not make."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir() or folder.is_symlink():
        raise UnwritableError(f"'{folder}' is no folder: give the name of a new one.")
    if foreign := {one.name for one in folder.iterdir()} - _made(folder):
        raise UnwritableError(
            f"'{folder}' holds {counted(len(foreign), 'file')} that rara select did not write, "
            f"such as {in_sentence(min(foreign))}: give another folder."
        )


def check_links(place: str | Path) -> None:
    """Raise ParameterError where images are in an archive, to which no link can lead."""
    path = Path(str(place).partition("#")[0]).expanduser()
    if path.is_file() and not _SUFFIX.search(path.name):
        raise ParameterError(
            f"--links: '{place}' is one file, and links lead to files of their own: use --copy-to."
        )


def copy_to(folder: Path, facts: SelectionFacts, pictures: object) -> None:
    """Write the picks as files: as they are, or as PNG where they are no files.

    Raises ParameterError where a pick's image cannot be read any more.
    """
    known = _known(pictures)
    ranked = _ranked(facts)

    def write(place: Path) -> dict[str, str]:
        names = {}
        for name, payload in known.payloads("samples", list(ranked)):
            file = _file_name(ranked[name], facts, payload)
            (place / file).write_bytes(_bytes_of(payload, named=bool(_SUFFIX.search(name))))
            names[name] = file
        return names

    _put(folder, facts, write)


def link_in(folder: Path, facts: SelectionFacts, pictures: object) -> None:
    """Write the picks as symbolic links to the files that they are.

    Raises ParameterError where they are no files in a folder, as those in an archive.
    """
    known = _known(pictures)
    location = getattr(known.samples, "location", known.samples)
    roots = [Path(part).expanduser() for part in places_in(str(location))]
    digests = known.contents("samples", [one.id for one in facts.picks])

    def write(place: Path) -> dict[str, str]:
        names = {}
        for one in facts.picks:
            if (file := _file_of(one.id, roots, digests.get(one.id))) is not None:
                name = _file_name(one, facts, None)
                (place / name).symlink_to(file)
                names[one.id] = name
        return names

    _put(folder, facts, write, remedy="; --copy-to writes copies of images in archives")


def _known(pictures: object) -> SourcePictures:
    if not isinstance(pictures, SourcePictures) or pictures.samples is None:
        raise ParameterError(
            "The picks have no images: say where they are with --samples, or leave the folder out."
        )
    return pictures


def _ranked(facts: SelectionFacts) -> dict[str, PickedSample]:
    return {one.id: one for one in facts.picks}


def _put(
    folder: Path, facts: SelectionFacts, write: Callable[[Path], dict[str, str]], remedy: str = ""
) -> None:
    """Make the folder aside, and put it in its place in one step."""
    check_folder(folder)
    with unwritable_explained(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = folder.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
        aside.mkdir()
        try:
            names = write(aside)
            if missing := [one.id for one in facts.picks if one.id not in names]:
                raise ParameterError(
                    f"{counted(len(missing), 'pick')} of {len(facts.picks):,} cannot be read as it "
                    f"was scored, such as {in_sentence(missing[0])}: nothing is written{remedy}."
                )
            listed = [{"pick": one.pick, "id": one.id, "file": names[one.id], "reason": one.reason}
                      for one in facts.picks]  # fmt: skip
            (aside / LIST).write_bytes(f"{json_of({_KEY: listed})}\n".encode())
            _swap(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        sync_folder(folder.parent)


def _swap(aside: Path, folder: Path) -> None:
    if not folder.exists():
        aside.rename(folder)
        return
    old = folder.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
    folder.rename(old)
    try:
        aside.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _made(folder: Path) -> set[str]:
    """Names of the files in a folder that an earlier selection wrote."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        listed = json.loads((folder / LIST).read_bytes())[_KEY]
        return {LIST, *(str(one["file"]) for one in listed)}
    return set()


def _file_name(one: PickedSample, facts: SelectionFacts, payload: Payload | None) -> str:
    """`007-bag.png`: the rank, and what of the name every system can hold."""
    digits = len(str(len(facts.picks)))
    suffix = _SUFFIX.search(one.id)
    kept = isinstance(payload, bytes) or payload is None
    ending = suffix[0].lower() if suffix and kept else ".png"
    words = re.findall(r"[\w-][\w.-]*", re.sub(r"[/\\]+", "-", _SUFFIX.sub("", one.id)))
    stem = "_".join(words).strip("._-")[-_STEM_LENGTH:]
    return f"{one.pick:0{digits}}{f'-{stem}' if stem else ''}{ending}"


def _bytes_of(payload: Payload, *, named: bool) -> bytes:
    """A file's own bytes; anything else as a PNG, and bytes whose kind no name tells."""
    if isinstance(payload, bytes) and (named or _is_png(payload)):
        return payload
    image = decode(payload)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _is_png(data: bytes) -> bool:
    return data[:8] == b"\x89PNG\r\n\x1a\n"


def _file_of(name: str, roots: list[Path], digest: str | None) -> Path | None:
    """The file of an image; None where there is none with the content that was scored."""
    for root in roots:
        for file in (root / name, root):
            with suppress(OSError, RaraError):
                whole = file.resolve(strict=True)
                if whole.is_file() and content_digest(whole.read_bytes()) == digest:
                    return whole
    return None
