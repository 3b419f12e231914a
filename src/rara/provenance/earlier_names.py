"""Keys of a provenance that an earlier schema called otherwise: read by the names of today.

record of a file --with_current_names--> record by the names of today, and which changed
"""

from __future__ import annotations

from collections.abc import Mapping

RENAMED = (
    ("calibration", "reals", "real_images"),
    ("calibration", "reals_inside", "real_images_inside"),
    ("reference", "treatment", "cleaning"),
)
"""Part, key up to schema 1, key since."""


def with_current_names(record: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """A record of schema 1 or none, and which of its names are no longer used.

    Where a part has both names, neither is right: the earlier one stays, and is refused as unknown.
    """
    current, changed = dict(record), []
    for part, earlier, name in RENAMED:
        keys = current.get(part)
        if isinstance(keys, Mapping) and earlier in keys and name not in keys:
            current[part] = {name if key == earlier else key: one for key, one in keys.items()}
            changed.append(f"{part}.{earlier} is {name}")
    return current, changed
