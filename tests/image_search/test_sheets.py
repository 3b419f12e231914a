"""Contact sheets among the samples: split before the search, and nothing else touched."""

import io
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

import rara
from make import as_folder, as_zip, encoded
from rara.errors import ImageError
from rara.image_search.sheets import SplitSource, split_sheets
from rara.provenance.parts import SplitSheet
from rara.provenance.provenance import SearchProvenance
from rara.sources import open_source
from scenes import scene

RUN = rara.Run(threads=1)
GUTTER = 8


def sheet(parts, columns=3, ground=(255, 255, 255)):
    """Pictures of one size in a grid, with gutters and a margin."""
    width, height = parts[0].size
    rows = -(-len(parts) // columns)
    size = (columns * (width + GUTTER) + GUTTER, rows * (height + GUTTER) + GUTTER)
    whole = Image.new("RGB", size, ground)
    for place, part in enumerate(parts):
        row, column = divmod(place, columns)
        whole.paste(part, (GUTTER + column * (width + GUTTER), GUTTER + row * (height + GUTTER)))
    return whole


def parts(count=9, first=40):
    return [Image.fromarray(scene(first + i, 160, 120)) for i in range(count)]


@pytest.fixture(scope="module")
def nine():
    return sheet(parts())


def split(images, **options):
    return split_sheets(images, rara.Run(threads=1, **options))


def names(source):
    return [item.id for item in source]


def numbered(name, count=9):
    return [f"{name}#{i}" for i in range(1, count + 1)]


# -- what is split -----------------------------------------------------------------------


def test_each_panel_is_an_item_with_the_pixels_of_the_panel(nine):
    source = split({"a.png": encoded(nine)})
    assert names(source) == numbered("a.png")
    assert source.count() == 9
    for item, part in zip(source, parts(), strict=True):
        assert np.array_equal(np.asarray(item.load()), np.asarray(part))
    assert source.remarks == ["a.png was split into 9 panels."]


def test_what_is_no_sheet_stays_as_it_is(nine, tmp_path):
    photo = encoded(scene(7, 300, 200), "JPEG")
    place = as_folder(tmp_path / "samples", {"a.jpg": photo, "b.png": encoded(nine)})
    source = split(str(place))
    assert names(source) == ["a.jpg", *numbered("b.png")]
    assert next(iter(source)).load() == photo
    assert not isinstance(split({"a.jpg": photo}), SplitSource)


def test_members_of_an_archive_are_split(nine, tmp_path):
    place = as_zip(tmp_path / "samples", {"b/sheet.png": encoded(nine)})
    assert names(split(str(place))) == numbered(names(open_source(place))[0])


def test_no_panel_takes_the_id_of_another_image(nine):
    given = {"a": encoded(nine), "a#2": encoded(scene(7, 300, 200)), "a#3~2": encoded(scene(8))}
    found = names(split(given))
    assert found == [
        *("a#1", "a#2~2"), *numbered("a")[2:], *("a#2", "a#3~2"),
    ]  # fmt: skip
    assert len(set(found)) == len(found)


def test_single_panels_are_read_again_by_id(nine):
    source = split({"a": encoded(nine), "b": encoded(scene(7, 300, 200))})
    chosen = {item.id: item.load() for item in source.select(["a#9", "b", "nowhere"])}
    assert set(chosen) == {"a#9", "b"}
    assert np.array_equal(np.asarray(chosen["a#9"]), np.asarray(parts()[8]))


def test_a_sheet_is_read_once_for_all_of_its_panels(nine):
    source, times = split({"a": encoded(nine)}), []
    watched = replace(source, source=_Watched(source.source, times))
    assert len([item.load() for item in watched]) == 9
    assert times == ["a"]


def test_only_the_last_sheets_are_kept(nine, monkeypatch):
    monkeypatch.setattr("rara.image_search.sheets.KEPT", 2 * 3 * nine.width * nine.height)
    given = {name: encoded(sheet(parts(first=50 + 9 * i))) for i, name in enumerate("abc")}
    source, times = split(given), []
    watched = replace(source, source=_Watched(source.source, times))
    every = list(watched)
    for item in (every[0], every[9], every[1], every[18], every[2], every[10]):
        item.load()
    assert times == ["a", "b", "c", "b"]


class _Watched:
    """A source that notes each load."""

    def __init__(self, source, times):
        self._source, self._times = source, times

    def __iter__(self):
        return (replace(item, load=partial(self._noted, item)) for item in self._source)

    def _noted(self, item):
        self._times.append(item.id)
        return item.load()


def test_a_sheet_that_changed_meanwhile_is_an_unreadable_image(nine, tmp_path):
    place = as_folder(tmp_path / "samples", {"a.png": encoded(nine)})
    source = split(str(place))
    (place / "a.png").write_bytes(encoded(sheet(parts(first=60))))
    with pytest.raises(ImageError, match="changed"):
        next(iter(source)).load()


# -- sheets of every format --------------------------------------------------------------


def animated(image):
    frames = io.BytesIO()
    others = [image.transpose(Image.Transpose.ROTATE_180)]
    image.save(frames, "WEBP", save_all=True, append_images=others, duration=90, lossless=True)
    return frames.getvalue()


def turned(image):
    """Stored on its side, with the orientation that puts it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


def deep(image):
    grey = np.asarray(image.convert("L"), np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def transparent(image):
    """Gutters that are not there at all."""
    alpha = np.full(image.size[::-1], 255, np.uint8)
    alpha[np.all(np.asarray(image) == 255, axis=2)] = 0
    layers = np.dstack([np.asarray(image), alpha])
    return encoded(Image.fromarray(layers, "RGBA"))


MADE = {
    "animated": animated,
    "turned": turned,
    "16 bit": deep,
    "transparent": transparent,
    "CMYK": lambda image: encoded(image.convert("CMYK"), "JPEG", quality=95),
    "grey": lambda image: encoded(image.convert("L")),
    "palette": lambda image: encoded(image.quantize(255)),
    "PIL": lambda image: image,
    "array": np.asarray,
}


@pytest.mark.parametrize("kind", MADE)
def test_sheets_of_every_kind_are_split(nine, kind):
    source = split({"a": MADE[kind](nine)})
    assert names(source) == numbered("a")
    boxes = np.array(source.sheets["a"].boxes)
    assert np.abs(boxes[4] - [176, 136, 336, 256]).max() <= 1


ODD = {
    "8 x 8": np.zeros((8, 8, 3), np.uint8),
    "flat": np.full((400, 400, 3), 90, np.uint8),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "one line": np.zeros((1, 5000), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8),
    "no image": b"hello",
    "nothing": b"",
    "cut off": encoded(scene(7, 300, 200))[:900],
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_left_to_the_search(kind):
    source = split({"a": ODD[kind]})
    assert not isinstance(source, SplitSource)
    assert names(source) == ["a"]


def test_sheets_above_the_limits_are_left_whole(nine):
    assert names(split({"a": encoded(nine)}, max_pixels=10_000)) == ["a"]
    assert names(split({"a": encoded(nine)}, memory=1)) == numbered("a")  # alone, as elsewhere


# -- in a search -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheets")
    files = {f"{i:02}.png": encoded(scene(i, 200, 150)) for i in range(11)}
    as_folder(folder / "train", files)
    some = parts(4)
    whole = Image.fromarray(scene(3, 200, 150))
    some[1] = whole.crop((20, 15, 180, 135)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    four = sheet(some, columns=2)
    as_folder(
        folder / "samples", {"four.png": encoded(four), "new.png": encoded(scene(90, 160, 120))}
    )
    return folder


@pytest.fixture(scope="module")
def matches(place):
    return rara.search(place / "samples", place / "train", top=2, run=RUN)


def test_panels_are_samples_of_their_own(matches):
    assert [query.id for query in matches] == [*numbered("four.png", 4), "new.png"]
    assert all(query.readable for query in matches)
    assert matches["four.png#2"].source.source == "03.png"
    assert "mirrored" in matches["four.png#2"].source.edit
    others = [query.id for query in matches if query.source is None]
    assert others == ["four.png#1", "four.png#3", "four.png#4", "new.png"]


def test_what_was_split_is_stated(matches, tmp_path):
    (found,) = matches.provenance.sheets
    assert found == SplitSheet(
        id="four.png", width=344, height=264, rows=2, columns=2,
        panels=tuple(numbered("four.png", 4)),
        boxes=((8, 8, 168, 128), (176, 8, 336, 128), (8, 136, 168, 256), (176, 136, 336, 256)),
    )  # fmt: skip
    assert SearchProvenance.from_json(matches.provenance.to_json()) == matches.provenance
    assert matches.provenance.samples.remarks == ("four.png was split into 4 panels.",)
    assert matches.to_dict()["sheets"][0]["panels"] == numbered("four.png", 4)


def test_a_sheet_that_changed_is_not_shown(nine, tmp_path):
    place = as_folder(tmp_path / "samples", {"a.png": encoded(nine)})
    source = split(str(place))
    assert set(source.whole(["a.png", "a.png#1"])) == {"a.png"}
    (place / "a.png").write_bytes(encoded(sheet(parts(first=60))))
    assert source.whole(["a.png"]) == {}


def test_the_page_outlines_the_panels(matches, tmp_path):
    matches.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "A contact sheet, split into 4 panels." in page
    assert page.count('<rect class="region line"') == 4
    assert [f">{i}</text>" in page for i in (1, 4, 5)] == [True, True, False]
    assert page.index("A contact sheet") < page.index("four.png#1")


def test_a_sheet_may_be_searched_for_as_one_picture(place):
    matches = rara.search(place / "samples" / "four.png", place / "train", split=False, run=RUN)
    assert [query.id for query in matches] == ["four.png"]
    assert matches.provenance.sheets == ()
