"""What helps where files hold images in a format that rara does not read, or never unpickles.

`opening.py` asks here before it refuses a file or a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rara.sources.names import ARRAY_SUFFIXES, has_suffix, shown

_SAVE = (
    "Load it in Python and pass the images to rara.Reference.fit or reference.score, or save them "
    "with numpy.save as uint8 (images x height x width x 3)."
)
_PICKLED = f"may hold any Python object, and rara unpickles nothing. {_SAVE}"
_TENSORS = f"holds arrays or tensors that rara does not read. {_SAVE}"

_REMEDIES = {
    (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"): _PICKLED,
    (".h5", ".hdf5", ".hdf", ".mat", ".nc", ".safetensors", ".msgpack"): _TENSORS,
    (".tfrecord", ".tfrecords"): f"holds TensorFlow records, which rara does not read. {_SAVE}",
    (".lmdb", ".mdb"): f"is an LMDB database, which rara does not read. {_SAVE}",
}


def remedy_for(path: Path) -> str:
    """What a file of a known format is and what to do with it; nothing for other files."""
    return next((text for ends, text in _REMEDIES.items() if has_suffix(path.name, ends)), "")


def remedy_below(folder: Path, names: Sequence[str]) -> str:
    """What to do with a folder that holds no images but arrays or files of a known format."""
    arrays = [name for name in names if has_suffix(name, ARRAY_SUFFIXES)]
    if arrays:
        return (
            f"it holds {len(arrays):,} arrays. Give one that holds all images, such as "
            f"{shown(folder / arrays[0])}, or join those of one image each with numpy.stack."
        )
    other = next((name for name in names if remedy_for(folder / name)), None)
    return "" if other is None else f"{other!r} {remedy_for(folder / other)}"
