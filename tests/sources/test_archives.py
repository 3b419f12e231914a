"""Zips and tars that are damaged, joined, or lie: nothing is lost in silence, nothing grows."""

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

import pytest

from hostile_archives import COMPRESSIONS, compressed, header, hostile, padded, pax, tar_of
from make import as_folder, loaded
from rara.errors import DamagedArchiveError, ImageError, SourceError
from rara.sources import files as files_module
from rara.sources import limits, open_source
from rara.sources.archives import tar_stream, tars
from rara.sources.base import remarks_of
from rara.sources.limits import Limit, amount, check_table, read_whole
from reading_archives import outcome

IMAGES = [("a.png", b"first" * 300), ("k/b.png", b"second" * 300), ("c.png", b"")]
END = bytes(1024)


def written(path, data):
    path.write_bytes(data)
    return path


def reasons(source):
    """Why each image cannot be read; nothing where it can."""
    found = {}
    for item in source:
        try:
            item.load()
        except ImageError as error:
            found[item.id] = str(error)
        else:
            found[item.id] = ""
    return found


# -- tars: the end ----------------------------------------------------------------------

EVERY_COMPRESSION = pytest.mark.parametrize("suffix", COMPRESSIONS)


@EVERY_COMPRESSION
@pytest.mark.parametrize("member", [1, 2, 3])
def test_a_tar_that_ends_at_a_members_edge_is_refused(tmp_path, suffix, member):
    data, edges = tar_of(IMAGES)
    place = written(tmp_path / f"x.tar{suffix}", compressed(data[: edges[member]], suffix))
    found = rf"x.tar{suffix}' is damaged after {member} members, at byte {edges[member]}: it ends"
    with pytest.raises(DamagedArchiveError, match=found):
        open_source(place)


@EVERY_COMPRESSION
def test_a_header_that_cannot_be_read_is_damage(tmp_path, suffix):
    data, edges = tar_of(IMAGES)
    broken = bytearray(data)
    broken[edges[1]] ^= 1
    place = written(tmp_path / f"x.tar{suffix}", compressed(bytes(broken), suffix))
    with pytest.raises(DamagedArchiveError, match=rf"byte {edges[1]}: no tar header follows"):
        open_source(place)


@EVERY_COMPRESSION
def test_one_block_of_zeros_ends_a_tar(tmp_path, suffix):
    data, edges = tar_of(IMAGES)
    place = written(tmp_path / f"x.tar{suffix}", compressed(data[: edges[-1] + 512], suffix))
    source = open_source(place)
    assert loaded(source) == IMAGES
    assert remarks_of(source) == []


@EVERY_COMPRESSION
def test_two_tars_in_one_file_are_both_read(tmp_path, suffix):
    more = [("d.png", b"third"), ("a.png", b"fourth")]
    parts = [compressed(tar_of(members)[0], suffix) for members in (IMAGES, more)]
    source = open_source(written(tmp_path / f"x.tar{suffix}", b"".join(parts)))
    assert loaded(source) == [*IMAGES, ("d.png", b"third"), ("a.png~2", b"fourth")]
    assert remarks_of(source) == [
        "The file holds 2 archives one after the other; all of them were read."
    ]


@EVERY_COMPRESSION
def test_metadata_describes_images_of_its_own_tar(tmp_path, suffix):
    first = [("0.png", b"x"), ("0.txt", b"a cat"), ("1.png", b"y"), ("1.cls", b"3")]
    second = [("0.txt", b"a dog"), ("0.png", b"z"), ("1.png", b"v")]
    parts = [compressed(tar_of(members)[0], suffix) for members in (first, second)]
    source = open_source(written(tmp_path / f"x.tar{suffix}", b"".join(parts)))
    assert [dict(item.metadata) for item in source] == [
        *({"prompt": "a cat"}, {"label": "3"}),
        *({"prompt": "a dog"}, {}),
    ]


@EVERY_COMPRESSION
def test_a_second_tar_that_is_damaged_is_not_lost(tmp_path, suffix):
    second = bytearray(tar_of(IMAGES)[0])
    second[3] ^= 1
    data = tar_of(IMAGES)[0] + bytes(second)
    place = written(tmp_path / f"x.tar{suffix}", compressed(data, suffix))
    with pytest.raises(DamagedArchiveError, match=r"damaged after 3 members"):
        open_source(place)


