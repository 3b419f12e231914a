"""Contact sheets drawn of scenes are split at their panels, and nothing else is split."""

import io
import time
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rara.errors import ImageError
from rara.images.contact_sheet import Box, Sheet, panels
from rara.images.grids import Run
from rara.images.seams import lines
from rara.images.sheet_evidence import Grid, evidence
from rara.images.sheet_neighbours import separateness, unlikeness
from scenes import resized, scene

WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (210, 210, 210)


FIRST = 200
"""The seed of the first scene of a sheet."""


part = cache(scene)


def compressed(pixels, quality):
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded).convert("RGB"))


def sheet(
    rows,
    columns,
    width=120,
    height=120,
    gutter=0,
    colour=WHITE,
    margins=(0, 0, 0, 0),
    empty=0,
    first=FIRST,
):
    """Scenes in a grid, and the boxes that they fill; margins left, top, right and bottom."""
    left, top, right, bottom = margins
    across = left + columns * width + (columns - 1) * gutter + right
    down = top + rows * height + (rows - 1) * gutter + bottom
    whole = np.full((down, across, 3), colour, np.uint8)
    boxes = []
    for place in range(rows * columns - empty):
        row, column = divmod(place, columns)
        x, y = left + column * (width + gutter), top + row * (height + gutter)
        whole[y : y + height, x : x + width] = part(first + place, width, height)
        boxes.append((x, y, x + width, y + height))
    return whole, boxes


def assert_split(pixels, boxes, within=0):
    found = panels(pixels)
    assert found is not None
    assert len(found.boxes) == len(boxes)
    assert np.abs(np.array(found.boxes) - boxes).max() <= within
    return found


# -- sheets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "grid", [(2, 2), (3, 3), (4, 4), (6, 6), (2, 3), (3, 2), (1, 3), (3, 1), (4, 2)]
)
@pytest.mark.parametrize("gutter", [0, 2, 10])
def test_grids_are_split_to_the_pixel(grid, gutter):
    pixels, boxes = sheet(*grid, gutter=gutter)
    found = assert_split(pixels, boxes)
    assert (found.rows, found.columns) == grid


@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, (40, 60, 120)])
def test_gutters_have_any_colour(colour):
    assert_split(*sheet(3, 3, gutter=6, colour=colour, margins=(6, 6, 6, 6)))


@pytest.mark.parametrize("gutter", [0, 8])
@pytest.mark.parametrize("quality", [40, 70])
def test_compression_moves_no_box_far(gutter, quality):
    pixels, boxes = sheet(3, 3, 150, 150, gutter=gutter)
    assert_split(compressed(pixels, quality), boxes, within=2)


def test_noise_on_the_gutter():
    pixels, boxes = sheet(3, 3, gutter=8, colour=GREY)
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    assert_split(np.clip(pixels + noise, 0, 255).astype(np.uint8), boxes, within=1)


@pytest.mark.parametrize(("width", "height"), [(180, 120), (120, 180), (200, 90)])
def test_panels_of_other_aspects(width, height):
    assert_split(*sheet(3, 3, width, height, gutter=8))
    assert_split(*sheet(2, 3, width, height))


def test_unequal_margins():
    pixels, boxes = sheet(3, 3, gutter=8, margins=(40, 5, 0, 71))
    found = assert_split(pixels, boxes)
    assert found.margins == (40, 5, 0, 71)


@pytest.mark.parametrize("empty", [1, 2])
@pytest.mark.parametrize("gutter", [0, 8])
def test_last_row_that_ends_early(empty, gutter):
    pixels, boxes = sheet(3, 3, gutter=gutter, colour=BLACK, empty=empty)
    found = assert_split(pixels, boxes)
    assert (found.rows, found.columns, len(found.boxes)) == (3, 3, 9 - empty)


