"""Places with a scheme, as text: which they are, and what of them may be shown.

place --is_remote--> yes or no; place --shown_place--> the same without credentials
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeGuard
from urllib.parse import unquote

from rara.errors import UnknownSourceError
from rara.sources.names import ARRAY_SUFFIXES, TABLE_SUFFIXES, has_suffix
from rara.text import plain

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
"""Two characters at least: `C:` is a drive."""
_WRITTEN = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:/+[^\s'\"/][^\s'\"]*")
"""In a text, also where a path has lost one of its slashes."""
WEB = ("http", "https")
_WITH_CONTAINER = ("abfs", "abfss", "wasb", "wasbs")
"""Their `container@account` is no user."""


def is_remote(place: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether this is written as a place with a scheme, such as `s3://bucket/train`."""
    if not isinstance(place, (str, os.PathLike)):
        return False
    text = os.fspath(place)
    return isinstance(text, str) and "://" in text and _SCHEME.match(text) is not None


def scheme_of(place: str) -> str:
    """The scheme in lower case."""
    match = _SCHEME.match(place)
    return match[1].lower() if match else ""


def shown_place(place: str) -> str:
    """The place without what may be a secret: user, password, query of a signed address.

    >>> shown_place("https://me:secret@host/train.zip?X-Amz-Signature=abc")
    'https://host/train.zip'
    """
    scheme, rest = scheme_of(place), place.partition("://")[2]
    first, slash, behind = rest.partition("/")
    user, at, host = first.rpartition("@")
    if at and (scheme not in _WITH_CONTAINER or ":" in user):
        rest = host + slash + behind
    elif re.search(r":(?!\d*$)", first) and "@" in behind:  # a secret with a slash
        rest = behind.rpartition("@")[2]
    query = rest.partition("?")[2]
    if query and (scheme in WEB or "=" in query):
        rest = rest.partition("?")[0]
    return plain(f"{scheme}://{rest}")


def without_secrets(text: str) -> str:
    """A message in which every place with a scheme is as it may be shown.

    >>> without_secrets("No card at 'https:/me:secret@host/a.json?key=abc'.")
    "No card at 'https://host/a.json'."
    """
    return _WRITTEN.sub(lambda match: _masked(match[0]), text)


def _masked(written: str) -> str:
    place = re.sub(":/+", "://", written, count=1)
    shown = shown_place(place)
    return written if shown == place else shown


def split_remote_key(place: str) -> tuple[str, str | None]:
    """A place, and the array or column behind `#` where a file of arrays or a table is named.

    >>> split_remote_key("s3://bucket/x.npz#images"), split_remote_key("s3://bucket/run#1")
    (('s3://bucket/x.npz', 'images'), ('s3://bucket/run#1', None))
    """
    before, _, key = place.rpartition("#")
    if key and has_suffix(before.partition("?")[0], (*ARRAY_SUFFIXES, *TABLE_SUFFIXES)):
        return before, key
    return place, None


def local_path(place: str) -> str | None:
    """The path that `file://` stands for; None for any other scheme.

    Raises UnknownSourceError where another machine is named.
    """
    if scheme_of(place) not in {"file", "local"}:
        return None
    host, slash, rest = place.partition("://")[2].partition("/")
    if host not in {"", "localhost"} or not slash:
        raise UnknownSourceError(
            f"'{shown_place(place)}' is no path of this machine: write file:///folder/images."
        )
    path = f"/{rest}"
    if re.match(r"/[A-Za-z]:/", path):
        path = path[1:]
    return path if os.path.lexists(Path(path)) else unquote(path)