@pytest.mark.parametrize("suffix", COMPRESSIONS[1:])
@pytest.mark.parametrize("behind", [b"junk", b"\0\0\0junk"])
def test_what_follows_compressed_data_is_not_lost(tmp_path, suffix, behind):
    data = compressed(tar_of(IMAGES)[0], suffix) + behind
    with pytest.raises(DamagedArchiveError):
        open_source(written(tmp_path / f"x.tar{suffix}", data))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_zeros_behind_compressed_data_say_nothing(tmp_path, suffix):
    data = compressed(tar_of(IMAGES)[0], suffix) + bytes(100_000)
    assert loaded(open_source(written(tmp_path / f"x.tar{suffix}", data))) == IMAGES


# -- tars: lies -------------------------------------------------------------------------


@EVERY_COMPRESSION
@pytest.mark.parametrize(
    ("size", "found"),
    [
        (10**14, r"it ends within 'a.png'"),
        ("-1", r"a size of '-1' bytes"),
        ("1e3", r"a size of '1e3' bytes"),
        ("", r"a size of '' bytes"),
        ("٣", r"a size of '٣' bytes"),
        ("9" * 5000, r"a size of '9{20}' bytes"),
    ],
)
def test_pax_sizes_that_are_none_are_damage(tmp_path, suffix, size, found):
    data = pax([("size", size)]) + header("a.png", 5) + padded(b"12345") + END
    place = written(tmp_path / f"x.tar{suffix}", compressed(data, suffix))
    with pytest.raises(DamagedArchiveError, match=found):
        open_source(place)


def test_a_pax_size_counts_where_the_header_has_no_room_for_it(tmp_path):
    data = pax([("size", 5), ("path", "ü.png")]) + header("a.png", 0) + padded(b"12345")
    assert loaded(open_source(written(tmp_path / "x.tar", data + END))) == [("ü.png", b"12345")]


@EVERY_COMPRESSION
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_a_huge_size_is_not_read(tmp_path, suffix, kind):
    data = header("x", 2**33 - 1, kind=kind) + bytes(4096)
    place = written(tmp_path / f"x.tar{suffix}", compressed(data, suffix))
    with pytest.raises(DamagedArchiveError, match=r"header of 8.59 GB, at most 1.05 MB"):
        open_source(place)


@EVERY_COMPRESSION
def test_what_is_no_plain_file_is_skipped_with_its_reason(tmp_path, suffix):
    claim = pax([("GNU.sparse.major", 1), ("GNU.sparse.name", "b.png")])
    data = b"".join(
        [
            header("a.png", 600, kind=tarfile.GNUTYPE_SPARSE) + bytes(1024),
            claim + header("GNUSparseFile/b.png", 5) + padded(b"12345"),
            header("c.png", 0, kind=tarfile.CHRTYPE),
            header("d.png", 3) + padded(b"123") + END,
        ]
    )
    found = reasons(open_source(written(tmp_path / f"x.tar{suffix}", compressed(data, suffix))))
    sparse = "stored as a sparse file; pack it again without --sparse"
    assert found == {
        "a.png": sparse,
        "b.png": sparse,
        "c.png": "no plain file in the archive",
        "d.png": "",
    }


@pytest.mark.parametrize("suffix", COMPRESSIONS[1:])
def test_a_tar_that_grows_out_of_proportion_is_refused(tmp_path, suffix, monkeypatch):
    data = tar_of([("a.png", b"x"), ("zeros.bin", bytes(3 << 20))])[0]
    place = written(tmp_path / f"x.tar{suffix}", compressed(data, suffix))
    assert open_source(place).count() == 1
    monkeypatch.setattr(tar_stream, "PLAIN_BYTES", 1 << 20)
    monkeypatch.setattr(tar_stream, "MOST_RATIO", 20)
    with pytest.raises(DamagedArchiveError, match=r"decompresses to more than 1.05 MB, over"):
        open_source(place)


def with_dictionary(data, bits):
    """The same .xz, but it asks for a dictionary of 2^bits bytes."""
    data = bytearray(data)
    header = slice(12, 12 + 4 * data[12])  # of the first block; its checksum follows
    data[header.start + 4] = 2 * (bits - 12)
    data[header.stop : header.stop + 4] = struct.pack("<I", zlib.crc32(data[header]))
    return bytes(data)


