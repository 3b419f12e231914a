"""What the first bytes of a file say: an image, whatever the file is called.

Files with a usual suffix are taken at their word: an image's is decoded later, a text's
is never opened. Only the rest is looked at, `HEAD` bytes of each.
"""

from __future__ import annotations

import re

from rara.sources.names import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES, has_suffix

HEAD = 32
"""So many bytes of a file are enough to tell."""

# Camera raws begin like TIFF, but what Pillow finds in them is a thumbnail. Backups and
# unfinished downloads begin like the image that they repeat.
_OTHER_SUFFIXES = (
    *ARCHIVE_SUFFIXES,
    *(".txt", ".json", ".jsonl", ".csv", ".tsv", ".cls", ".md", ".rst", ".xml", ".yaml", ".yml"),
    *(".html", ".htm", ".css", ".js", ".svg", ".pdf", ".ps", ".eps", ".toml", ".ini", ".cfg"),
    *(".py", ".ipynb", ".sh", ".log", ".lock", ".db", ".sqlite", ".h5", ".hdf5", ".mat", ".pkl"),
    *(".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".bin", ".feather", ".tfrecord"),
    *(".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".mp4", ".mov", ".avi", ".webm"),
    *(".mkv", ".mp3", ".wav", ".flac", ".psd", ".exr", ".hdr", ".ico"),
    *(".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".pef", ".srw", ".raf", ".thm"),
    *(".tmp", ".part", ".bak", ".crdownload", "_original", "~"),
)

_STARTS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"qoif"),
    *(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    *(b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cJXL \r\n\x87\n"),
)
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_PORTABLE = re.compile(rb"P(?:[1-6]\s+(?:#|\d+\s)|[fF]\s+\d+\s)")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def may_be_image(name: str) -> bool:
    """Whether only the content can tell: the suffix is neither an image's nor another known one."""
    return not has_suffix(name, IMAGE_SUFFIXES) and not has_suffix(name, _OTHER_SUFFIXES)


def starts_like_image(head: bytes) -> bool:
    """Whether a file with these first bytes is an image.

    >>> starts_like_image(b"GIF89a..."), starts_like_image(b"BMW of 1998, red, no owner yet")
    (True, False)
    """
    return (
        head.startswith(_STARTS)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)
        or (head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS)
        or _PORTABLE.match(head) is not None
    )
