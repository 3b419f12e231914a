"""Records of metadata: what hostile or huge metadata is turned into, and sidecars."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rara.errors import ImageError
from rara.sources.metadata.records import MAX_KEYS, MAX_RECORD_BYTES, MAX_VALUE_BYTES, Tidier
from rara.sources.metadata.sidecars import Sidecars


def tidied(raw):
    tidier = Tidier()
    return tidier.tidy(raw, "a.png"), tidier.remarks


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_becomes_a_record_that_can_be_stored(value):
    record, _ = tidied({"x": value, "y": json.loads(json.dumps(value))})
    json.dumps(record, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f600"])
def test_long_values_are_cut_and_counted(letter):
    whole = letter * (MAX_VALUE_BYTES // len(letter.encode()))
    assert tidied({"x": whole}) == ({"x": whole}, [])
    record, remarks = tidied({"x": whole + letter, "y": whole + letter * 9})
    assert record == {"x": whole, "y": whole}
    assert remarks == ["2 metadata values longer than 64 KiB: cut there."]


def test_a_record_holds_so_many_keys():
    record, remarks = tidied({str(i): i for i in range(MAX_KEYS + 5)})
    assert list(record) == [str(i) for i in range(MAX_KEYS)]
    assert remarks == [
        "5 metadata values beyond the first 1,000 keys or 1 MiB of an image: left out."
    ]


def test_a_record_holds_so_much_in_all():
    record, remarks = tidied({str(i): "x" * MAX_VALUE_BYTES for i in range(100)})
    assert sum(map(len, record.values())) <= MAX_RECORD_BYTES + MAX_VALUE_BYTES
    assert remarks[0].startswith(f"{100 - len(record)} metadata values beyond")


def test_what_is_seen_again_is_counted_once():
    tidier = Tidier()
    for _ in range(3):
        tidier.tidy({"x": "y" * 70_000}, "a.png")
    assert tidier.remarks[0].startswith("1 metadata value longer")


def test_an_embedded_image_is_left_out():
    record, remarks = tidied({"imageData": "A" * 1000, "deep": {"imageData": "A" * 1000}, "x": 1})
    assert record == {"x": 1}
    assert remarks == ["2 metadata values called 'imageData', the image once more: left out."]
    assert tidied({"imageData": "none"})[0] == {"imageData": "none"}


def test_halves_of_surrogate_pairs_are_replaced():
    record, remarks = tidied(json.loads('{"a": "x\\ud800y", "b": ["\\udc00"], "k\\ud800": 1}'))
    assert record == {"a": "x\ufffdy", "b": '["\ufffd"]', "k\ufffd": 1}
    assert len(remarks) == 2
    assert remarks[0].startswith("2 metadata values with halves of surrogate pairs")


def test_keys_are_printable_and_short():
    record, remarks = tidied({"a" * 10_000: 1, "a" * 9_999: 2, "b\x1b[2J\n": 3, "c": {"d": 4}})
    assert record == {"a" * 100: 1, "a" * 100 + "~2": 2, "b\ufffd[2J\ufffd": 3, "c.d": 4}
    assert remarks[0].startswith("3 metadata values whose key is longer than 100 characters")


def test_keys_that_become_the_same_are_all_kept():
    assert tidied({"a": {"b": 1}, "a.b": 2})[0] == {"a.b": 1, "a.b~2": 2}


@pytest.mark.parametrize("depth", [15, 100, 5000])
@pytest.mark.parametrize("opening", ["list", "dict"])
def test_nesting_has_an_end(depth, opening):
    value = 1
    for _ in range(depth):
        value = [value] if opening == "list" else {"k": value}
    record, remarks = tidied({"x": value, "seed": 1})
    assert record.pop("seed") == 1
    assert bool(record) != bool(remarks)
    assert all(len(key) <= 100 for key in record)


def test_bytes_are_left_out():
    assert tidied({"x": b"\x00", "y": 1})[0] == {"y": 1}


def test_records_that_differ_are_joined_within_the_limit():
    tidier = Tidier()
    joined = tidier.joined([{"x": f"{i}" * 10_000} for i in range(10)], "a.png")
    assert len(joined["x"]) == MAX_VALUE_BYTES
    assert tidier.remarks[0].startswith("1 metadata value longer")


# -- sidecars ---------------------------------------------------------------------------


def beside(images, **files):
    """The record of each image among sidecars `a_txt=...`, and the remarks."""
    contents = {name.replace("_", "."): data for name, data in files.items()}
    sidecars = Sidecars(images, contents, contents.__getitem__, Tidier())
    return [sidecars.record(image) for image in images], sidecars.remarks


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (b"0 0.5 0.5 0.2 0.3\n1 .1 .1 5e-2 1\n", {"boxes": "0 0.5 0.5 0.2 0.3\n1 .1 .1 5e-2 1"}),
        (b"3 .1 .2 .3 .4 .5 .6\r\n\r\n", {"boxes": "3 .1 .2 .3 .4 .5 .6"}),
        (b"1 2 3 4", {"prompt": "1 2 3 4"}),
        (b"0 0.5 0.5 0.2 0.3\na cat", {"prompt": "0 0.5 0.5 0.2 0.3\na cat"}),
        (b"1girl, solo,\nblue hair", {"prompt": "1girl, solo,\nblue hair"}),
        ("über".encode("utf-16"), {"prompt": "über"}),
        (b"\xef\xbb\xbfa cat\n", {"prompt": "a cat"}),
        (b" \n", {}),
    ],
)  # fmt: skip
def test_texts_beside_images(text, record):
    (found,), remarks = beside(["a.png"], a_txt=text)
    assert found == record
    assert bool(remarks) == ("boxes" in record)


def test_texts_that_are_not_utf8_are_said():
    (found,), remarks = beside(["a.png"], a_txt=b"caf\xe9")
    assert found == {"prompt": "caf\ufffd"}
    assert remarks[0].startswith("1 sidecar in .txt or .cls is not UTF-8")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{", b"[" * 100_000, b'{"a": ' * 2000])
def test_broken_sidecars_are_named_and_the_rest_is_read(content):
    (first, second), remarks = beside(["a.png", "b.png"], a_json=content, a_cls=b"7", b_json=b"[1]")
    assert first == {"label": "7"}
    assert second == {"json": "[1]"}
    assert remarks[0].startswith(
        "1 sidecar could not be read, and its image is used without: 'a.json'"
    )


def test_sidecars_that_cannot_be_opened_are_named():
    def read(name):
        raise ImageError("cannot be read: permission denied")

    images = [f"{i}.png" for i in range(5)]
    sidecars = Sidecars(images, [f"{i}.json" for i in range(5)], read, Tidier())
    assert [sidecars.record(image) for image in images] == [{}] * 5
    (remark,) = sidecars.remarks
    assert remark.startswith("5 sidecars could not be read, and their images are used without: ")
    assert remark.count("permission denied") == 3
