"""What zips and tars have in common: damage in one sentence, and the description of a file.

Archives are read where they lie (`zips`, `tars`): nothing is ever unpacked to disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rara.errors import DamagedArchiveError, RaraError, SourceError
from rara.sources.names import SIDECAR_SUFFIXES, TABLES, TAR_SUFFIXES, has_suffix, shown


@contextmanager
def explained_damage(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or forbidden archive raises into one sentence."""
    try:
        yield
    except RaraError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise SourceError(f"{shown(path)} cannot be read: {error.strerror.lower()}.") from error
        raise DamagedArchiveError(
            f"{shown(path)} is damaged, or is not what its name says: "
            f"{str(error) or type(error).__name__}. Fetch it or pack it again."
        ) from error


def wrapping_folder(path: Path, names: Sequence[str]) -> str:
    """The folder that an archive is named after, where everything lies in it."""
    suffix = next(s for s in (".zip", *TAR_SUFFIXES) if has_suffix(path.name, (s,)))
    folder = f"{path.name[: -len(suffix)]}/"
    return folder if all(name.startswith(folder) for name in names) else ""


def is_text(name: str) -> bool:
    """Whether a file may describe an image: a sidecar or a table of metadata."""
    return has_suffix(name, (*SIDECAR_SUFFIXES, *TABLES))


def repeated_texts(names: Sequence[str], parts: Sequence[range]) -> list[str]:
    """A remark where a sidecar or a table has the name of an earlier one of its part."""
    texts = [[names[i] for i in part if is_text(names[i])] for part in parts]
    repeated = [name for part in texts for name in _repeated(part)]
    if not repeated:
        return []
    files = "file repeats" if len(repeated) == 1 else "files repeat"
    return [
        f"{len(repeated):,} metadata {files} a name, such as {repeated[0]!r}: "
        "the first file of a name describes all images of that name."
    ]


def _repeated(names: Sequence[str]) -> Iterator[str]:
    met: set[str] = set()
    for name in names:
        if name in met:
            yield name
        met.add(name)