def test_xz_cannot_ask_for_any_memory(tmp_path):
    data = lzma.compress(tar_of(IMAGES)[0], preset=6)
    assert with_dictionary(data, 23) == data  # 8 MiB
    place = written(tmp_path / "x.tar.xz", with_dictionary(data, 24))
    assert loaded(open_source(place)) == IMAGES
    written(place, with_dictionary(data, 30))
    with pytest.raises(DamagedArchiveError, match=r"[Mm]emory usage limit"):
        open_source(place)


# -- tars: what is kept in memory -------------------------------------------------------


def test_a_compressed_tar_keeps_sidecars_of_images_only(tmp_path):
    members = [("a.png", b"x"), ("a.json", b"{}"), ("other.json", b"{}"), ("a.seg.txt", b"y")]
    files = tars.open_tar(written(tmp_path / "x.tar.gz", gzip.compress(tar_of(members)[0])))
    assert {files.names[index] for index in files._texts} == {"a.json", "a.seg.txt"}
    assert files.read(2, limits.SIDECAR) == b"{}"


def test_sidecars_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "TEXT_BYTES", 100)
    members = [("a.png", b"x"), ("a.txt", b"y" * 60), ("b.png", b"x"), ("b.txt", b"y" * 60)]
    place = written(tmp_path / "x.tar.gz", gzip.compress(tar_of(members)[0]))
    with pytest.raises(SourceError, match=r"more than 100 bytes of sidecars .*Decompress it"):
        open_source(place)


def test_large_members_are_carried_once_and_no_more_than_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr(tars, "LARGE", 10)
    monkeypatch.setattr(tars, "CARRIED_BYTES", 4000)
    members = [(f"{number}.png", bytes([number]) * 1500) for number in range(6)]
    source = open_source(written(tmp_path / "x.tar.gz", gzip.compress(tar_of(members)[0])))
    items = list(source)
    carried = [item.load for item in items if isinstance(item.load, tars._Carried)]
    assert len(carried) == 2
    assert [item.load() for item in items] == [data for _, data in members]
    assert [item.load() for item in items] == [data for _, data in members]
    assert all(load._data == [] for load in carried)
    again = list(source)  # room that was given back, by loading or by nobody's interest
    assert sum(isinstance(item.load, tars._Carried) for item in again) == 2
    del again, items, carried
    assert sum(isinstance(item.load, tars._Carried) for item in source) == 6


def test_an_archive_that_changes_is_noticed(tmp_path):
    place = written(tmp_path / "x.tar.gz", gzip.compress(tar_of(IMAGES)[0]))
    source = open_source(place)
    for other in (IMAGES[:2], [("a.png", b"other"), *IMAGES[1:]]):
        written(place, gzip.compress(tar_of(other)[0]))
        with pytest.raises(DamagedArchiveError, match=r"changed while it was read"):
            list(source)


def test_a_plain_tar_that_is_cut_while_it_is_read(tmp_path):
    place = written(tmp_path / "x.tar", tar_of(IMAGES)[0])
    source = open_source(place)
    written(place, place.read_bytes()[:700])
    assert reasons(source)["a.png"] == "cut off: the archive was shortened while it was read"
    place.unlink()
    assert reasons(source)["a.png"] == "cannot be read: no such file or directory"


# -- zips -------------------------------------------------------------------------------


