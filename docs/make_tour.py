"""Makes the pictures of the explorer: python docs/make_tour.py (needs chromium).

It takes the extras explore and test. It judges the demo's images, opens the explorer on them, and
takes pictures as a person would see it. They go to docs/pictures/.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DEMO = ROOT / "examples" / "fashion"
SOFTWARE = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZE = {"width": 1280, "height": 820}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Serve the demo, and take the pictures."""
    with tempfile.TemporaryDirectory() as place, explorer(Path(place)) as address, opened() as page:
        page.goto(f"{address}#at=s588")
        page.wait_for_timeout(6_000)
        taken(page, "explorer")
        page.keyboard.press("c")
        page.wait_for_timeout(2_000)
        taken(page, "explorer-compare")


@contextmanager
def explorer(place: Path) -> Iterator[str]:
    """The address of the explorer of the demo's samples."""
    command = [
        sys.executable, "-m", "rara", "explore", DEMO / "gan-1.0.zip",
        "--reference", DEMO / "reference.zip", "--no-open", "--port", "8765",
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
def opened() -> Iterator[Page]:
    """A page of the distribution's browser, in the dark."""
    program = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SOFTWARE)
        yield browser.new_page(viewport=SIZE, color_scheme="dark")
        browser.close()


def taken(page: Page, name: str) -> None:
    """A picture of what is seen."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").save(PICTURES / f"{name}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
