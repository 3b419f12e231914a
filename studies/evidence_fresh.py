"""Pictures that had no part in the table of direct evidence, for the study that verifies it.

No choice was made on any of them: neither the strength, nor the table, nor what is left out. Each
picture has a series and a name. The rules below were written before any pair was compared:

- Two pictures of one *series* may share a template: the same photo, one set of icons or of game
  art, one category of emoji, one theme of clip art, flags, screenshots of one program. Such pairs
  are counted apart, since the p-value does not claim to cover them.
- Drawings with the same *base name* are related, whatever the package, and are left out: "folder"
  of two sets of icons may be one drawing. So are pictures with equal pixels: the first is kept.
- All other pairs are held to be unrelated.

After the pairs were seen, clip art in folders of flags joined the series of flags, and pairs that
show the same photo or scene were listed (`SAME_SCENE`).

Where they come from, unpacked with `dpkg-deb -x` or `tar x` into one folder of packages:

    photos            Debian gcompris-qt-data: those in its resource files, large ones in quarters
    CIFAR-10          rows of the training set that the table did not use; as they are, and enlarged
    clothes           the training set of dataset-fashion-mnist; as they are, and enlarged
    emoji             npm emoji-datasource-twitter 16.0.0
    icons             Debian oxygen-icon-theme, gnome-icon-theme, faenza-icon-theme
    flags             Debian iso-flags-png-320x240, and the emoji's
    clip art          Debian openclipart-png, without the drawings that the table was measured on
    game art          Debian wesnoth-1.16-data, hedgewars-data, pingus-data, pysiogame,
                      extremetuxracer-data
    textures          Debian openarena-081-textures, propaganda-debian, pingus-data,
                      colobot-common-textures
    screenshots       Debian gimp-help-en, kstars-data, opencv-doc (diagrams among them)
    maps              Debian kgeography-data
    sky               Debian stellarium-data: nebulae and galaxies
    pages             made here: words that mean nothing in the 38 typefaces of fonts-dejavu and
                      fonts-liberation, in one or two columns
"""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cifar10 import images_of
from evidence_pictures import FREQUENT, KINDS, Folders, Pixels, shuffled
from evidence_pictures import clipart as clipart_of_table
from PIL import Image, ImageDraw, ImageFont

from rara.errors import ImageError
from rara.images.decode import decode

FASHION = Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")
FONTS = Path("/usr/share/fonts/truetype")
LARGE = 800
"""Pixels of a photo's longest side from which its quarters are taken instead."""

