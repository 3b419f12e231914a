"""What a person writes for a place: patterns, and names that are nearly right."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rara.errors import ParameterError, SourceNotFoundError
from rara.sources.names import (
    ARCHIVE_SUFFIXES,
    ARRAY_SUFFIXES,
    IMAGE_SUFFIXES,
    METADATA_TABLES,
    SIDECAR_SUFFIXES,
    SYSTEM_NAMES,
    TABLE_SUFFIXES,
    base_name,
    has_suffix,
    natural_order,
    shown,
)
from rara.sources.schemes import is_remote, split_remote_key

_BRACES = re.compile(r"\{([^{}]*(?:,|\d\.\.\d)[^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_ALTERNATIVES = 100_000


def is_pattern(text: str) -> bool:
    """Whether the text may stand for several paths."""
    return bool(glob.has_magic(text) or _BRACES.search(text))


def split_key(text: str) -> tuple[str, str | None]:
    """A place, and the name of an array or column behind its last `#`, if it has one.

    >>> split_key("absent.npz#images")
    ('absent.npz#images', None)
    """
    if "://" in text and is_remote(text):
        return split_remote_key(text)
    if os.path.lexists(Path(text).expanduser()):
        return text, None
    for sign in re.finditer("#", text):
        place, key = text[: sign.start()], text[sign.end() :]
        if key and _has_keys(place):
            return place, key
    return text, None


def with_key(place: str, key: str | None) -> str:
    """The place, and behind `#` the array or column that is meant."""
    return place if key is None else f"{place}#{key}"


def expand(pattern: str) -> list[Path]:
    """The paths of a pattern such as `shards/{000..003}.tar` or `shards/*.tar`, in order.

    What braces name must be there, and every wildcard must match something. A path that is
    matched twice is given twice.
    """
    return [path for text in alternatives(pattern) for path in _matches(text, pattern)]


def in_system_folder(path: Path, pattern: str) -> bool:
    """Whether a wildcard led into a folder that a system keeps, such as `@eaDir`."""
    parts = [part.lower() for part in path.parts]
    return any(part in SYSTEM_NAMES and part not in pattern.lower() for part in parts)


def beside_archive(path: Path) -> list[str]:
    """What to say of a table of metadata that lies beside an archive, and not in it."""
    return [
        f"'{name}' beside the archive was not read. Pack it into the archive, or unpack the "
        "archive beside it and give the folder."
        for name in _tables_in(path.parent)
    ]


def above_folder(path: Path) -> list[str]:
    """What to say of a table of metadata that lies above a folder, and not in it."""
    return [
        f"'{name}' in the folder above was not read. Give that folder to use it."
        for name in _tables_in(path.absolute().parent)
    ]


def beside_files(paths: Sequence[Path]) -> list[str]:
    """What to say of a table of metadata that lies beside files that were given by name."""
    folders = dict.fromkeys(path.absolute().parent for path in paths)
    names = {path.name for path in paths}
    tables = {name for folder in folders for name in _tables_in(folder)} - names
    return [
        f"'{name}' beside the files was not read. Give their folder to use it."
        for name in sorted(tables)
    ]


def sidecars_beside(paths: Sequence[Path]) -> list[Path]:
    """The small files that describe images that were given by name, each once.

    Those of an image's base name (`x.json` of `x.left.png`) as well, where no image has
    exactly that name.
    """
    images = [path for path in paths if has_suffix(path.name, IMAGE_SUFFIXES)]
    stems = dict.fromkeys(path.with_suffix("") for path in images)
    bases = dict.fromkeys(base for base in map(_base, images) if base not in stems)
    stems |= dict.fromkeys(base for base in bases if _is_free(base))
    names = [path.with_name(path.name + suffix) for path in stems for suffix in SIDECAR_SUFFIXES]
    return [path for path in names if path.is_file()]


def _base(path: Path) -> Path:
    return path.with_name(base_name(path.name))


def _is_free(base: Path) -> bool:
    return not any(base.with_name(base.name + suffix).exists() for suffix in IMAGE_SUFFIXES)


def _has_keys(place: str) -> bool:
    """Whether this is there, and may hold arrays or columns."""
    if has_suffix(place, (*ARRAY_SUFFIXES, *TABLE_SUFFIXES)):
        parts = [place] if Path(place).expanduser().exists() else place.split(os.pathsep)
        return is_pattern(place) or all(Path(part).expanduser().exists() for part in parts)
    return Path(place).expanduser().is_dir()


def _tables_in(folder: Path) -> list[str]:
    return [name for name in METADATA_TABLES if os.path.isfile(folder / name)]  # noqa: PTH113


def name_remarks(text: str, path: Path) -> list[str]:
    """What to say of an existing path whose name is also a pattern for other paths."""
    try:
        others = [other for other in expand(text) if other != path]
    except (SourceNotFoundError, ParameterError):
        return []
    if not others:
        return []
    more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
    return [f"The name was not read as a pattern, which matches {shown(others[0])}{more} too."]


def alternatives(pattern: str) -> list[str]:
    """The texts that the braces of a pattern stand for.

    >>> alternatives("{a,b}-{08..10}.tar")[:4]
    ['a-08.tar', 'a-09.tar', 'a-10.tar', 'b-08.tar']
    """
    braces = _BRACES.search(pattern)
    if not braces:
        return [pattern]
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    choices, rest = _choices(braces[1]), alternatives(after)
    if len(choices) * len(rest) > _MOST_ALTERNATIVES:
        raise ParameterError(
            f"{pattern!r} stands for {len(choices) * len(rest)} names; "
            f"at most {_MOST_ALTERNATIVES} are read."
        )
    return [before + choice + tail for choice in choices for tail in rest]


def not_found(text: str) -> SourceNotFoundError:
    """What is missing, what is there instead, and what was probably meant."""
    path = Path(text).expanduser().absolute()
    parent = next(folder for folder in path.parents if os.path.lexists(folder))
    lost = path.relative_to(parent).parts[0]
    message = f"Nothing is at {text!r}"
    if not parent.is_dir():
        return SourceNotFoundError(f"{message}: {shown(parent)} is a file, not a folder.")
    if parent != path.parent:
        message += f": there is no {lost!r} in {shown(parent)}"
    near = _nearest(lost, parent)
    return SourceNotFoundError(f"{message}." + (f" Did you mean {shown(near)}?" if near else ""))


def _choices(inner: str) -> Sequence[str]:
    span = _RANGE.fullmatch(inner)
    if not span:
        return inner.split(",")
    first, last = int(span[1]), int(span[2])
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)
    if len(numbers) > _MOST_ALTERNATIVES:
        raise ParameterError(
            f"{{{inner}}} stands for {len(numbers)} names; at most {_MOST_ALTERNATIVES} are read."
        )
    width = max(map(len, span.groups())) if "0" in (span[1][0], span[2][0]) else 0
    return [f"{number:0{width}d}" for number in numbers]


def _matches(text: str, pattern: str) -> list[Path]:
    if not glob.has_magic(text):
        if not Path(text).exists():
            raise not_found(text)
        return [Path(text)]
    # glob.glob, unlike Path.glob, leaves hidden files alone
    names = natural_order(glob.glob(text, recursive=True))  # noqa: PTH207
    if not names:
        inside = f" (in {pattern!r})" if text != pattern else ""
        raise SourceNotFoundError(f"Nothing matches {text!r}{inside}.")
    return [Path(name) for name in names]


def _nearest(lost: str, parent: Path) -> Path | None:
    try:
        names = natural_order(path.name for path in parent.iterdir())
    except OSError:
        return None
    same_stem = [name for name in names if name.split(".")[0] == lost.split(".")[0] != ""]
    by_case = {name.lower(): name for name in names}
    close = difflib.get_close_matches(lost.lower(), by_case, n=5)
    likely = [parent / name for name in (*same_stem, *(by_case[name] for name in close))]
    return next(filter(_may_hold_images, likely), None)


def _may_hold_images(path: Path) -> bool:
    """Whether rara may read it: a folder that is not empty, or a file of a known kind."""
    try:
        if path.is_dir():
            return any(path.iterdir())
        readable = has_suffix(path.name, (*IMAGE_SUFFIXES, *ARCHIVE_SUFFIXES))
        return readable and path.is_file() and os.access(path, os.R_OK)
    except OSError:
        return False
