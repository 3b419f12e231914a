"""Folders, zips and tars: what is listed, how it is called, what is known of it."""

import io
import os
import struct
import subprocess
import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from make import as_folder, as_tar, as_tgz, as_zip, ids, known, png
from rara.errors import DamagedArchiveError, ImageError
from rara.images.decode import decode
from rara.sources import files as files_module
from rara.sources import open_source
from rara.sources.limits import Limit
from rara.sources.names import is_hidden, member_name, natural_order, unique


def as_zst(path, members):
    plain = as_tar(path, members).read_bytes()
    with pa.CompressedOutputStream(str(path) + ".tar.zst", "zstd") as stream:
        stream.write(plain)
    return path.with_name(path.name + ".tar.zst")


ARCHIVES = [as_zip, as_tar, as_tgz, as_zst]
EVERYWHERE = pytest.mark.parametrize("pack", [as_folder, *ARCHIVES])


# -- names ------------------------------------------------------------------------------


def test_natural_order_does_not_depend_on_the_order_before():
    names = ["a/1.png", "a/01.png", "a/2.png", "a/10.png", "b/1.png"]
    assert natural_order(reversed(names)) == natural_order(names)
    assert natural_order(names)[2:] == names[2:]


@given(st.text())
def test_member_names_cannot_lead_anywhere(stored):
    name = member_name(stored)
    assert not name.startswith("/")
    assert ".." not in name.split("/")
    assert "\\" not in name
    assert name.isprintable() or all(ord(c) > 0x9F for c in name if not c.isprintable())
    name.encode()


@given(st.lists(st.sampled_from(["a", "a~2", "a~3", "b"])))
def test_unique_names_are_unique_and_depend_only_on_what_came_before(names):
    made = list(unique(names))
    assert len(set(made)) == len(names)
    assert made[:-1] == list(unique(names[:-1]))
    assert all(
        new == old or new.startswith(f"{old}~") for new, old in zip(made, names, strict=True)
    )


@pytest.mark.parametrize("name", [".x.png", "a/.git/x.png", "__MACOSX/._x.png", "__MACOSX/x.png"])
def test_hidden_names(name):
    assert is_hidden(name)


# -- listing ----------------------------------------------------------------------------


@EVERYWHERE
def test_only_visible_images_are_listed(tmp_path, pack):
    names = ["a.png", "b/B.JPEG", "b/note.md", ".hidden.png", ".dir/x.png", "__MACOSX/._a.png"]
    place = pack(tmp_path / "x", [(name, png()) for name in names])
    assert ids(open_source(place)) == ["a.png", "b/B.JPEG"]


def test_folders_are_read_in_natural_order(tmp_path):
    names = ["img10.png", "img9.png", "b/2.png", "b/1.png", "img1.png"]
    source = open_source(as_folder(tmp_path, [(name, png()) for name in names]))
    assert ids(source) == ["b/1.png", "b/2.png", "img1.png", "img9.png", "img10.png"]


@pytest.mark.parametrize("pack", ARCHIVES)
def test_archives_are_read_in_their_own_order(tmp_path, pack):
    members = [("b.png", png(1)), ("a.png", png(2)), ("c/a.png", png(3))]
    source = open_source(pack(tmp_path / "x", members))
    assert [(item.id, item.load()) for item in source] == members