@pytest.mark.parametrize("gutter", [0, 8])
def test_screenshot_with_a_toolbar(gutter):
    pixels, boxes = sheet(3, 3, gutter=gutter, margins=(20, 80, 20, 20), colour=(24, 24, 27))
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, image.width, 50), fill=(240, 240, 245))
    draw.text((20, 15), "Nine results for a lighthouse", BLACK)
    for x in (250, 300, 350):
        draw.ellipse((x, 15, x + 20, 35), fill=(200, 30, 60))
    assert_split(np.asarray(image), boxes)


def test_borders_are_no_part_of_a_panel():
    pixels, boxes = sheet(3, 3, gutter=16, margins=(8, 8, 8, 8))
    framed = pixels.copy()
    for left, top, right, bottom in boxes:
        framed[top - 3 : bottom + 3, left - 3 : right + 3] = BLACK
        framed[top:bottom, left:right] = pixels[top:bottom, left:right]
    assert_split(framed, boxes)


def test_resized_sheet():
    pixels, boxes = sheet(3, 3, gutter=10, margins=(10, 10, 10, 10))
    height, width = (round(side * 0.83) for side in pixels.shape[:2])
    scale = np.tile([width / pixels.shape[1], height / pixels.shape[0]], 2)
    assert_split(resized(pixels, width, height), np.array(boxes) * scale, within=1.5)


def test_large_sheets_are_split_to_the_pixel_too():
    small, _ = sheet(2, 2, 300, 300)
    parts = [small[y : y + 300, x : x + 300] for y in (0, 300) for x in (0, 300)]
    whole = np.full((2020, 2020, 3), WHITE, np.uint8)
    boxes = [(x, y, x + 1001, y + 1001) for y in (3, 1013) for x in (3, 1013)]
    for part, (left, top, right, bottom) in zip(parts, boxes, strict=True):
        whole[top:bottom, left:right] = resized(part, 1001, 1001)
    assert_split(whole, boxes, within=1)


@pytest.mark.parametrize(("gutter", "side"), [(2, 300), (3, 450)])
def test_two_panels_at_a_thin_gutter(gutter, side):
    assert_split(*sheet(1, 2, side, side, gutter=gutter))


def test_borders_beside_an_empty_cell():
    """Where nothing is, no border is: it says nothing of the panels above."""
    pixels, boxes = sheet(3, 3, gutter=14, margins=(7, 7, 7, 7), empty=2)
    framed = pixels.copy()
    for left, top, right, bottom in boxes:
        framed[top - 3 : bottom + 3, left - 3 : right + 3] = BLACK
        framed[top:bottom, left:right] = pixels[top:bottom, left:right]
    assert_split(framed, boxes)


def test_a_gutter_ends_above_an_empty_cell():
    """The ground of the empty cell begins where the last panel ends, and no panel does."""
    margins = (6, 30, 23, 9)
    colour = (200, 190, 170)
    pixels, boxes = sheet(2, 2, 108, 81, 6, colour, margins, empty=1, first=260)
    assert_split(compressed(pixels, 85), boxes, within=1)


