"""Makes the pictures of the tour: python docs/make_tour.py (needs chromium).

    the demo --rara score, rara explore--> report, explorer --a hand--> docs/pictures/*.webp

It takes the extras explore and test. Each stop of docs/tour.md is a function here that does what a
person would do, and leaves the window as the picture shows it.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "examples" / "fashion"
SOFTWARE = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDE, HIGH = 1280, 820
QUALITY, MOST = 86, 120_000
"""Of a picture: its quality, lowered where it takes more bytes than this."""
PORT = 8765
LIMIT = 180_000
SAMPLES = "gan-with-copies.zip"
SHOWN, COPY, BRIGHTER = "s588", "s1000", "s1004"
"""Rows of samples that are looked at: a rare one, the first copy, and one that is brighter."""


def main(*only: str) -> None:
    """Serve the demo, and take the pictures; with names, only these."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        with_copies(place / SAMPLES)
        report, reference = place / "report.html", DEMO / "reference.zip"
        words = ["score", place / SAMPLES, "--reference", reference, "--report", report]
        subprocess.run([sys.executable, "-m", "rara", *words], check=True)
        with explorer(place) as address, opened() as browser:
            photograph(browser, address, report, only)


def with_copies(samples: Path) -> None:
    """The GAN's images, and behind them changed reference images: what a generator might repeat."""
    shutil.copy(DEMO / "gan-1.0.zip", samples)
    with (
        zipfile.ZipFile(DEMO / "reference.zip") as reference,
        zipfile.ZipFile(samples, "a") as archive,
    ):
        names = [name for name in reference.namelist() if name.endswith(".png")]
        for row, name in enumerate(names[100::400]):
            image = Image.open(io.BytesIO(reference.read(name)))
            archive.writestr(f"planted/{row:02}.png", png(CHANGES[row % len(CHANGES)](image)))