SAME_SCENE = frozenset(
    frozenset(pair)
    for pair in (
        ("categorization-1264460", "categorization-1251760"),  # three cubes with letters
        ("categorization-2952668", "categorization-2939670"),  # three cubes with numbers
        ("categorization-1556234", "categorization-1587510"),  # fish, ten times
        ("categorization-1504230", "categorization-1470956"),
        ("categorization-1896214", "categorization-1862606"),
        ("categorization-1959402", "categorization-1922434"),
        ("categorization-2291246", "categorization-2254170"),
        ("categorization-1542556", "categorization-1520164"),
        ("categorization-1455618", "categorization-1423298"),
        ("categorization-1679242", "categorization-1651288"),
        ("categorization-1694496", "categorization-1725742"),
        ("categorization-1805146", "categorization-1846350"),
        ("categorization-705019", "categorization-719025"),  # pliers, three times
        ("categorization-1138689", "categorization-1126217"),
        ("categorization-880145", "categorization-867177"),
        ("categorization-997473", "categorization-988249"),  # a hammer
        ("categorization-3092138", "categorization-3064240"),  # a ball
        ("categorization-3178425", "categorization-3188787"),  # a chair
        ("categorization-2387736", "categorization-2398046"),  # a tower
        ("categorization-2594914", "categorization-2616074"),  # the Dome of the Rock
        ("categorization-2733241", "categorization-2763399"),  # the Great Wall, twice
        ("categorization-2733241", "categorization-2794837"),
        ("explore_monuments-3487864", "categorization-2832949"),  # the Brandenburg Gate
        ("explore_monuments-1596159", "explore_monuments-1555657"),  # a temple
        ("explore_monuments-1241771", "explore_monuments-1285701"),  # a palace
        ("explore_monuments-2292699", "explore_monuments-2309909"),  # a statue
        ("explore_world_animals-319619", "explore_world_animals-413449"),  # a crocodile, twice
        ("explore_world_animals-319619", "explore_world_animals-415272"),
        ("explore_world_animals-1229800", "explore_world_animals-1289942"),  # leopards
        ("explore_farm_animals-507584", "explore_farm_animals-577890"),  # hens
        ("explore_world_music-2881592", "explore_world_music-2919422"),  # a band
        ("categorization-269092", "categorization-287646"),  # a windmill
        ("categorization-2664061", "categorization-2682003"),  # a cathedral
        ("categorization-2707307", "explore_monuments-2887789"),  # the Colosseum
        ("categorization-2803155", "explore_monuments-838207"),  # a pyramid, twice
        ("explore_monuments-939891", "explore_monuments-955097"),
        ("categorization-2404376", "explore_monuments-1084243"),  # the Qutb Minar
        ("sky smc-ha.png", "sky smc29-1.png"),  # the Small Magellanic Cloud, twice
        ("sky smc-ha.png", "sky smc29-4.png"),
        ("kstars-data", "sky pleiades.png"),  # the Pleiades, in a screenshot
        ("CIFAR-10 30068", "CIFAR-10 20430"),  # a fire engine
    )
)
"""Series that were seen to show the same photo, or the same scene: nothing that chance made."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A picture, its base name (empty where names mean nothing), and its series."""

    name: str
    base: str
    series: str
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Places:
    """Where the packages lie."""

    packages: Path
    cifar10: Path
    clipart: Path


Maker = Callable[[Places], Iterator[Fresh]]


# -- from files ------------------------------------------------------------------------


def base_of(name: str) -> str:
    """The name of a drawing without sizes, numbers and endings."""
    return re.sub(r"[^a-z]+", "", Path(name).stem.casefold())


def of_bytes(
    content: bytes, name: str, series: str, *, base: str | None = None, side: int = 400
) -> Iterator[Fresh]:
    """The picture, if it can be read and has some contrast."""
    try:
        image = decode(content, max_pixels=30_000_000)
    except ImageError:
        return
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    if pixels.std() >= 3:
        yield Fresh(name, base_of(name) if base is None else base, series, pixels)


def of_files(
    packages: Path, patterns: Mapping[str, Iterable[str]], side: int = 400
) -> Iterator[Fresh]:
    """Files of each package in turn, so that all packages have about as many."""
    each = []
    for package, some in patterns.items():
        paths = sorted({path.resolve() for one in some for path in (packages / package).glob(one)})
        each.append([(package, path) for path in shuffled(paths)])
    for row in itertools.zip_longest(*each):
        for found in row:
            if found is not None:
                package, path = found
                yield from of_bytes(path.read_bytes(), path.name, package, side=side)


def in_archives(packages: Path, patterns: Iterable[str]) -> Iterator[Fresh]:
    """Pictures in archives of games, one series for each package."""
    for path in sorted(one for pattern in patterns for one in packages.glob(pattern)):
        with zipfile.ZipFile(path) as archive:
            names = [one for one in archive.namelist() if one.endswith((".jpg", ".png"))]
            for name in shuffled(sorted(one for one in names if one.startswith("textures"))):
                package = path.relative_to(packages).parts[0]
                yield from of_bytes(archive.read(name), name.rpartition("/")[2], package)


# -- kinds -----------------------------------------------------------------------------

STARTS = re.compile(rb"\xff\xd8\xff|RIFF....WEBP", re.DOTALL)
WITH_PHOTOS = (
    *("explore_monuments", "explore_world_animals", "explore_farm_animals"),
    *("explore_world_music", "categorization", "erase"),
)


