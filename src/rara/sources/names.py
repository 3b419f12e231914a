"""What files are called: which are images, safe and unique ids, the order people expect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from natsort import natsort_keygen

from rara.text import plain

# HEIC and JPEG XL are listed although Pillow alone cannot decode them: an image
# that is skipped with a reason is better than one that nobody hears of.
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *(".jp2", ".jfif", ".jpe", ".apng", ".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".qoi"),
    *(".heic", ".heif", ".jxl"),
)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
ARRAY_SUFFIXES = (".npz", ".npy")
TABLE_SUFFIXES = (".parquet", ".arrow")
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES, *ARRAY_SUFFIXES, *TABLE_SUFFIXES)

METADATA_TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
LABEL_TABLE = "dataset.json"
"""The labels of a data set of StyleGAN."""
TABLES = (*METADATA_TABLES, LABEL_TABLE)
SIDECAR_SUFFIXES = (".json", ".cls", ".txt")

SYSTEM_NAMES = frozenset(
    {
        *("@eadir", "@__thumb", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "recycler"),
        "@recently-snapshot",
        *("lost+found", "system volume information", "__macosx"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini"),
    }
)
"""Files and folders that systems keep for themselves, in lower case, beside hidden ones."""

# Control characters and halves of surrogate pairs: legal in file names, but neither
# a terminal nor Parquet nor JSON takes them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")

_natural = natsort_keygen()


def shown(path: str | Path) -> str:
    """A path as a person would write it: relative where it lies below the current folder.

    A place with a scheme stays as it is.
    """
    if "://" in str(path):
        return f"'{plain(str(path))}'"
    absolute, current = Path(path).absolute(), Path.cwd()
    if absolute != current and absolute.is_relative_to(current):
        return f"'{plain(str(absolute.relative_to(current)))}'"
    return f"'{plain(str(absolute))}'"


def unescaped(path: str) -> str:
    """The path whose bytes `encodable` made visible."""
    return _ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), path)


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file name ends in one of these, in any case."""
    return name.lower().endswith(suffixes)


def natural_order(names: Iterable[str]) -> list[str]:
    """2.png before 10.png; names that count as equal (1.png, 01.png) by their letters."""
    return sorted(names, key=lambda name: (_natural(name), name))


def printable(name: str) -> str:
    """The name with everything replaced that cannot be shown or stored."""
    return name if name.isprintable() else _UNPRINTABLE.sub("\ufffd", name)


def member_name(stored: str) -> str:
    """A safe relative name for a member of an archive, whatever its author wrote.

    >>> member_name("C:\\\\cats\\\\..\\\\..\\\\1.png"), member_name("/etc/x.png")
    ('cats/1.png', 'etc/x.png')
    """
    parts = _DRIVE.sub("", printable(stored).replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def is_hidden(name: str) -> bool:
    """Whether the file or one of its folders is hidden, or is one that a system keeps."""
    return any(part[:1] == "." or part.lower() in SYSTEM_NAMES for part in name.split("/"))


def base_name(name: str) -> str:
    """The name up to the first dot of its last part, which WebDataset takes for a sample's key.

    >>> base_name("train.v1/0001.left.png"), base_name("..png.png")
    ('train.v1/0001', '..png')
    """
    folder, slash, last = name.rpartition("/")
    start = len(last) - len(last.lstrip("."))
    key = last[:start] + last[start:].split(".")[0]
    return f"{folder}{slash}{key}"


def stem(name: str) -> str:
    """The name without its suffix, if it has one.

    >>> stem("v1.0/blob"), stem("a/22.05.png")
    ('v1.0/blob', 'a/22.05')
    """
    dot, last = name.rfind("."), name.rfind("/") + 1
    return name[:dot] if dot > last else name


def unique(names: Iterable[str]) -> Iterator[str]:
    """Each name, and from its second appearance on with a number.

    >>> list(unique(["a.png", "a.png", "b.png"]))
    ['a.png', 'a.png~2', 'b.png']
    """
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        candidate = name
        while candidate in taken:
            numbers[name] = numbers.get(name, 1) + 1
            candidate = f"{name}~{numbers[name]}"
        taken.add(candidate)
        yield candidate


def first_few(names: Sequence[str], *, most: int = 10) -> str:
    """The first of several, and how many more there are.

    >>> first_few(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def suffix_counts(names: Iterable[str], *, most: int = 5) -> str:
    """What was seen, for people: `312 .txt, 3 .json`."""
    counts = Counter(PurePosixPath(name).suffix.lower() or "without suffix" for name in names)
    shown = [f"{count} {suffix}" for suffix, count in counts.most_common(most)]
    if rest := counts.total() - sum(count for _, count in counts.most_common(most)):
        shown.append(f"{rest} others")
    return ", ".join(shown) or "no file at all"
