"""Folders that Hugging Face's `save_to_disk` wrote: which Arrow files hold the data.

Beside the data lie `state.json`, which names the files, `dataset_info.json` with the classes,
and perhaps files of earlier steps, which are no data. `table_source.py` reads what is found here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rara.errors import DamagedArchiveError, ImageError, UnknownSourceError
from rara.sources.folder import read_file
from rara.sources.limits import SIDECAR
from rara.sources.names import natural_order, shown

_SPLITS, _STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"


def saved_tables(folder: Path) -> list[Path] | None:
    """The Arrow files of a saved data set, in order; None where the folder is none.

    Raises UnknownSourceError where several splits are there, DamagedArchiveError where a file of
    the data set is missing.
    """
    if (folder / _SPLITS).is_file():
        return saved_tables(_only_split(folder))
    if not (folder / _STATE).is_file():
        return None
    listed = _listed(read_json(folder / _STATE))
    names = listed or natural_order(path.name for path in folder.glob("data-*.arrow"))
    for name in names:
        if not (folder / name).is_file():
            raise DamagedArchiveError(
                f"{shown(folder)} lacks {name!r}, which its {_STATE} names. Save or fetch it again."
            )
    return [folder / name for name in names] or None


def read_json(path: Path) -> Mapping[str, object]:
    """An object in a small JSON file; empty where there is none."""
    try:
        value = json.loads(read_file(path, SIDECAR))
    except (ImageError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _listed(state: Mapping[str, object]) -> list[str]:
    """The names of the files that hold the data; none where they are not given."""
    files = state.get("_data_files")
    try:
        return [Path(file["filename"]).name for file in files] if isinstance(files, list) else []
    except (LookupError, TypeError):
        return []


def _only_split(folder: Path) -> Path:
    splits = natural_order(path.parent.name for path in folder.glob(f"*/{_STATE}"))
    if len(splits) != 1:
        raise UnknownSourceError(
            f"{shown(folder)} holds {len(splits)} splits of a data set: "
            f"{', '.join(splits) or 'none'}. Give one of them, such as "
            f"{shown(folder / (splits or ['train'])[0])}."
        )
    return folder / splits[0]
