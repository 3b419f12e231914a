"""Figures of `generators_paper.py`: rows of images, histograms along a truncation, and a scatter.

SVG is written by hand, on white, so that it reads the same on a dark page. Pictures of images are
small PNGs, of data whose licence allows it: Fashion-MNIST (MIT) and Noto's emoji (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Doubles = NDArray[np.float64]
Images = NDArray[np.uint8]

WIDTH, HEIGHT = 330, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 34, 40
INNER = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
COLOURS = {
    "held out": "#777",
    **{"psi 1.5": "#111", "psi 1": "#1f6fb4", "psi 0.8": "#2f8f8f", "psi 0.6": "#3c8d40"},
    **{"psi 0.4": "#c08a1a", "psi 0.2": "#b23a48"},
}
BINS = 24


def rows_of_images(path: Path, rows: Sequence[Images], gap: int = 4) -> None:
    """One row of images below another, apart by a white line, as a PNG of few colours."""
    strips = [np.concatenate(list(row), axis=1) for row in rows]
    ground = np.full((gap, *strips[0].shape[1:]), 255, np.uint8)
    parts = [part for strip in strips for part in (strip, ground)][:-1]
    picture = Image.fromarray(np.concatenate(parts)).convert("RGB")
    if strips[0].ndim == 2:
        picture = picture.convert("L").resize((picture.width * 2, picture.height * 2), 0)
    else:
        picture = picture.quantize(128, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


# -- charts ----------------------------------------------------------------------------


def histograms(panels: Mapping[str, Mapping[str, Doubles]], count: int) -> str:
    """A panel a data set: rarity across, the share of all samples in each bin upwards.

    `panels`: by title, the rarity of the samples inside by label; of `count` samples each.
    """
    drawn = [histogram(place, *one, count) for place, one in enumerate(panels.items())]
    return svg(len(panels), "".join(drawn))


def histogram(place: int, title: str, lines: Mapping[str, Doubles], count: int) -> str:
    values = np.concatenate(list(lines.values()))
    low, high = (float(np.quantile(values, q)) for q in (0, 0.995))
    edges = np.linspace(low, high, BINS + 1)
    shares = {label: np.histogram(one, edges)[0] / count for label, one in lines.items()}
    ranges = (low, high), (0.0, max(float(one.max()) for one in shares.values()))
    parts = list(frame(place, title, *ranges, "rarity", "share of samples"))
    for number, (label, share) in enumerate(shares.items()):
        colour = COLOURS[label]
        middles = (edges[:-1] + edges[1:]) / 2
        points = (at(place, *one, *ranges) for one in zip(middles, share, strict=True))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if label == "held out" else ""
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
        )
        x, y = place * WIDTH + LEFT + 5, TOP + 14 + 13 * number
        parts.append(f'<text x="{x}" y="{y}" fill="{colour}">{label}</text>')
    return "".join(parts)


def scatters(panels: Mapping[str, Mapping[str, tuple[float, float, str]]]) -> str:
    """A panel a data set: the share inside across, mean rarity upwards, a labelled dot each.

    `panels`: by title, for each name the two figures and a colour.
    """
    drawn = [scatter(place, *one) for place, one in enumerate(panels.items())]
    return svg(len(panels), "".join(drawn))


def scatter(place: int, title: str, dots: Mapping[str, tuple[float, float, str]]) -> str:
    ranges = (0.0, 1.0), padded(np.array([one[1] for one in dots.values()]))
    parts = list(frame(place, title, *ranges, "share inside", "mean rarity of those inside"))
    places = {name: at(place, one[0], one[1], *ranges) for name, one in dots.items()}
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places.values()]
    for name, (x, y) in places.items():
        colour = dots[name][2]
        box = free(x, y, 5.1 * len(name), place, taken)
        taken.append(box)
        right = box[0] > x
        anchor = "start" if right else "end"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
            f'<text x="{box[0] if right else box[2]:.1f}" y="{box[3] - 1.5:.1f}" '
            f'text-anchor="{anchor}" fill="{colour}">{name}</text>'
        )
    return "".join(parts)


Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def free(x: float, y: float, width: float, place: int, taken: Sequence[Box]) -> Box:
    """Where the name of a dot stands: near it, within the panel, and on nothing else."""
    left, right = place * WIDTH + LEFT, place * WIDTH + WIDTH - RIGHT
    for rise in (0, -9, 9, -18, 18, -27, 27, -36, 36):
        for start in (x + 6, x - 6 - width):
            box = (start, y - 4.5 + rise, start + width, y + 5 + rise)
            inner = left < box[0] and box[2] < right and box[1] > TOP and box[3] < TOP + INNER[1]
            if inner and not any(overlap(box, other) for other in taken):
                return box
    return (x + 6, y - 4.5, x + 6 + width, y + 5)


def overlap(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]


def padded(values: Doubles) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room


def at(
    place: int, x: float, y: float, across: tuple[float, float], upwards: tuple[float, float]
) -> tuple[float, float]:
    right = (x - across[0]) / (across[1] - across[0])
    up = (y - upwards[0]) / (upwards[1] - upwards[0])
    return place * WIDTH + LEFT + INNER[0] * right, TOP + INNER[1] * (1 - up)


def frame(
    place: int, title: str, across: tuple[float, float], upwards: tuple[float, float],
    below: str, beside: str,
) -> Iterator[str]:  # fmt: skip
    left, bottom = place * WIDTH + LEFT, TOP + INNER[1]
    yield (
        f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{title}</text>'
        f'<rect x="{left}" y="{TOP}" width="{INNER[0]}" height="{INNER[1]}" fill="none" '
        'stroke="#bbb"/>'
        f'<text x="{left + INNER[0] / 2}" y="{bottom + 32}" text-anchor="middle">{below}</text>'
        f'<text transform="translate({place * WIDTH + 11},{TOP + INNER[1] / 2}) rotate(-90)" '
        f'text-anchor="middle">{beside}</text>'
    )
    grey = 'fill="#555"'
    for part in (0, 0.5, 1):
        x, y = left + INNER[0] * part, bottom - INNER[1] * part
        right, up = (low + (high - low) * part for low, high in (across, upwards))
        yield f'<text x="{x}" y="{bottom + 15}" text-anchor="middle" {grey}>{right:.3g}</text>'
        yield f'<text x="{left - 4}" y="{y + 4}" text-anchor="end" {grey}>{up:.2g}</text>'


def svg(panels: int, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {panels * WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="10.5">'
        f'<rect width="100%" height="100%" fill="white"/>{drawn}</svg>\n'
    )
