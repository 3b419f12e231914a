"""What files are called: which are images, safe and unique ids, the order people expect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from natsort import natsort_keygen

# HEIC and JPEG XL are listed although Pillow alone cannot decode them: an image
# that is skipped with a reason is better than one that nobody hears of.
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *(".jp2", ".jfif", ".jpe", ".apng", ".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".qoi"),
    *(".heic", ".heif", ".jxl"),
)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
ARRAY_SUFFIXES = (".npz", ".npy")
TABLE_SUFFIXES = (".parquet",)
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES, *ARRAY_SUFFIXES, *TABLE_SUFFIXES)

# Control characters and halves of surrogate pairs: legal in file names, but neither
# a terminal nor Parquet nor JSON takes them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")

_natural = natsort_keygen()


def shown(path: str | Path) -> str:
    """A path as a person would write it: relative where it lies below the current folder."""
    absolute, here = Path(path).absolute(), Path.cwd()
    if absolute != here and absolute.is_relative_to(here):
        return f"'{absolute.relative_to(here)}'"
    return f"'{absolute}'"


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file name ends in one of these, in any case."""
    return name.lower().endswith(suffixes)


def natural_order(names: Iterable[str]) -> list[str]:
    """2.png before 10.png; names that count as equal (1.png, 01.png) by their letters."""
    return sorted(names, key=lambda name: (_natural(name), name))


def printable(name: str) -> str:
    """The name with everything replaced that cannot be shown or stored."""
    return _UNPRINTABLE.sub("\ufffd", name)


def member_name(stored: str) -> str:
    """A safe relative name for a member of an archive, whatever its author wrote.

    >>> member_name("C:\\\\cats\\\\..\\\\..\\\\1.png"), member_name("/etc/x.png")
    ('cats/1.png', 'etc/x.png')
    """
    parts = _DRIVE.sub("", printable(stored).replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def is_hidden(name: str) -> bool:
    """Whether the file or one of its folders is hidden, or is macOS's shadow of another."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def unique(names: Iterable[str]) -> Iterator[str]:
    """Each name, and from its second appearance on with a number.

    >>> list(unique(["a.png", "a.png", "b.png"]))
    ['a.png', 'a.png~2', 'b.png']
    """
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        candidate = name
        while candidate in seen:
            numbers[name] = numbers.get(name, 1) + 1
            candidate = f"{name}~{numbers[name]}"
        seen.add(candidate)
        yield candidate


def suffix_counts(names: Iterable[str], *, most: int = 5) -> str:
    """What was seen, for people: `312 .txt, 3 .json`."""
    counts = Counter(PurePosixPath(name).suffix.lower() or "without suffix" for name in names)
    shown = [f"{count} {suffix}" for suffix, count in counts.most_common(most)]
    if rest := counts.total() - sum(count for _, count in counts.most_common(most)):
        shown.append(f"{rest} others")
    return ", ".join(shown) or "no file at all"
