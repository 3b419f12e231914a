"""Makes the outputs and pictures of the tutorial: python docs/make_pictures.py (needs chromium).

It runs every console and python block of docs/tutorial.md in /tmp/demo, in the order of the page,
on the demo's images. What a block prints goes into the text block below it. Pictures of the
reports that the blocks write go to docs/pictures/. The sentences between the blocks quote figures:
read them again after a run that changes an output.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
PICTURES = ROOT / "docs" / "pictures"
DEMO = Path("/tmp/demo")

BLOCK = re.compile(r"```(console|python)\n(.*?)```(\n\n```text\n)?(?(3)(.*?)```)", re.DOTALL)

# The picture's name, the report, and what is shown of it.
SHOTS = (
    ("report", "report.html", "header, #outside"),
    ("rarity", "report.html", "#rarity"),
    ("rarest", "report.html", "#rarest"),
    ("copies", "planted.html", "#copies"),
)
MORE_CARDS = "article:nth-of-type(n + 5)"
BESIDE = "nav, footer, .sheet, .rest-of-pairs"
"""What stands beside the cards and is not part of a picture."""
WINDOW = "1100,1200"
COLOURS = 128


def main() -> None:
    """Run the page, write its outputs into it, and take the pictures."""
    if DEMO.exists():
        raise SystemExit(f"{DEMO} is there already: move it away, as the blocks run in a new one.")
    DEMO.mkdir()
    try:
        for archive in (ROOT / "examples" / "fashion").glob("*.zip"):
            shutil.copy(archive, DEMO)
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(BLOCK.sub(_with_output, text), encoding="utf-8")
        for shot in SHOTS:
            _shoot(*shot)
    finally:
        shutil.rmtree(DEMO)


def _with_output(block: re.Match[str]) -> str:
    language, code, between, shown = block.groups()
    printed = "".join(_run(command) for command in _commands(language, code))
    if shown is None:
        return block[0]
    return f"```{language}\n{code}```{between}{printed}```"


def _commands(language: str, code: str) -> Iterator[list[str]]:
    if language == "python":
        yield [sys.executable, "-c", code]
        return
    for line in code.replace("\\\n", " ").splitlines():
        yield [sys.executable, "-m", *shlex.split(line)]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=DEMO, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _shoot(name: str, report: str, shown: str) -> None:
    """A picture of some sections of a report, cut where it is empty."""
    html = (DEMO / report).read_text(encoding="utf-8")
    others = f":is(header, section):not({shown}), main > details, {BESIDE}, {MORE_CARDS}"
    style = f"<style>{others} {{ display: none !important }}</style>"
    page, picture = DEMO / "shot.html", DEMO / "shot.png"
    page.write_text(html.replace("</head>", f"{style}</head>"), encoding="utf-8")
    subprocess.run(
        [
            _browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--hide-scrollbars", f"--user-data-dir={DEMO / 'profile'}",
            f"--window-size={WINDOW}", f"--screenshot={picture}", page.as_uri(),
        ],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    image = Image.open(picture).convert("RGB")
    image = image.crop(_filled(image)).quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(PICTURES / f"{name}.png", optimize=True)


def _filled(image: Image.Image) -> tuple[int, int, int, int]:
    """The whole width, and the rows that are not background, with a margin."""
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    box = ImageChops.difference(image, ground).getbbox()
    if box is None:
        raise SystemExit("The picture is empty: is the section still called so?")
    return 0, max(box[1] - 24, 0), image.width, min(box[3] + 24, image.height)


def _browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit(f"No browser found: install one of {', '.join(names)}.")
    return found


if __name__ == "__main__":
    main()