def png(image: Image.Image) -> bytes:
    """A file of an image."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def brighter(image: Image.Image) -> Image.Image:
    """By a fifth."""
    return image.point(lambda level: min(255, int(1.2 * level)))


def moved(image: Image.Image) -> Image.Image:
    """By two pixels to the right and one down."""
    return ImageChops.offset(image, 2, 1)


CHANGES: tuple[Callable[[Image.Image], Image.Image], ...] = (ImageOps.mirror, brighter, moved)
"""What is done to the copies, in turn."""


def photograph(browser: Browser, address: str, report: Path, only: tuple[str, ...] = ()) -> None:
    """Every stop, each in a window of its own."""
    for name, (scheme, act) in STOPS.items():
        if only and name not in only:
            continue
        page = browser.new_page(viewport={"width": WIDE, "height": HIGH}, color_scheme=scheme,
                                reduced_motion="reduce")  # fmt: skip
        page.set_default_timeout(LIMIT)
        act(page, report.as_uri() if name.startswith("tour-report") else address)
        taken(page, name)
        page.close()


@contextmanager
def explorer(place: Path) -> Iterator[str]:
    """The address of the explorer of the demo's samples."""
    command = [
        sys.executable, "-m", "rara", "explore", place / SAMPLES,
        "--reference", DEMO / "reference.zip", "--no-open", "--port", f"{PORT}",
        "--decisions", place / "decisions.csv",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = (line for line in process.stdout if "http://" in line)
        try:
            yield next(word for word in next(lines).split() if word.startswith("http://"))
        finally:
            process.terminate()


@contextmanager
def opened() -> Iterator[Browser]:
    """The distribution's browser."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SOFTWARE)
        yield browser
        browser.close()


def taken(page: Page, name: str) -> None:
    """A picture of what is seen."""
    image = Image.open(io.BytesIO(page.screenshot(timeout=LIMIT))).convert("RGB")
    for quality in range(QUALITY, 20, -6):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= MOST:
            break
    (PICTURES / f"{name}.webp").write_bytes(buffer.getvalue())


# -- the stops --


def report_top(page: Page, address: str) -> None:
    """The head of the report: its conclusion and the strip of verdicts."""
    page.goto(address)
    page.wait_for_timeout(1_500)


def report_pair(page: Page, address: str) -> None:
    """One pair of the report, large."""
    page.goto(f"{address}#pair-1")
    page.wait_for_timeout(2_500)


def loaded(page: Page, address: str, state: str = "") -> None:
    """The explorer with a state of its address, drawn to the end."""
    page.goto(f"{address}#{state}")
    page.wait_for_selector("body[data-ready]", timeout=LIMIT)
    settled(page)


def settled(page: Page) -> None:
    """Until the map and the pictures of the gallery are drawn."""
    page.wait_for_timeout(1_000)
    page.wait_for_selector("#map[data-settled=true]", timeout=LIMIT)
    page.wait_for_load_state("networkidle", timeout=LIMIT)
    page.wait_for_timeout(2_500)


def the_map(page: Page, address: str) -> None:
    """Everything: map, filters, gallery, and one sample beside its evidence."""
    loaded(page, address, f"at={SHOWN}")


def spot(page: Page, across: float, down: float) -> tuple[float, float]:
    """A place on the map, by shares of its width and height."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * across, box["y"] + box["height"] * down


def atlases(page: Page, address: str) -> None:
    """So near that pictures stand in place of points."""
    loaded(page, address)
    page.mouse.move(*spot(page, 0.64, 0.66))
    for _ in range(6):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(150)
    page.mouse.move(*spot(page, 0.5, 0.05))
    settled(page)


def lasso(page: Page, address: str) -> None:
    """The gallery of the samples in a lasso, the rarest first; a second lasso is being drawn."""
    loaded(page, address, "sort=-rarity")
    page.keyboard.press("l")
    draw(page, spot(page, 0.43, 0.61))
    page.mouse.up()
    page.locator("[data-show=selected]").click()
    settled(page)
    page.keyboard.down("Shift")
    draw(page, spot(page, 0.22, 0.45))
    page.wait_for_timeout(1_500)


def draw(page: Page, middle: tuple[float, float]) -> None:
    """A ring with the lasso, without letting go."""
    for step, (x, y) in enumerate(RING):
        page.mouse.move(middle[0] + REACH * x, middle[1] + REACH * y, steps=4)
        if step == 0:
            page.mouse.down()


REACH = 52
"""Of a lasso, in pixels."""
RING = ((-1, -0.2), (-0.7, -0.9), (0, -1.1), (0.8, -0.8), (1.1, 0), (0.7, 0.8), (0, 1), (-0.8, 0.7))


def compare(page: Page, address: str) -> None:
    """A sample and its nearest reference image under one slider."""
    loaded(page, address, f"at={BRIGHTER}&compare=slider")
    page.wait_for_timeout(1_000)


def judged(page: Page, address: str) -> None:
    """A picture that is dropped: a reference image, mirrored, enlarged and brightened."""
    loaded(page, address)
    with zipfile.ZipFile(DEMO / "reference.zip") as archive:
        source = Image.open(io.BytesIO(archive.read(DROPPED))).convert("RGB")
    changed = ImageOps.mirror(source).resize((512, 512), Image.Resampling.LANCZOS)
    changed = changed.point(lambda level: min(255, int(level * 1.15)))
    buffer = io.BytesIO()
    changed.save(buffer, "PNG")
    page.set_input_files("#file", [
        {"name": "from-a-website.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    ])  # fmt: skip
    page.wait_for_selector("body:not(.judging) .hero", timeout=LIMIT)
    settled(page)


DROPPED = "ankle-boot/50876.png"


def decided(page: Page, address: str) -> None:
    """Four near copies decided, one with a note; the gallery shows what is decided."""
    loaded(page, address, f"is.verdict=near copy&at={COPY}")
    for key in ("y", "j", "y", "j", "y", "j", "y"):
        page.keyboard.press(key)
        page.wait_for_timeout(1_500)
    page.locator("#detail textarea").fill("The same boot, mirrored.")
    page.keyboard.press("Escape")
    page.locator("[data-show=decided]").click()
    settled(page)


STOPS: dict[str, tuple[str, Callable[[Page, str], None]]] = {
    "tour-report": ("light", report_top),
    "tour-report-pair": ("light", report_pair),
    "explorer": ("dark", the_map),
    "tour-map": ("light", the_map),
    "tour-pictures": ("light", atlases),
    "tour-lasso": ("light", lasso),
    "explorer-compare": ("dark", compare),
    "tour-judged": ("light", judged),
    "tour-decided": ("light", decided),
}
"""By the picture's name: light or dark, and what is done before it is taken."""

if __name__ == "__main__":
    main(*sys.argv[1:])