def photos(places: Places) -> Iterator[Fresh]:
    for photo in whole_photos(places):
        yield from quarters(photo)


def whole_photos(places: Places) -> Iterator[Fresh]:
    """Those in resource files, which hold whole pictures one after the other."""
    for package in WITH_PHOTOS:
        for path in places.packages.glob(f"gcompris-qt-data/**/{package}.rcc"):
            content = path.read_bytes()
            for place in (found.start() for found in STARTS.finditer(content)):
                name = f"{package}-{place}"
                yield from of_bytes(content[place:], name, name, base="", side=2000)


def quarters(photo: Fresh) -> Iterator[Fresh]:
    if max(photo.pixels.shape[:2]) < LARGE:
        yield photo
        return
    height, width = (length // 2 for length in photo.pixels.shape[:2])
    for y, x in itertools.product((0, height), (0, width)):
        part = photo.pixels[y : y + height, x : x + width]
        yield Fresh(f"{photo.name}-{x}-{y}", "", photo.series, np.ascontiguousarray(part))


def cifar10(places: Places, first: int = 20_000, factor: int = 1) -> Iterator[Fresh]:
    images = images_of(places.cifar10, "train")
    for row in range(first, first + 5_000):
        name = f"CIFAR-10 {row}"
        yield Fresh(name, "", name, enlarged(np.array(images[row]), factor))


def clothes(places: Places, first: int = 20_000, factor: int = 1) -> Iterator[Fresh]:
    content = gzip.decompress(FASHION.read_bytes())
    images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
    for row in range(first, first + 5_000):
        grey = np.repeat(images[row][:, :, None], 3, axis=2)
        yield Fresh(f"clothes {row}", "", f"clothes {row}", enlarged(grey, factor))


def enlarged(pixels: Pixels, factor: int) -> Pixels:
    image = Image.fromarray(pixels)
    size = (factor * image.width, factor * image.height)
    return pixels if factor == 1 else np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def emoji(places: Places) -> Iterator[Fresh]:
    """One of each, without the variants of skin; a category is a series."""
    package = places.packages / "emoji-datasource-twitter" / "package"
    facts = json.loads((package / "emoji.json").read_text(encoding="utf-8"))
    for fact in shuffled(facts):
        path = package / "img" / "twitter" / "64" / fact["image"]
        series = "flags" if fact["category"] == "Flags" else f"emoji, {fact['category']}"
        if path.exists():
            yield from of_bytes(path.read_bytes(), fact["short_name"], series)


def icons(places: Places) -> Iterator[Fresh]:
    sizes = {
        "oxygen-icon-theme": ["**/oxygen/base/128x128/**/*.png"],
        "gnome-icon-theme": ["**/gnome/256x256/**/*.png"],
        "faenza-icon-theme": ["**/Faenza/*/96/*.png"],
    }
    return of_files(places.packages, sizes, side=128)


def flags(places: Places) -> Iterator[Fresh]:
    for path in sorted(places.packages.glob("iso-flags-png-320x240/**/*.png")):
        yield from of_bytes(path.read_bytes(), path.name, "flags", base=f"flag {path.stem}")


def clipart(places: Places) -> Iterator[Fresh]:
    """Without those of the table, by their pixels."""
    unused = Path()
    folders = Folders(cifar10=unused, emoji=unused, clipart=places.clipart, photos=unused)
    used = {digest(one.pixels) for one in clipart_of_table(folders, KINDS["clip art"][1])}
    root = places.clipart.resolve()
    for path in shuffled(sorted({one.resolve() for one in root.rglob("*.png")})):
        parts = path.relative_to(root).parts
        theme = "flags" if "flags" in parts else parts[0]
        for one in of_bytes(path.read_bytes(), path.name, theme, side=320):
            if digest(one.pixels) not in used:
                yield one


def game_art(places: Places) -> Iterator[Fresh]:
    patterns = {
        "wesnoth-1.16-data": ["**/portraits/**/*.png", "**/units/*/*.png"],
        "hedgewars-data": ["**/Themes/*/*.png", "**/Graphics/Hats/*.png"],
        "pingus-data": ["**/groundpieces/**/*.png", "**/groundpieces/**/*.jpg"],
        "pysiogame": ["**/art4apps/**/*.jpg", "**/art4apps/**/*.png", "**/images/memory/*.*g"],
        "extremetuxracer-data": ["**/*.png"],
    }
    return of_files(places.packages, patterns)


def textures(places: Places) -> Iterator[Fresh]:
    patterns = {
        "propaganda-debian": ["**/*.JPG"],
        "pingus-data": ["**/images/textures/*.*g"],
        "colobot-common-textures": ["**/*.png"],
    }
    large = in_archives(places.packages, ["openarena-081-textures/**/*.pk3"])
    return in_turns(of_files(places.packages, patterns), large)


def screenshots(places: Places) -> Iterator[Fresh]:
    patterns = {
        "gimp-help-en": ["**/images/**/*.png"],
        "kstars-data": ["**/HTML/en/kstars/*.png"],
        "opencv-doc": ["**/html/*.png"],
    }
    return of_files(places.packages, patterns, side=800)


def maps(places: Places) -> Iterator[Fresh]:
    patterns = {"kgeography-data": ["usr/share/kgeography/*.png"]}
    return of_files(places.packages, patterns, side=800)


def sky(places: Places) -> Iterator[Fresh]:
    for path in shuffled(sorted(places.packages.glob("stellarium-data/**/nebulae/default/*.png"))):
        yield from of_bytes(path.read_bytes(), path.name, f"sky {path.name}", base="", side=512)


def pages(places: Places) -> Iterator[Fresh]:
    """Letters as frequent as in English, no word twice, in a typeface and layout of its own."""
    faces = sorted(FONTS.rglob("*.ttf"))
    for seed in range(20_000, 21_000):
        rng = np.random.default_rng(seed)
        font = ImageFont.truetype(faces[rng.integers(len(faces))], int(rng.integers(11, 30)))
        width, height = (int(side) for side in rng.integers(300, 700, 2))
        columns = int(rng.integers(1, 3)) if width > 500 else 1
        page = Image.new("RGB", (width, height), "white")
        draw, room = ImageDraw.Draw(page), width // columns - 20
        for column, y in itertools.product(
            range(columns), range(10, height - 30, round(1.3 * font.size))
        ):
            line = ""
            while draw.textlength(line, font) < room - 3 * font.size:
                line += "".join(rng.choice(list(FREQUENT), rng.integers(2, 11))) + " "
            draw.text((10 + column * (room + 15), y), line, "black", font)
        yield Fresh(f"page {seed}", "", f"page {seed}", np.asarray(page))


def in_turns(*each: Iterator[Fresh]) -> Iterator[Fresh]:
    for row in itertools.zip_longest(*each):
        yield from (one for one in row if one is not None)


def distinct(pictures: Iterable[Fresh]) -> Iterator[Fresh]:
    """Each content once."""
    seen = set[bytes]()
    for one in pictures:
        content = digest(one.pixels)
        if content not in seen:
            seen.add(content)
            yield one


def digest(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return hashlib.sha256(buffer.getvalue()).digest()


FRESH: Mapping[str, Maker] = {
    "photos": photos,
    "CIFAR-10": cifar10,
    "CIFAR-10, enlarged": lambda places: cifar10(places, first=30_000, factor=4),
    "clothes": clothes,
    "clothes, enlarged": lambda places: clothes(places, first=30_000, factor=4),
    "emoji": emoji,
    "icons": icons,
    "flags": flags,
    "clip art": clipart,
    "game art": game_art,
    "textures": textures,
    "screenshots": screenshots,
    "maps": maps,
    "sky": sky,
    "pages": pages,
}
