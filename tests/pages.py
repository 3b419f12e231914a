"""Pages of hand-made records: how tests make, parse and open them."""

import json
import math
import shutil
import subprocess
from html.parser import HTMLParser
from zlib import crc32

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from rara.provenance.provenance import Provenance
from rara.report import summarise, to_html

LEVELS = np.linspace(0, 1, 201)


def row(name, *, rarity=math.nan, nearest=1.0, knn=2.0, **more):
    """One sample; outside unless it is given a rarity."""
    inside = not math.isnan(rarity)
    return {
        "id": name,
        "rarity": rarity,
        "rarity_witness": "ref/witness.png" if inside else None,
        "knn_distance": knn,
        "inside": inside,
        "balls": int(inside),
        "realism": 1.5,
        "nearest": "ref/0.png",
        "nearest_distance": nearest,
        "neighbors": [{"id": f"ref/{i}.png", "distance": nearest + i / 4} for i in range(5)],
        **more,
    }


def made_of(rows):
    schema = pa.schema([
        ("id", pa.string()), ("rarity", pa.float64()), ("rarity_witness", pa.string()),
        ("knn_distance", pa.float64()), ("inside", pa.bool_()), ("balls", pa.int64()),
        ("realism", pa.float64()), ("nearest", pa.string()), ("nearest_distance", pa.float64()),
        ("neighbors", pa.list_(pa.struct([("id", pa.string()), ("distance", pa.float64())]))),
    ])  # fmt: skip
    more = {name: pa.array([r[name] for r in rows]) for name in rows[0] if name not in schema.names}
    table = pa.Table.from_pylist([{n: r[n] for n in schema.names} for r in rows], schema=schema)
    for name, column in more.items():
        table = table.append_column(name, column)
    return table


def written(count, *, known=True, **more):
    """A reference of 1,000 images whose own numbers are spread evenly: 0 to 10, 0 to 4, 0 to 2."""
    own = {
        "inside": 0.75,
        "rarity": (10 * LEVELS).tolist(),
        "knn_distance": (4 * LEVELS).tolist(),
        "nearest_distance": (2 * LEVELS).tolist(),
    }
    return {
        "rara": "0.1.0",
        "extractor": {
            "name": "lite0", "weights": "57934424", "preprocessing": "bicubic", "dim": 1280,
            "precision": "float32",
        },
        "k": 3,
        "boundary": "open",
        "compat": None,
        "samples": {"location": "gen/", "count": count, "skipped": [], "fingerprint": "5a"},
        "reference": {
            "location": "train/", "count": 1000, "skipped": 0, "fingerprint": "7e",
            "leave_one_out": own if known else None,
        },
        "versions": {"numpy": "2.0"},
        **more,
    }  # fmt: skip


def typed(origin):
    """What the JSON of a provenance says."""
    return Provenance.from_json(origin)


def provenance(count, **more):
    return typed(written(count, **more))


MIXED = [
    row("a", rarity=4.0, nearest=1.0, knn=2.0),
    row("b", rarity=9.5, nearest=0.5, knn=3.0),
    row("c", nearest=6.0, knn=7.0),
    row("d", rarity=9.5, nearest=0.25, knn=3.5),
    row("e", nearest=3.0, knn=8.0),
    *(row(f"f{i}", rarity=5.0, nearest=1.25, knn=2.5) for i in range(15)),
]


def painted(side, ids):
    """A picture of its own for each id: noise, so that no two are the same."""
    return {
        name: Image.fromarray(
            np.random.default_rng(crc32(f"{side} {name}".encode())).integers(
                0, 255, (28, 28, 3), np.uint8
            )
        )
        for name in ids
    }


def page_of(rows, *, pictures=painted, **more):
    return to_html(summarise(made_of(rows), provenance(len(rows), **more), pictures))


VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}


class Outline(HTMLParser):
    """Checks nesting and unique ids, keeps tags, links, and the text outside <style>
    and <script>."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "src") if name in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} closes out of turn"

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.text.append(data)


def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def shown(html):
    return " ".join(" ".join(outline(html).text).split())


HOSTILE = [
    "<img src=x onerror=alert(1)>.png",
    "'\"><script>alert(1)</script>.png",
    "</style><b>",
    "{{ 7 * 7 }}{% raw %}.png",
    "صورة/نادرة جدا.png",
    "a\u202egnp.exe",
    "x\x1b[31mred\x00\nnew.png",
    "長い名前" * 40,
    "a" * 5000,
    "javascript:alert(1)",
]


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="none of chromium, chromium-browser, google-chrome is installed"
)


def opened(html, folder):
    """A page in a browser without a network: its elements, its complaints, what it asked for."""
    page, log = folder / "report.html", folder / "net.json"
    page.write_text(html, encoding="utf-8")
    run = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
            f"--log-net-log={log}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    console = [line for line in run.stderr.splitlines() if ":CONSOLE" in line]
    # The browser's own errands have no initiator.
    events = [event.get("params", {}) for event in json.loads(log.read_text("utf-8"))["events"]]
    asked = {
        params["url"]
        for params in events
        if params.get("initiator", "not an origin") != "not an origin"
    }
    return run.stdout, console, asked
