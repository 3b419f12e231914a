"""Labels from folders: the first folder is the class, unless it is a split or a number.

`train/cat/1.png` is a cat. So is `cat/1.png`; but `00003/img00003001.png` is the 3001st
image of StyleGAN's layout, and its folder says nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rara.sources.layouts.splits import SPLITS

_NUMBERED = re.compile(r"\d{5,}")


class Labels:
    """Tells the class that an image's folder stands for."""

    def __init__(self, images: Sequence[str], *, wrapper: str = "", numbered: bool = False) -> None:
        """`wrapper` (`train/`) holds everything and says nothing.

        `numbered`: folders of digits number the images, as beside StyleGAN's `dataset.json`.
        """
        self._start = len(wrapper)
        self._numbered = numbered
        tops = Counter(
            name[self._start :].split("/")[0] for name in images if self._in_folder(name)
        )
        whole = tops.total() == len(images)
        self._splits = tops if whole and all(top.lower() in SPLITS for top in tops) else None
        self._buckets = _are_buckets([self._path(name) for name in images], numbered=numbered)

    def of(self, name: str) -> dict[str, str]:
        """The class of an image, if its folder names one."""
        path = self._path(name)
        return {"label": path[0]} if len(path) > 1 and not self._buckets else {}

    @property
    def remarks(self) -> list[str]:
        """Where folders are not read as labels."""
        remarks = []
        if self._splits:
            remarks.append(_split_remark(self._splits))
        if self._buckets:
            hint = "" if self._numbered else " Rename them if they are classes."
            remarks.append(
                f"The folders are numbers that only sort the images, and no labels.{hint}"
            )
        return remarks

    def _in_folder(self, name: str) -> bool:
        return "/" in name[self._start :]

    def _path(self, name: str) -> list[str]:
        parts = name[self._start :].split("/")
        return parts[1:] if self._splits else parts


def _split_remark(splits: Counter[str]) -> str:
    names = " and ".join(f"'{name}'" for name in sorted(splits))
    if len(splits) == 1:
        return f"The folder {names} is a split, not a label: labels are the folders inside it."
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(splits.items()))
    return (
        f"The splits {names} are read together ({counts} images), and labels are the folders "
        "inside them. Give one of these folders to read it alone."
    )


def _are_buckets(paths: Sequence[Sequence[str]], *, numbered: bool) -> bool:
    """Whether the first folders only number the images.

    Without StyleGAN's file beside them, folders of digits may be classes. Then every file
    name of a bucket is its own, for the numbers of images run on from folder to folder.
    """
    folders = {path[0] for path in paths if len(path) > 1}
    if not folders or not all(len(path) > 1 for path in paths):
        return False
    if numbered:
        return all(folder.isdecimal() for folder in folders)
    padded = all(_NUMBERED.fullmatch(folder) for folder in folders) and any(
        folder[0] == "0" for folder in folders
    )
    return padded and len({path[-1] for path in paths}) == len(paths)
