"""The one form of a card's text, and the digest that it ends with.

    content --text_of--> ASCII text whose last entry is its digest --content_in--> content

A file counts only if it is, byte for byte, what `text_of` writes for its content. So any change is
seen: of a number, of a key, and of a space. The digest is no signature: anybody can change a card
and write it with a new one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from rara.errors import CardError
from rara.provenance.json_format import JsonObject

DIGEST: Final = "digest"
"""The last key of a card."""
MOST_BYTES: Final = 1 << 20
"""A card has a few thousand."""


def text_of(content: JsonObject) -> str:
    """The whole text of a card: its content, indented by one space, and the digest of that."""
    return _text({**content, DIGEST: digest_of(content)})


def digest_of(content: JsonObject) -> str:
    """sha256, in hex, of the text of the content without a digest."""
    return hashlib.sha256(_text(content).encode("ascii")).hexdigest()


def content_in(data: bytes) -> JsonObject:
    """The content of a card's bytes, without the digest.

    Raises CardError, with what is wrong, for anything but what `text_of` writes.
    """
    if len(data) > MOST_BYTES:
        raise CardError(f"it has more than {MOST_BYTES:,} bytes, and a card has a few thousand")
    try:
        value = json.loads(data.decode("ascii"))
    except UnicodeDecodeError:
        raise CardError("it has bytes that no card has: rara writes ASCII alone") from None
    except (ValueError, RecursionError):
        raise CardError("it is no JSON, or ends early") from None
    if not isinstance(value, dict) or not isinstance(digest := value.pop(DIGEST, None), str):
        raise CardError("it is JSON, but no card: it has no digest")
    try:
        text, wanted = _text({**value, DIGEST: digest}), digest_of(value)
    except (ValueError, RecursionError):
        raise CardError("it holds a number or a list that rara does not write") from None
    if text.encode("ascii") != data:
        raise CardError("its bytes are not the ones that rara writes for this content")
    if digest != wanted:
        raise CardError("its content has another digest than the one that it ends with")
    return value


def _text(content: JsonObject) -> str:
    return json.dumps(content, ensure_ascii=True, allow_nan=False, indent=1) + "\n"
