"""Proxies by name, and what each covers.

{name: images}, {name: scope} --named, scopes_of--> the same, checked
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

from rara.arguments import short
from rara.errors import ParameterError
from rara.features.opening import Images
from rara.reference.reference import Reference

Proxies: TypeAlias = "Mapping[str, Images | Reference]"
"""References, or images to make them of, by name."""

LONGEST_NAME = 64
LONGEST_SCOPE = 400


def named(proxies: Proxies) -> dict[str, Images | Reference]:
    """At least one proxy, each under a name of its own. Raises ParameterError otherwise."""
    if not isinstance(proxies, Mapping):
        raise ParameterError(
            f"references = {short(proxies)}: give a mapping of names to references or images."
        )
    found: dict[str, Images | Reference] = {}
    for name, images in proxies.items():
        checked = checked_name(name)
        if checked in found:
            raise ParameterError(f"Two proxies are named '{checked}': give each another name.")
        found[checked] = images
    if not found:
        raise ParameterError("There are no proxies: give at least one.")
    return found


def checked_name(name: object) -> str:
    """A name that lines and pages can show: letters and signs that have a shape."""
    if not isinstance(name, str) or not name.strip():
        raise ParameterError(f"{short(name)} is no name of a proxy: give text.")
    one_line = " ".join(unicodedata.normalize("NFC", name).split(" ")).strip()
    if not one_line.isprintable():
        raise ParameterError(
            f"{short(name)} is no name of a proxy: it has characters that cannot be shown."
        )
    if len(one_line) > LONGEST_NAME:
        raise ParameterError(f"{short(name)}: give a name of at most {LONGEST_NAME} letters.")
    return one_line


def scopes_of(scopes: Mapping[str, str] | None, names: Mapping[str, object]) -> dict[str, str]:
    """What each proxy covers, in one line; empty where nobody said. Raises ParameterError."""
    if scopes is None:
        scopes = {}
    if not isinstance(scopes, Mapping):
        raise ParameterError(f"scopes = {short(scopes)}: give a mapping of names to texts.")
    given = {checked_name(name): _checked_scope(name, text) for name, text in scopes.items()}
    if unknown := [name for name in given if name not in names]:
        raise ParameterError(
            f"scopes: there is no proxy '{unknown[0]}'. There are: {', '.join(names)}."
        )
    return {name: given.get(name, "") for name in names}


def _checked_scope(name: object, text: object) -> str:
    if not isinstance(text, str):
        raise ParameterError(f"The scope of {short(name)} is {short(text)}: give text.")
    one_line = " ".join(text.split())
    if not one_line.isprintable():
        raise ParameterError(f"The scope of {short(name)} has characters that cannot be shown.")
    if len(one_line) > LONGEST_SCOPE:
        raise ParameterError(
            f"The scope of {short(name)} has {len(one_line):,} letters: give at most "
            f"{LONGEST_SCOPE}."
        )
    return one_line