def test_four_in_a_row_are_not_two():
    """Where a grid of two fits four panels, each of its two is divided in the middle."""

    def divided(columns):
        pixels = sheet(1, columns, 816 // columns - 4, 200, gutter=4, colour=GREY)[0]
        across, down = lines(pixels, 1), lines(pixels, 0)
        half = Run(np.array([0.0, 408.0]), np.array([404.0, 812.0]), 1, 0)
        whole = Run(np.array([0.0]), np.array([200.0]), 1, 0)
        return evidence(Grid(half, whole, across, down)).divided

    assert divided(2) < 0.3 < 0.9 < divided(4)


def test_two_panels_only_at_a_gutter():
    pixels, boxes = sheet(1, 2, 200, 200, gutter=12, margins=(12, 12, 12, 12))
    assert_split(pixels, boxes)
    assert panels(sheet(1, 2, 200, 200)[0]) is None


def test_panels_that_are_alike_but_not_the_same():
    """Nine results of one prompt: the same light and the same ground behind other things."""
    pixels, boxes = sheet(3, 3)
    ground = scene(99, 120, 120).astype(float)
    mixed = np.tile(ground, (3, 3, 1)) * 0.5 + pixels * 0.5
    assert_split(mixed.astype(np.uint8), boxes)


@pytest.mark.parametrize("side", [0, 1])
def test_grounds_of_the_gutter_s_own_colour(side):
    """Half of each panel's edge merges with the gutter, another half in every other panel."""
    pixels, boxes = sheet(3, 3, gutter=10, colour=GREY, margins=(10, 10, 10, 10))
    for place, (left, top, right, bottom) in enumerate(boxes):
        middle = (left + right) // 2
        halves = ((left, middle), (middle, right))
        begin, end = halves[(place + side) % 2]
        pixels[top : top + 12, begin:end] = GREY
        pixels[bottom - 12 : bottom, begin:end] = GREY
    assert_split(pixels, boxes)


def test_a_last_row_of_one_panel():
    pixels, boxes = sheet(5, 5, gutter=8, colour=(40, 60, 120), empty=4)
    assert len(assert_split(pixels, boxes).boxes) == 21


@pytest.mark.parametrize(("border", "quality"), [(2, None), (4, None), (4, 70)])
def test_borders_are_left_out_after_compression(border, quality):
    pixels, boxes = sheet(3, 4, gutter=20, margins=(10, 10, 10, 10))
    framed = pixels.copy()
    for left, top, right, bottom in boxes:
        frame = slice(top - border, bottom + border), slice(left - border, right + border)
        framed[frame] = (60, 60, 200)
        framed[top:bottom, left:right] = pixels[top:bottom, left:right]
    assert_split(framed if quality is None else compressed(framed, quality), boxes, within=2)


def test_rows_are_not_split_without_their_columns():
    """Where the gutters of one direction are too weak to be found, the sheet stays whole."""
    pixels, boxes = sheet(4, 2, gutter=10)
    for _, top, right, bottom in boxes[::2]:
        pixels[top:bottom, right : right + 9] = pixels[top:bottom, right - 9 : right]
    found = panels(pixels)
    assert found is None or (found.rows, found.columns) == (4, 2)


# -- neighbours --------------------------------------------------------------------------


def test_one_scene_cut_apart_is_less_separate_than_scenes_of_their_own():
    own, boxes = sheet(2, 2, 200, 200, gutter=6)
    cut = smooth(4, 406, 406)
    cells = np.array(boxes, float).reshape(2, 2, 4)
    assert separateness(cut, cells) < -0.3 < 0.05 < separateness(own, cells)


def test_one_scene_cut_apart_has_the_same_colours_on_both_sides():
    own, boxes = sheet(1, 2, 200, 200, gutter=6)
    one = smooth(4, 406, 200)
    cells = np.array(boxes, float).reshape(1, 2, 4)
    warm = own.copy()
    warm[:, 206:] = 255 - warm[:, 206:] // 3
    assert unlikeness(one, cells) < unlikeness(own, cells) < unlikeness(warm, cells)


def test_empty_cells_have_no_neighbours():
    pixels, boxes = sheet(2, 2, gutter=6)
    cells = np.array(boxes, float).reshape(2, 2, 4)
    cells[1, 1] = np.nan
    for compared in (separateness, unlikeness):
        assert np.isfinite(compared(pixels, cells))
        assert compared(pixels, cells[:1, :1]) == 0


# -- single pictures ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_single_scenes(seed):
    assert panels(scene(seed, 400, 300 + 20 * seed)) is None


@pytest.mark.parametrize("frame", [4, 40])
def test_scene_in_a_frame(frame):
    assert panels(sheet(1, 1, 400, 300, margins=(frame,) * 4)[0]) is None


@pytest.mark.parametrize("bars", [(1, 1), (2, 2), (1, 2), (3, 2)])
@pytest.mark.parametrize("width", [3, 12])
def test_scene_behind_a_window(bars, width):
    """Gutters of one colour at equal distances; only what lies behind them gives it away."""
    pixels = smooth(7, 480, 480)
    for axis, count in enumerate(bars):
        for i in range(1, count + 1):
            at = i * 480 // (count + 1) - width // 2
            pixels[(slice(None),) * axis + (slice(at, at + width),)] = WHITE
    assert panels(pixels) is None


def smooth(seed, width, height):
    """A scene out of focus, whose parts go on for longer than a bar is wide."""
    small = resized(scene(seed, width, height), width // 12, height // 12)
    return resized(small, width, height).copy()


@pytest.mark.parametrize("count", [2, 4, 8])
def test_chessboards(count):
    cells = np.indices((count, count)).sum(axis=0) % 2 * 200
    board = np.kron(cells, np.ones((60, 60)))[:, :, None] + [10, 30, 20]
    grain = np.random.default_rng(0).normal(0, 4, board.shape)
    assert panels(np.clip(board + grain, 0, 255).astype(np.uint8)) is None


def test_chessboard_with_pieces():
    cells = np.indices((4, 4)).sum(axis=0) % 2 * 200
    board = np.kron(cells, np.ones((90, 90)))[:, :, None] + [10, 30, 20]
    image = Image.fromarray(board.astype(np.uint8))
    rng = np.random.default_rng(0)
    for x, y in rng.permutation(np.indices((4, 4)).reshape(2, -1).T)[:10] * 90:
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        ImageDraw.Draw(image).ellipse((x + 15, y + 15, x + 75, y + 75), colour, BLACK, 2)
    assert panels(np.asarray(image)) is None


def test_tiles_with_joints():
    rng = np.random.default_rng(0)
    whole = np.full((3 * 110 + 10, 3 * 110 + 10, 3), (90, 80, 70), float)
    for y in range(10, 330, 110):
        for x in range(10, 330, 110):
            whole[y : y + 100, x : x + 100] = rng.normal((170, 150, 140), 12)
    whole += rng.normal(0, 8, (*whole.shape[:2], 1))
    assert panels(np.clip(whole, 0, 255).astype(np.uint8)) is None


@pytest.mark.parametrize("line", [1, 4])
def test_tables(line):
    image = Image.new("RGB", (481, 361), "white")
    draw = ImageDraw.Draw(image)
    for y in range(0, 360, 120):
        for x in range(0, 480, 120):
            draw.rectangle((x, y, x + 120, y + 120), outline="black", width=line)
            draw.text((x + 12, y + 12), f"row {y}\ncolumn {x}\n{x * y}", "black")
    assert panels(np.asarray(image)) is None


def test_pages_of_text():
    image = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(image)
    for x in (30, 320):
        for y in range(30, 760, 16):
            draw.text((x, y), "abcdefgh " * (3 + (y // 16) % 2), "black")
    assert panels(np.asarray(image)) is None


def test_flags():
    stripes = np.zeros((300, 450, 3), np.uint8)
    stripes[:, :150], stripes[:, 150:300], stripes[:, 300:] = (0, 60, 160), WHITE, (230, 20, 40)
    assert panels(stripes) is None
    waves = 1 - 0.2 * np.sin(np.linspace(0, 12, 450))[None, :, None] ** 2
    assert panels((stripes * waves).astype(np.uint8)) is None
    assert panels(np.ascontiguousarray(stripes.transpose(1, 0, 2))) is None


@pytest.mark.parametrize("gutter", [0, 8])
def test_unequal_collages(gutter):
    whole = np.full((400, 600, 3), WHITE, np.uint8)
    for seed, (left, top, right, bottom) in enumerate(
        [(0, 0, 380, 400), (380 + gutter, 0, 600, 150), (380 + gutter, 150 + gutter, 600, 400)]
    ):
        whole[top:bottom, left:right] = scene(seed, right - left, bottom - top)
    assert panels(whole) is None


def test_one_scene_again_and_again():
    assert panels(np.tile(scene(0, 150, 150), (3, 3, 1))) is None


def test_mirrored_scene():
    half = np.concatenate([scene(3, 240, 200), scene(3, 240, 200)[:, ::-1]], axis=1)
    assert panels(half) is None
    assert panels(np.concatenate([half, half[::-1]])) is None


@pytest.mark.parametrize("cells", [4, 6, 8])
def test_pictures_of_large_pixels(cells):
    small = resized(scene(0, 256, 256), cells, cells)
    side = 384 // cells
    assert panels(np.kron(small, np.ones((side, side, 1), np.uint8))) is None


def test_brightness_that_changes_in_stripes():
    """Lines as sharp as seams, at equal distances, in one scene."""
    pixels = smooth(5, 480, 480).astype(float)
    pixels[:, 160:320] -= 60
    pixels[160:320] += 50
    assert panels(np.clip(pixels, 0, 255).astype(np.uint8)) is None


# -- what is no picture ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (1, 4000), (100, 20_000), (20_000, 100)])
@pytest.mark.parametrize("value", [None, 0, 255])
def test_odd_sizes(shape, value):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert panels(noise if value is None else np.full_like(noise, value)) is None


def test_panels_too_small_to_be_pictures():
    whole = np.full((60, 60, 3), WHITE, np.uint8)
    for y in range(0, 60, 10):
        for x in range(0, 60, 10):
            whole[y : y + 8, x : x + 8] = scene(x + y, 64, 64)[:8, :8]
    assert panels(whole) is None


def test_panels_of_one_colour():
    whole = np.full((320, 320, 3), WHITE, np.uint8)
    for y in range(0, 320, 110):
        for x in range(0, 320, 110):
            whole[y : y + 100, x : x + 100] = (180, 40, 40)
    assert panels(whole) is None


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((90, 90), np.uint8),
        np.zeros((90, 90, 4), np.uint8),
        np.zeros((90, 90, 3), np.float32),
    ],
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ImageError, match="uint8"):
        panels(pixels)


def test_pixels_are_left_as_they_are():
    pixels, _ = sheet(2, 2, gutter=8)
    before = pixels.copy()
    panels(pixels)
    assert np.array_equal(pixels, before)


def test_turned_sheet_has_turned_boxes():
    pixels, _ = sheet(3, 4, 130, 120, gutter=9)
    found, turned = panels(pixels), panels(np.ascontiguousarray(pixels.transpose(1, 0, 2)))
    swapped = {(top, left, bottom, right) for left, top, right, bottom in found.boxes}
    assert swapped == set(turned.boxes)


# -- words -------------------------------------------------------------------------------


def test_words():
    assert panels(sheet(3, 3)[0]).words == "3 x 3 panels without gutters"
    found = panels(sheet(2, 3, gutter=8, margins=(20,) * 4, empty=1)[0])
    assert found.words == "2 x 3 panels (1 empty) with gutters of 8 pixels, margin 20"
    boxes = (Box(0, 9, 50, 59), Box(54, 9, 104, 59))
    one_row = Sheet(1, 2, boxes, gutters=(4, 0), margins=(0, 9, 0, 0))
    assert one_row.words == "1 x 2 panels with gutters of 4 pixels, margins 0, 9, 0, 0"


def test_boxes_cut_panels():
    pixels, boxes = sheet(2, 2, 130, 120, gutter=5)
    box = panels(pixels).boxes[3]
    assert np.array_equal(pixels[box.rows, box.columns], scene(FIRST + 3, 130, 120))
    assert box == boxes[3]


@pytest.mark.slow
def test_work_grows_no_faster_than_pixels():
    """A sheet of sixteen times the pixels takes at most forty times the time."""
    small, _ = sheet(3, 3, 170, 170)
    large = np.kron(small, np.ones((4, 4, 1), np.uint8))
    taken = []
    for pixels in (small, large):
        begin = time.process_time()
        panels(pixels)
        taken.append(time.process_time() - begin)
    assert taken[1] < 40 * max(taken[0], 0.01)
