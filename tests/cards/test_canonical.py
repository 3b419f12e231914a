"""The form of a card: every change is seen, and nothing in a file does harm."""

import hashlib
import json
import os
import re

import pytest

import rara
from rara.cards.canonical import content_in, digest_of, text_of
from rara.errors import CardError, SourceNotFoundError


def refused(data):
    with pytest.raises(CardError) as found:
        content_in(data)
    return str(found.value)


def test_what_is_written_is_read_again(made):
    data = made.text.encode("ascii")
    assert text_of(content_in(data)) == made.text
    assert rara.cards.canonical.content_in(data) == made.content.to_json()


def test_the_digest_is_that_of_the_text_without_its_last_entry(made):
    """By hand, as docs/reference/files.md says: no function of rara's is used."""
    digest = re.search(r',\n "digest": "([0-9a-f]{64})"', made.text)
    without = made.text.replace(digest[0], "")
    assert hashlib.sha256(without.encode()).hexdigest() == digest[1] == made.digest
    assert json.loads(without) == made.content.to_json()


def test_every_change_of_one_byte_is_seen(made):
    data = made.text.encode("ascii")
    missed = []
    for at, byte in enumerate(data):
        for other in (byte ^ 1, byte ^ 32, byte ^ 128):
            changed = bytes([*data[:at], other, *data[at + 1 :]])
            if not seen(changed):
                missed.append((at, other))
    assert missed == []


def test_every_byte_too_few_or_too_many_is_seen(made):
    data = made.text.encode("ascii")
    for at in range(len(data) + 1):
        assert seen(data[:at] + b" " + data[at:])
        assert at == len(data) or seen(data[:at] + data[at + 1 :])
    assert all(seen(data[:at]) for at in range(len(data)))


def seen(data):
    try:
        content_in(data)
    except CardError:
        return True
    return False


HOSTILE = {
    "nothing": b"",
    "not UTF-8": b'{"digest": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "no object": b"[]\n",
    "no digest": b"{}\n",
    "another kind of digest": b'{"digest": 3}\n',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and whole": b'{"a":' + b"[" * 900 + b"]" * 900 + b',"digest":"x"}',
    "NaN": b'{\n "a": NaN,\n "digest": "x"\n}\n',
    "infinity": b'{\n "a": 1e999,\n "digest": "x"\n}\n',
    "a huge number": b'{\n "a": ' + b"9" * 10_000 + b',\n "digest": "x"\n}\n',
    "a key twice": b'{\n "a": 1,\n "a": 1,\n "digest": "x"\n}\n',
    "two documents": b"{}\n{}\n",
    "a null byte": b"\0",
    "too much": b" " * 2_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused_in_one_sentence(name, tmp_path):
    assert refused(HOSTILE[name])
    place = tmp_path / "card.json"
    place.write_bytes(HOSTILE[name])
    found = rara.verify(place)
    assert found.status == "changed"
    assert not found
    assert len(found.summary()) < 1_000


def test_a_key_twice_is_seen_even_with_its_digest():
    text = text_of({"a": 1})
    twice = text.replace(' "a": 1,\n', ' "a": 1,\n "a": 1,\n')
    assert "bytes are not the ones" in refused(twice.encode())


def test_no_more_of_a_large_file_is_read_than_needed(tmp_path):
    place = tmp_path / "large.json"
    with place.open("wb") as file:
        file.truncate(1 << 30)
    assert "more than 1,048,576 bytes" in rara.verify(place).problem


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_only_a_plain_file_is_opened(tmp_path, file):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    for place, says in (("pipe.json", "pipe"), ("loop.json", "loop"), (".", "folder")):
        for check in (rara.verify, rara.Card.load):
            with pytest.raises(CardError, match=says):
                check(tmp_path / place)
    with pytest.raises(SourceNotFoundError, match="No card at"):
        rara.verify(tmp_path / "gone.json")
    (tmp_path / "link.json").symlink_to(file)
    assert rara.verify(tmp_path / "link.json").status == "whole"


# -- a right digest of a wrong content ------------------------------------------------------


def forged(made, path, **changed):
    content = {**made.content.to_json(), **changed}
    path.write_text(text_of({key: one for key, one in content.items() if one is not ...}))
    return path


FORGED = {
    "of a later schema": ({"schema": 2, "rara": "9.0"}, "of rara 9.0"),
    "schema of no number": ({"schema": True}, "schema"),
    "schema below one": ({"schema": -1}, "schema"),
    "no schema": ({"schema": ...}, "schema"),
    "of another kind": ({"kind": "recipe"}, "no originality card"),
    "without an image": ({"image": ...}, "image"),
    "with another key": ({"more": 1}, "more"),
    "without a verdict": ({"record": {}}, "no verdict"),
    "no list of neighbours": ({"neighbours": {"a": 1}}, "neighbours"),
    "digests that are none": (
        {"neighbours": [{"sha256": "../x", "distance": 1.0, "radius": 1.0}]}, "digest",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_content_that_rara_does_not_write_is_refused_despite_its_digest(name, made, tmp_path):
    changed, says = FORGED[name]
    place = forged(made, tmp_path / "card.json", **changed)
    for check in (rara.verify, rara.Card.load):
        with pytest.raises(CardError, match=says):
            check(place)


@pytest.mark.parametrize(("column", "value"), [
    ("verdict", "splendid"), ("verdict", 3), ("reason", None), ("rarity", "much"), ("rarity", [1]),
    ("rarity", 3), ("balls", True), ("balls", 10**30), ("inside", 1), ("nearest", "<b>"),
    ("rarity_by_k", [["a"]]), ("source_region", [[[[1.0]]]]), ("prompt", "x"),
    ("reason", "x" * 20_000),
])  # fmt: skip
def test_a_record_that_rara_does_not_write_is_refused(column, value, made, tmp_path):
    record = {**made.content.record, column: value}
    with pytest.raises(CardError):
        rara.Card.load(forged(made, tmp_path / "card.json", record=record))


def test_a_forged_card_is_whole_until_it_is_made_again(made, tmp_path):
    """The digest is no signature: that is what making it again is for."""
    record = {**made.content.record, "verdict": "rare"}
    found = rara.verify(forged(made, tmp_path / "card.json", record=record))
    assert found.status == "whole"
    assert not found


def test_a_digest_depends_on_all_of_the_content():
    assert digest_of({"a": 1}) != digest_of({"a": 1.0}) != digest_of({"a": None})
