"""The manifest of a folder that rara wrote: what it says, and whether it may be believed.

The seal tells damage, and is no proof of who wrote it: anybody can compute it. So every name and
every type is checked, and a name that rara would not give is never opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rara.errors import DamagedStoreError
from rara.storage.plain_files import read_plain

MANIFEST = "manifest.json"
_FORMAT = "rara folder"
_VERSION = 1
_NAME = re.compile(r"([A-Za-z0-9_]+)\.(npy|parquet)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 16 << 20
"""A manifest has a few thousand bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the folder, as the manifest describes it."""

    file: str
    """Its name in the folder, which follows from that of the part and the digest."""
    sha256: str
    spare: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds: its kind, JSON-able facts, and its files by the names of the parts."""

    kind: str
    facts: Mapping[str, object]
    parts: Mapping[str, Part]


def manifest_text(folder: Path) -> bytes:
    """The manifest's bytes; raises DamagedStoreError or FileNotFoundError as `open_plain` does."""
    return read_plain(folder / MANIFEST, most=_MOST_BYTES)


def raw_manifest(folder: Path, text: bytes) -> dict[str, object]:
    """The manifest as JSON, where it is one of rara's; its seal is not looked at."""
    try:
        manifest = json.loads(text)
        version = manifest["version"] if manifest["format"] == _FORMAT else None
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None
    if type(version) is not int or version < 1:
        raise DamagedStoreError(f"'{folder / MANIFEST}' is damaged, or not rara's.")
    if version > _VERSION:
        raise DamagedStoreError(f"'{folder}' was written by a newer rara: update this one.")
    return dict(manifest)


def verified_manifest(folder: Path, text: bytes) -> Manifest:
    """The manifest, its seal and its structure verified. Raises DamagedStoreError."""
    manifest = raw_manifest(folder, text)
    seal = manifest.pop("seal", None)
    if "files" not in manifest:
        raise DamagedStoreError(f"'{folder}' is half-written: make it again, here or elsewhere.")
    try:
        sealed = seal == _seal(manifest)
        if sealed:
            return _structured(manifest)
    except (ValueError, RecursionError) as error:
        raise DamagedStoreError(
            f"'{folder / MANIFEST}' was not written by rara ({error}): {again(folder)}."
        ) from None
    raise DamagedStoreError(f"'{folder / MANIFEST}' was altered: {again(folder)}.")


def sealed_manifest(content: Mapping[str, object]) -> bytes:
    """The bytes of a manifest with this content."""
    manifest = {"format": _FORMAT, "version": _VERSION, **content}
    text = json.dumps({**manifest, "seal": _seal(manifest)}, indent=2, ensure_ascii=False)
    return text.encode() + b"\n"


def again(folder: Path) -> str:
    """What to do with a folder that cannot be used."""
    return f"delete '{folder}' and make it again"


def part_file(name: str, digest: str) -> str:
    """The name of the file with a part, such as `vectors-1f3a9c02d4e5.npy`."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{digest[:12]}.{suffix}"


def _seal(manifest: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _structured(manifest: Mapping[str, object]) -> Manifest:
    """The same as values of the right types; ValueError where there are others."""
    kind, facts, files = (manifest.get(name) for name in ("kind", "facts", "files"))
    if not isinstance(kind, str) or not isinstance(facts, dict) or not isinstance(files, dict):
        raise ValueError("kind, facts or files are of the wrong type")
    json.dumps([kind, facts], ensure_ascii=False).encode()  # refuses what is no text
    return Manifest(kind, facts, {name: _part(name, file) for name, file in files.items()})


def _part(name: str, file: object) -> Part:
    if not isinstance(file, dict) or not _NAME.fullmatch(name):
        raise ValueError(f"no part {name[:80]!r}")
    place, digest, spare = (file.get(key) for key in ("file", "sha256", "spare"))
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"no digest of {name[:80]!r}")
    if place != part_file(name, digest) or spare not in (None, False, True):
        raise ValueError(f"another file name for {name[:80]!r}")
    return Part(place, digest, bool(spare))