@pytest.mark.parametrize("pack", ARCHIVES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_get_numbers(tmp_path, pack):
    members = [("a.png", png(1)), ("a.png", png(2)), ("./a.png", png(3))]
    source = open_source(pack(tmp_path / "x", members))
    expected = [("a.png", png(1)), ("a.png~2", png(2)), ("a.png~3", png(3))]
    assert [(item.id, item.load()) for item in source] == expected
    assert [(item.id, item.load()) for item in source.select(["a.png~2"])] == expected[1:2]


@pytest.mark.parametrize("pack", ARCHIVES)
def test_names_that_lead_out_are_read_under_safe_ids(tmp_path, pack):
    members = [
        ("/etc/passwd.png", png(1)),
        ("../../up.png", png(2)),
        ("C:\\Windows\\x.png", png(3)),
        ("line\nbreak\x1b[2J.png", png(4)),
    ]
    before = set(tmp_path.parent.rglob("*"))
    place = pack(tmp_path / "x", members)
    source = open_source(place)
    assert [item.load() for item in source] == [png(number) for number in (1, 2, 3, 4)]
    assert ids(source) == [
        *("etc/passwd.png", "up.png", "Windows/x.png"),
        "line\ufffdbreak\ufffd[2J.png",
    ]
    assert all(path.name.startswith("x.") for path in set(tmp_path.parent.rglob("*")) - before)


def test_file_names_that_are_not_utf8(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(png(1))
    (tmp_path / os.fsdecode(b"caf\xe8.png")).write_bytes(png(2))
    source = open_source(tmp_path)
    assert ids(source) == ["caf\ufffd.png", "caf\ufffd.png~2"]
    assert {item.load() for item in source} == {png(1), png(2)}


def test_links_are_followed_but_never_in_circles(tmp_path):
    as_folder(tmp_path / "data", [("real/a.png", png(1))])
    as_folder(tmp_path / "outside", [("b.png", png(2))])
    (tmp_path / "data" / "real" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data" / "real")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "data" / "c.png").symlink_to(tmp_path / "outside" / "b.png")
    assert ids(open_source(tmp_path / "data")) == ["c.png", "linked/b.png", "real/a.png"]


def test_files_that_cannot_be_read_are_items_that_fail(tmp_path):
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    reasons = {}
    for item in open_source(tmp_path):
        with pytest.raises(ImageError) as caught:
            item.load()
        reasons[item.id] = str(caught.value)
    assert reasons == {
        "broken.png": "cannot be read: no such file or directory",
        "loop.png": "cannot be read: too many levels of symbolic links",
        "pipe.png": "neither a file nor a link to one",
    }


def test_a_forbidden_file_is_an_item_that_fails(tmp_path, monkeypatch):
    as_folder(tmp_path, [("a.png", png()), ("b.png", png())])
    opened = type(tmp_path).open

    def forbid(path, *args, **options):
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    monkeypatch.setattr(type(tmp_path), "open", forbid)
    first, second = open_source(tmp_path)
    with pytest.raises(ImageError, match=r"^cannot be read: permission denied$"):
        first.load()
    assert second.load() == png()


def test_mislabelled_files_decode_by_content(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "JPEG")
    as_folder(tmp_path, [("jpeg.png", buffer.getvalue()), ("text.png", b"hello"), ("z.png", b"")])
    good, text, empty = open_source(tmp_path)
    assert decode(good.load()).size == (9, 9)
    with pytest.raises(ImageError, match=r"not an image: starts with b'hello'"):
        decode(text.load())
    with pytest.raises(ImageError, match=r"empty file"):
        decode(empty.load())


@EVERYWHERE
def test_absurdly_large_files_are_not_read(tmp_path, pack, monkeypatch):
    source = open_source(pack(tmp_path / "x", [("a.png", png()), ("b.png", bytes(5000))]))
    monkeypatch.setattr(files_module, "IMAGE", Limit(4999, "an image file"))
    small, large = source
    assert small.load() == png()
    with pytest.raises(
        ImageError, match=r"^5 kB, more than the 5 kB that are read of an image file"
    ):
        large.load()


# -- metadata ---------------------------------------------------------------------------


@EVERYWHERE
def test_labels_come_from_the_first_folder(tmp_path, pack):
    names = ["cat/1.png", "dog/deep/2.png", "3.png"]
    assert known(open_source(pack(tmp_path / "x", [(name, png()) for name in names]))) == {
        "cat/1.png": {"label": "cat"},
        "dog/deep/2.png": {"label": "dog"},
        "3.png": {},
    }


@pytest.mark.parametrize("pack", ARCHIVES)
def test_the_folder_that_an_archive_is_named_after_is_no_label(tmp_path, pack):
    names = ["train/cat/1.png", "train/dog/2.png", "train/3.png"]
    found = known(open_source(pack(tmp_path / "train", [(name, png()) for name in names])))
    assert list(found.values()) == [{"label": "cat"}, {"label": "dog"}, {}]


@EVERYWHERE
def test_metadata_csv(tmp_path, pack):
    table = (
        "\ufefffile_name,text,seed,cfg,code,empty\r\n"
        'a.png,"a cat, sitting\r\non a mat",7,1.5,007,\r\n'
        "b/c.png,a dog,8,2,010,\r\n"
    )
    members = [("a.png", png()), ("b/c.png", png()), ("d.png", png())]
    assert known(
        open_source(pack(tmp_path / "x", [*members, ("metadata.csv", table.encode())]))
    ) == {
        "a.png": {"prompt": "a cat, sitting\r\non a mat", "seed": 7, "cfg": 1.5, "code": "007"},
        "b/c.png": {"label": "b", "prompt": "a dog", "seed": 8, "cfg": 2.0, "code": "010"},
        "d.png": {},
    }


@EVERYWHERE
def test_metadata_jsonl_of_inner_folders_wins(tmp_path, pack):
    outer = (
        '{"file_name": "cat/a.png", "label": 3, "by": {"who": "x", "when": null}}\n'
        '\n{"file_name": "./b.png", "tags": ["u", "v"], "score": NaN}\n'
    )
    inner = '{"file_name": "a.png", "label": "tiger"}'
    members = [
        ("cat/a.png", png()),
        ("b.png", png()),
        ("cat/metadata.jsonl", inner.encode()),
        ("metadata.jsonl", outer.encode()),
    ]
    found = known(open_source(pack(tmp_path / "x", members)))
    assert found["cat/a.png"] == {"label": "tiger", "by.who": "x"}
    assert found["b.png"] == {"tags": '["u", "v"]'}


@EVERYWHERE
def test_sidecars(tmp_path, pack):
    members = [
        ("cat/1.txt", b" a cat \n"),
        ("cat/1.png", png(1)),
        ("cat/1.json", b'{"caption": "replaced", "seed": 5, "nested": {"x": true}}'),
        ("2.png", png(2)),
        ("2.cls", b"17"),
        ("3.png", png(3)),
        ("3x.txt", b"of another"),
    ]
    found = known(open_source(pack(tmp_path / "x", members)))
    assert found == {
        "cat/1.png": {"label": "cat", "prompt": "a cat", "seed": 5, "nested.x": True},
        "2.png": {"label": "17"},
        "3.png": {},
    }


@EVERYWHERE
def test_an_image_with_a_broken_sidecar_is_used_without_it(tmp_path, pack):
    members = [("k/a.png", png()), ("k/a.json", b'{"seed": '), ("k/b.png", png(1))]
    source = open_source(pack(tmp_path / "x", members))
    assert {item.id: item.load() for item in source} == {"k/a.png": png(), "k/b.png": png(1)}
    assert known(source)["k/a.png"] == {"label": "k"}
    (remark,) = source.remarks
    assert remark.startswith("1 sidecar could not be read")
    assert "'k/a.json' (not JSON: " in remark


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("csv", b"file_name,text\na.png,x\nb.png\n", "line 3: 1 fields where the header names 2"),
        ("csv", b'file_name,text\na.png,"x\n', "line 2: unexpected end of data"),
        ("jsonl", b'{"file_name": "a.png"}\n{oops}\n', "line 2: not JSON"),
        ("jsonl", b'\n["a.png"]\n', "line 2: .* is no object"),
        ("jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("parquet", b"PAR1 nonsense", "cannot be read"),
    ],
)
def test_broken_tables_are_named_with_the_line_and_the_way_past(tmp_path, name, content, reason):
    as_folder(tmp_path, [("a.png", png()), (f"metadata.{name}", content)])
    with pytest.raises(DamagedArchiveError, match=rf"metadata\.{name}'.*{reason}.*--no-metadata"):
        open_source(tmp_path)
    assert known(open_source(tmp_path, metadata="ignore")) == {"a.png": {}}


def test_an_empty_table_says_nothing(tmp_path):
    as_folder(tmp_path, [("a.png", png()), ("metadata.csv", b""), ("metadata.jsonl", b"\n")])
    assert known(open_source(tmp_path)) == {"a.png": {}}


# -- zips -------------------------------------------------------------------------------


def test_a_zip_without_its_table_of_contents(tmp_path):
    place = as_zip(tmp_path / "x", [("a.png", png())])
    place.write_bytes(place.read_bytes()[:-30])
    with pytest.raises(DamagedArchiveError, match=r"x.zip' is damaged"):
        open_source(place)


def set_flags(place, bit):
    """Set a bit in the flags of all members, in both of a zip's headers."""
    data = bytearray(place.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(magic, at + 1)) >= 0:
            data[at + offset] |= bit
    place.write_bytes(data)


def test_encrypted_members_fail_one_by_one(tmp_path):
    place = as_zip(tmp_path / "x", [("a.png", png()), ("b.png", png())])
    set_flags(place, 1)
    source = open_source(place)
    assert source.count() == 2
    for item in source:
        with pytest.raises(ImageError, match=r"^encrypted in the archive"):
            item.load()


def test_a_damaged_member_fails_alone(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(1))
        archive.writestr("b.png", png(2))
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 6] ^= 0xFF
    path.write_bytes(data)
    damaged, whole = open_source(path)
    with pytest.raises(ImageError, match=r"damaged in the archive: Bad CRC-32"):
        damaged.load()
    assert whole.load() == png(2)


def test_an_unknown_compression_fails_one_by_one(tmp_path):
    place = as_zip(tmp_path / "x", [("a.png", png())])
    data = bytearray(place.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x03\x04") + 8, 97)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 97)
    place.write_bytes(data)
    (item,) = open_source(place)
    with pytest.raises(ImageError, match=r"compression"):
        item.load()


def test_a_zip_bomb_is_not_inflated(tmp_path):
    place = as_zip(tmp_path / "x", [("a.png", bytes(1000))])
    data = bytearray(place.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 3 * 10**9)
    struct.pack_into("<I", data, data.index(b"PK\x03\x04") + 22, 3 * 10**9)
    place.write_bytes(data)
    (item,) = open_source(place)
    with pytest.raises(
        ImageError, match=r"3 GB, more than the 1.09 GB that are read of an image file"
    ):
        item.load()


def test_zip_and_tar_items_load_on_many_threads(tmp_path):
    members = [(f"{number}.png", png(number)) for number in range(200)]
    for pack in (as_zip, as_tar):
        items = list(open_source(pack(tmp_path / "x", members)))
        start = threading.Barrier(8)

        def load(part, items=items, start=start):
            start.wait(10)
            return [(item.id, item.load()) for item in items[part::8]]

        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(load, range(8)))
        assert sorted(item for part in parts for item in part) == sorted(members)


def test_an_archive_inside_an_archive_is_left_alone(tmp_path):
    inner = as_zip(tmp_path / "inner", [("b.png", png())]).read_bytes()
    members = [("a.png", png()), ("inner.zip", inner)]
    assert ids(open_source(as_tar(tmp_path / "x", members))) == ["a.png"]


# -- tars -------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [as_tar, as_tgz, as_zst])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_tar_is_refused_when_it_is_opened(tmp_path, pack, share):
    place = pack(tmp_path / "x", [(f"{number}.png", os.urandom(900)) for number in range(20)])
    whole = place.read_bytes()
    end = len(whole.rstrip(b"\0")) if pack is as_tar else len(whole)
    place.write_bytes(whole[: int(end * share)])
    with pytest.raises(DamagedArchiveError, match=rf"{place.name}' is damaged"):
        open_source(place)


def test_a_tar_cut_between_members_is_refused(tmp_path):
    place = as_tar(tmp_path / "x", [("a.png", png()), ("b.png", png())])
    place.write_bytes(place.read_bytes()[:1024])  # a header and one block of data
    with pytest.raises(DamagedArchiveError, match=r"after 1 members, at byte 1024"):
        open_source(place)


def test_a_tar_with_a_damaged_header_is_refused(tmp_path):
    place = as_tar(tmp_path / "x", [("a.png", png()), ("b.png", png())])
    data = bytearray(place.read_bytes())
    data[1024 + 3] ^= 0xFF
    place.write_bytes(data)
    with pytest.raises(DamagedArchiveError, match=r"after 1 members, at byte 1024: no tar header"):
        open_source(place)


def test_a_tgz_with_a_wrong_checksum_is_refused(tmp_path):
    place = as_tgz(tmp_path / "x", [("a.png", png())])
    data = bytearray(place.read_bytes())
    data[-6] ^= 0xFF
    place.write_bytes(data)
    with pytest.raises(DamagedArchiveError, match=r"CRC"):
        open_source(place)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_links_in_a_tar_are_not_lost(tmp_path, mode):
    place = tmp_path / ("x.tar" if mode == "w" else "x.tar.gz")
    with tarfile.open(place, mode) as tar:
        real = tarfile.TarInfo("a.png")
        real.size = len(png())
        tar.addfile(real, io.BytesIO(png()))
        for name, kind in (("b.png", tarfile.SYMTYPE), ("c.png", tarfile.LNKTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "a.png"
            tar.addfile(link)
    first, *links = open_source(place)
    assert first.load() == png()
    assert [item.id for item in links] == ["b.png", "c.png"]
    for item in links:
        with pytest.raises(ImageError, match=r"a link inside the archive"):
            item.load()


def test_tars_of_other_programs(tmp_path):
    as_folder(tmp_path / "in", [("cat/" + "long" * 40 + "ü.png", png(1)), ("2.png", png(2))])
    for options in (["-cf"], ["--format=pax", "-cf"], ["-czf"], ["-cJf"]):
        suffix = {"-czf": ".tgz", "-cJf": ".tar.xz"}.get(options[-1], ".tar")
        place = tmp_path / f"x{suffix}"
        subprocess.run(["tar", *options, place, "-C", tmp_path / "in", "."], check=True)
        found = {item.id: item.load() for item in open_source(place)}
        assert found == {"cat/" + "long" * 40 + "ü.png": png(1), "2.png": png(2)}


def test_an_item_of_a_compressed_tar_outlives_the_iteration(tmp_path):
    source = open_source(as_tgz(tmp_path / "x", [(f"{n}.png", png(n)) for n in range(5)]))
    items = list(source)
    assert [item.load() for item in reversed(items)] == [png(n) for n in reversed(range(5))]