def zip_of(members, how=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def changed(data, magic, offset, form, number):
    """The same with one number in the first header of a kind."""
    data = bytearray(data)
    struct.pack_into(f"<{form}", data, data.index(magic) + offset, number)
    return bytes(data)


LOCAL, LISTED, LAST = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


@pytest.mark.parametrize("how", [0, 8, 12, 14])
def test_members_of_every_compression(tmp_path, how):
    members = [("a.png", bytes(2 << 20)), ("b.png", b"x"), ("c.png", b"")]
    source = open_source(written(tmp_path / "x.zip", zip_of(members, how)))
    assert loaded(source) == members
    assert remarks_of(source) == []


@pytest.mark.parametrize("number", [0, 2, 4, 65_535])
def test_an_end_that_counts_other_members_is_damage(tmp_path, number):
    place = written(tmp_path / "x.zip", changed(zip_of(IMAGES), LAST, 10, "H", number))
    with pytest.raises(
        DamagedArchiveError, match=rf"counts {number} members, its directory lists 3"
    ):
        open_source(place)


def test_a_second_zip_is_refused(tmp_path):
    data = zip_of(IMAGES)
    cut = data[: data.index(LISTED)]
    for place in (data + zip_of([("d.png", b"x")]), data + cut, cut + data):
        with pytest.raises(DamagedArchiveError, match=r"holds a second zip, or members"):
            open_source(written(tmp_path / "x.zip", place))


@pytest.mark.parametrize(
    ("before", "behind"), [(b"#!sh\n", b""), (b"", b"tail\n"), (b"12", b"345")]
)
def test_bytes_around_a_zip_are_told(tmp_path, before, behind):
    source = open_source(written(tmp_path / "x.zip", before + zip_of(IMAGES) + behind))
    assert loaded(source) == IMAGES
    assert remarks_of(source) == ["Not read: 5 bytes that the directory of the zip does not list."]


def test_zeros_around_a_zip_say_nothing(tmp_path):
    source = open_source(written(tmp_path / "x.zip", bytes(99) + zip_of(IMAGES) + bytes(99)))
    assert (loaded(source), remarks_of(source)) == (IMAGES, [])


def test_a_member_that_the_directory_leaves_out_is_told(tmp_path):
    data = zip_of(IMAGES)
    listed, end = data.index(LISTED), data.index(LAST)
    entries = [LISTED + entry for entry in data[listed:end].split(LISTED)[1:]]
    directory = entries[0] + entries[2]
    last = struct.pack("<4s4H2IH", LAST, 0, 0, 2, 2, len(directory), listed, 0)
    source = open_source(written(tmp_path / "x.zip", data[:listed] + directory + last))
    assert loaded(source) == [IMAGES[0], IMAGES[2]]
    (remark,) = remarks_of(source)
    assert remark.endswith("the directory of the zip does not list. They seem to hold members.")


class _Pipe(io.BytesIO):
    """Cannot seek, so that sizes have to follow the members."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    tell = seek


@pytest.mark.parametrize("large", [False, True])
def test_sizes_that_follow_members_are_part_of_them(tmp_path, large):
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, data in IMAGES:
            with archive.open(name, "w", force_zip64=large) as member:
                member.write(data)
    source = open_source(written(tmp_path / "x.zip", pipe.getvalue()))
    assert (loaded(source), remarks_of(source)) == (IMAGES, [])


def test_members_that_overlap_are_skipped(tmp_path):
    data = zip_of(IMAGES, zipfile.ZIP_STORED)
    longer = data.index(LOCAL, 1) - 35 + 10  # ten bytes into the next member
    for magic, offset in ((LOCAL, 18), (LOCAL, 22), (LISTED, 20), (LISTED, 24)):
        data = changed(data, magic, offset, "I", longer)
    found = reasons(open_source(written(tmp_path / "x.zip", data)))
    overlap = "damaged in the archive: its bytes overlap those of another member"
    assert found == {"a.png": overlap, "k/b.png": overlap, "c.png": ""}


@pytest.mark.parametrize(
    ("offset", "form", "number", "found"),
    [
        (10, "H", 9, r"compression method 9 is not known; pack it again with deflate"),
        (8, "H", 1, r"encrypted in the archive"),
        (20, "I", 7, r"disagree about its size"),
        (24, "I", 7, r"disagree about its size"),
        (46, "B", 90, r"has another name than the directory"),
    ],
)
def test_a_wrong_entry_of_the_directory_costs_its_member_alone(
    tmp_path, offset, form, number, found
):
    place = written(tmp_path / "x.zip", changed(zip_of(IMAGES), LISTED, offset, form, number))
    first, *others = reasons(open_source(place)).values()
    assert found in first
    assert others == ["", ""]


def test_a_wrong_place_of_a_member_is_told(tmp_path):
    data = zip_of(IMAGES)
    second = data.index(LISTED) + 1
    data = data[:second] + changed(data[second:], LISTED, 42, "I", 9)
    source = open_source(written(tmp_path / "x.zip", data))
    assert "no header where the directory says" in reasons(source)["k/b.png"]
    assert [remark[-26:] for remark in remarks_of(source)] == ["They seem to hold members."]


def test_a_damaged_member_that_is_no_image_any_more_is_told(tmp_path):
    place = written(tmp_path / "x.zip", changed(zip_of(IMAGES), LISTED, 50, "B", ord("f")))
    source = open_source(place)
    assert len(loaded(source)) == 2
    remark, others = remarks_of(source)
    assert remark.startswith("Not read: 1 member that is no image by name, such as 'a.pnf'")
    assert others == "1 other file was not read: 1 .pnf."


def test_a_size_that_lies_does_not_grow(tmp_path):
    data = zip_of([("a.png", bytes(5 << 20))])
    for magic, offset in ((LOCAL, 22), (LISTED, 24)):
        data = changed(data, magic, offset, "I", 1000)
    found = reasons(open_source(written(tmp_path / "x.zip", data)))
    assert "Bad CRC-32" in found["a.png"]


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_metadata_files_that_repeat_a_name_are_told(tmp_path, suffix):
    members = [("a.png", b"x"), ("a.txt", b"first"), ("a.png", b"y"), ("a.txt", b"second")]
    data = zip_of(members) if suffix == "zip" else compressed(tar_of(members)[0], suffix[3:])
    source = open_source(written(tmp_path / f"x.{suffix}", data))
    assert [dict(item.metadata) for item in source] == [{"prompt": "first"}] * 2
    assert remarks_of(source) == [
        "1 metadata file repeats a name, such as 'a.txt': the first file of a name describes "
        "all images of that name."
    ]


# -- limits -----------------------------------------------------------------------------


def pack(tmp_path, kind, members):
    if kind == "folder":
        return as_folder(tmp_path / "x", members)
    data = zip_of(members) if kind == "zip" else compressed(tar_of(members)[0], kind[3:])
    return written(tmp_path / f"x.{kind}", data)


EVERY_KIND = pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])


@EVERY_KIND
def test_items_know_their_size(tmp_path, kind):
    source = open_source(pack(tmp_path, kind, IMAGES))
    assert {item.id: item.size for item in source} == {n: len(data) for n, data in IMAGES}


@EVERY_KIND
def test_an_image_is_used_without_a_large_sidecar(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(files_module, "SIDECAR", Limit(10, "a sidecar"))
    members = [("a.png", b"x" * 99), ("a.txt", b"y" * 11), ("b.png", b"x"), ("b.txt", b"y" * 10)]
    source = open_source(pack(tmp_path, kind, members))
    assert {item.id: dict(item.metadata) for item in source} == {
        "a.png": {},
        "b.png": {"prompt": "y" * 10},
    }
    (remark,) = remarks_of(source)
    assert "'a.txt' (11 bytes, more than the 10 bytes that are read of a sidecar)" in remark


@EVERY_KIND
@pytest.mark.parametrize(
    ("table", "found"),
    [
        (b"file_name,t\n" + b"a.png,x\n" * 20, r"172 bytes, more than the 100 bytes"),
        (b"file_name\n" + b",\n" * 9, r"10 lines, more than the 9"),
        (b"file_name,,,\na.png\n", r"3 columns, more than the 2"),
        (b"file_name\n,,,;;;\t", r"7 separators, more than the 6"),
    ],
)
def test_a_large_table_is_refused(tmp_path, kind, table, found, monkeypatch):
    monkeypatch.setattr(files_module, "TABLE", Limit(100, "a metadata table"))
    for name, most in (("MOST_LINES", 9), ("MOST_COLUMNS", 2), ("MOST_MARKS", 6)):
        monkeypatch.setattr(limits, name, most)
    place = pack(tmp_path, kind, [("a.png", b"x"), ("metadata.csv", table)])
    with pytest.raises(DamagedArchiveError, match=rf"metadata.csv' cannot be read: {found}"):
        open_source(place)


def test_what_grows_is_not_read_to_its_end():
    pieces = iter([b"123", b"456", b"789"])
    with pytest.raises(ImageError, match=r"^6 bytes, more than the 5 bytes"):
        read_whole(lambda _: next(pieces), Limit(5, "an image file"))
    assert next(pieces) == b"789"


def test_a_first_line_of_json_has_no_columns():
    check_table(b'{"a": [' + b"0," * 20_000 + b"0]}\n")


def test_the_largest_legal_image_passes():
    limits.IMAGE.check(128_000_000 * 8 + (1 << 20))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (10**13, "10,000 GB")],
)
def test_amounts(size, text):
    assert amount(size) == text


# -- a sample of what test_archives_slow.py reads ---------------------------------------


@pytest.mark.parametrize("seed", range(56))
def test_hostile_archives_lose_nothing_in_silence(tmp_path, seed):
    assert outcome(hostile(seed), tmp_path)


def test_the_sample_has_every_outcome(tmp_path):
    found = {outcome(hostile(seed), tmp_path) for seed in range(112)}
    assert found == {"refused", "skipped", "remarked", "whole", "whole, with a remark"}
