"""A made-up world behind the addresses of the explorer: for the tests of its page, and its pace.

    python tests/explorer_world.py 1000000     # points; then open the address it prints

It needs no reference and no network: positions, columns and pictures come from a seed. What the
page posts is kept in lists, so that a test can look at it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw

STATIC = Path(__file__).parents[1] / "src" / "rara" / "explorer" / "static"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css",
         ".svg": "image/svg+xml"}  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
VERDICTS = [
    "copy", "near copy", "typical", "uncommon", "rare", "off-manifold", "unknown to this reference",
    "no verdict",
]  # fmt: skip
KINDS = ["sandal", "coat", "boot", "dress", "bag", "shirt", "trouser", "pullover"]
COLUMNS = [
    ("id", "text", "", "", "The image's name in its source."),
    ("verdict", "category", "", "", "What may be concluded of the sample."),
    ("reason", "text", "", "", "The evidence, in one sentence."),
    ("label", "category", "", "", "Of the sample, as its source says it."),
    ("prompt", "text", "", "", "Of the sample, as its source says it."),
    ("rarity", "number", "distance", "rarer", "Radius of the smallest ball that holds it."),
    ("nearest_distance", "number", "distance", "farther", "To the nearest reference image."),
    ("copy_p", "number", "p-value", "less like a copy", "How often real images come as near."),
    ("realism", "number", "ratio", "deeper inside", "Largest ratio of radius and distance."),
    ("balls", "number", "count", "more typical", "How many balls hold it."),
    ("inside", "boolean", "", "", "Whether any ball holds it."),
    ("nearest", "text", "", "", "The nearest reference image."),
    ("seed", "number", "", "", "Of the sample, as its source says it."),
]
CELL, ACROSS = 48, 32
HUES = [(178, 70, 14), (18, 97, 124), (120, 98, 52), (86, 110, 72), (142, 60, 84), (70, 78, 132)]


class World:
    """Samples and reference images that are the same for the same numbers."""

    def __init__(self, samples: int, reference: int, *, names: list[str] | None = None) -> None:
        rng = np.random.default_rng(5)
        self.samples, self.reference = samples, reference
        total = samples + reference
        self.kind = rng.integers(0, len(KINDS), total)
        angle = self.kind * 2 * np.pi / len(KINDS) + rng.normal(0, 0.22, total)
        away = 0.62 + rng.normal(0, 0.11, total) + 0.12 * np.sin(3 * angle)
        self.x = (away * np.cos(angle)).astype(np.float32)
        self.y = (away * np.sin(angle) * 0.8).astype(np.float32)
        self.side = (np.arange(total) >= reference).astype(np.uint8)
        self.row = np.r_[np.arange(reference), np.arange(samples)].astype(np.uint32)
        self.verdict = rng.choice(8, samples, p=[0.05, 0.03, 0.66, 0.12, 0.05, 0.07, 0.015, 0.005])
        off = reference + np.flatnonzero(self.verdict == 5)
        self.x[off] = rng.normal(0, 0.16, len(off))
        self.y[off] = rng.normal(0, 0.13, len(off))
        self.nearest = rng.integers(0, reference, samples)
        copies = self.verdict < 2
        self.x[reference:][copies] = self.x[self.nearest[copies]] + 0.004
        self.y[reference:][copies] = self.y[self.nearest[copies]]
        self.kind[reference:][copies] = self.kind[self.nearest[copies]]
        self.rng, self.names = rng, names or []
        self.decisions: list[dict] = []
        self.judged, self.exports = 0, []
        self.bare = False
        """Whether there are no verdicts, no pictures, and nothing to judge or decide."""
        self.without: set[int] = set()
        """Rows of samples whose picture is gone."""
        self.longest = 4096
        """Pixels of the longest side of the pictures: a server sends none larger than it has."""

    @functools.cached_property
    def table(self) -> pa.Table:
        n, rng = self.samples, self.rng
        rarity = rng.gamma(9, 0.9, n)
        rarity[self.verdict == 5] = np.nan
        ids = [f"gan/{i:07d}.png" for i in range(n)]
        ids[: len(self.names)] = self.names[:n]
        kinds = np.array(KINDS)[self.kind[self.reference :]]
        words = ["a photo of a", "studio light,", "worn", "on white,"]
        coin = rng.integers(0, 4, n)
        reasons = [f"Made up: the picture is {VERDICTS[v]}." for v in self.verdict]
        return pa.table({
            "id": ids,
            "verdict": pa.array([VERDICTS[v] for v in self.verdict]).dictionary_encode(),
            "reason": pa.array(reasons).dictionary_encode(),
            "label": pa.array(kinds).dictionary_encode(),
            "prompt": pa.array([f"{words[c]} {k}" for c, k in zip(coin, kinds, strict=True)]),
            "rarity": rarity,
            "nearest_distance": rng.gamma(6, 0.8, n),
            "copy_p": np.where(self.verdict < 2, 10.0 ** -rng.uniform(3, 5, n), rng.random(n)),
            "realism": rng.gamma(20, 0.06, n),
            "balls": rng.poisson(6, n),
            "inside": self.verdict != 5,
            "nearest": pa.array([f"train/{i:06d}.png" for i in self.nearest]),
            "seed": pa.array(rng.integers(0, 2**31, n)),
        })  # fmt: skip

    def about(self) -> dict:
        per = ACROSS * ACROSS
        found = {
            "title": "Made-up shoes beside made-up photos",
            "samples": self.samples, "reference": self.reference,
            "columns": [dict(zip(("name", "unit", "direction", "sentence"),
                                 (name, unit, direction, sentence), strict=True),
                             kind=kind, label=name.replace("_", " "))
                        for name, kind, unit, direction, sentence in COLUMNS],
            "verdicts": VERDICTS,
            "atlas": {"cell": CELL, "across": ACROSS, "sheet": per, "format": "webp",
                      "sheets": -(-(self.samples + self.reference) // per)},
            "can": {"judge": True, "decide": True, "search": True},
            "k": 3, "alpha": 0.01, "reference_name": "train/",
            "projection": "Made up: no vectors were projected.",
            "more": {"kept": "Kept in decisions.csv."},
        }  # fmt: skip
        if self.bare:
            found["atlas"] = None
            found["can"] = {"judge": False, "decide": False, "search": False}
            found["columns"] = [one for one in found["columns"] if one["name"] != "verdict"]
            found["more"] = {"pictures": {"samples": False, "reference": False}}
        return found

    def points(self) -> pa.Table:
        return pa.table({"x": self.x, "y": self.y, "side": self.side, "row": self.row})

    def picture(self, side: int, row: int, edge: int) -> Image.Image:
        """A shape in the colour of its kind, each third one wide; a copy looks like its source."""
        if side and self.verdict[row] < 2:
            return self.picture(0, int(self.nearest[row]), edge)
        edge = min(edge, self.longest)
        kind = int(self.kind[self.reference * side + row])
        dice = np.random.default_rng([side, row])
        tall = edge if row % 3 else edge * 2 // 3
        image = Image.new("RGB", (edge, tall), (236, 231, 222))
        draw, red = ImageDraw.Draw(image), HUES[kind % len(HUES)]
        for step in range(3):
            shade = tuple(min(255, c + 45 * step) for c in red)
            box = np.sort(dice.uniform(0.08, 0.8, (2, 2)), axis=0) * (edge, tall)
            spot = [*box[0], *(box[1] + tall * 0.12)]
            (draw.ellipse if (kind + step) % 2 else draw.rectangle)(spot, fill=shade)
        return image

    def sheet(self, number: int) -> Image.Image:
        per, total = ACROSS * ACROSS, self.samples + self.reference
        whole = Image.new("RGBA", (ACROSS * CELL, ACROSS * CELL))
        for cell in range(min(per, total - number * per)):
            point = number * per + cell
            if self.side[point] and int(self.row[point]) in self.without:
                continue
            tile = self.picture(int(self.side[point]), int(self.row[point]), CELL)
            whole.paste(tile, (cell % ACROSS * CELL, cell // ACROSS * CELL))
        return whole

    def neighbours(self, side: int, row: int, count: int) -> list[dict]:
        rows = np.random.default_rng([7, side, row]).integers(0, self.reference, count)
        rows[0] = self.nearest[row] if side else rows[0]
        return [{"row": int(r), "id": f"train/{r:06d}.png", "distance": 1 + i / 4, "side": 0,
                 "owner": i == 1, "radius": 2.5} for i, r in enumerate(rows)]  # fmt: skip

    def record(self, row: int) -> dict:
        line = self.table.slice(row, 1).to_pylist()[0]
        near = int(self.nearest[row])
        region = [[0.2, 0.2], [0.8, 0.25], [0.75, 0.8], [0.25, 0.7]]
        copied = self.verdict[row] < 2
        source = {"row": near, "id": f"train/{near:06d}.png", "sample_region": region,
                  "source_region": region, "edit": "mirrored", "p": 0.0001}  # fmt: skip
        numbers = [{"name": n, "label": n.replace("_", " "),
                    "text": "–" if line[n] != line[n] else f"{line[n]:.4g}"}
                   for n in ("rarity", "nearest_distance", "copy_p", "balls")]  # fmt: skip
        return {
            "id": line["id"], "verdict": line["verdict"], "sentence": line["reason"],
            "numbers": numbers, "nearest": {"row": near, "id": f"train/{near:06d}.png"},
            "owner": self.neighbours(1, row, 2)[1],
            "source": source if copied else None,
            "decision": next((d for d in self.decisions if d["sample"] == row), None),
        }  # fmt: skip

    def judge(self, data: bytes) -> dict:
        """Each picture that was sent lies in the middle of the map."""
        count = data.count(b'name="image"')
        self.judged += count
        return {"records": [
            {"name": f"picture {i + 1}", "verdict": "near copy", "source": None,
             "sentence": "It is nearer to a reference image than real images are.",
             "numbers": [{"name": "rarity", "label": "rarity", "text": "7.1"}],
             "nearest": {"row": 3, "id": "train/000003.png"}, "owner": None,
             "neighbours": self.neighbours(0, i, 12), "x": 0.05 * i, "y": 0.0}
            for i in range(count)
        ]}  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    """One request; the world is the server's."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, data: bytes, kind: str, status: int = 200, kept: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", f"max-age={kept}")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(data)

    def json(self, value: object, status: int = 200) -> None:
        self.send(json.dumps(value).encode(), "application/json", status)

    def arrow(self, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self.send(sink.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream")

    def image(self, image: Image.Image) -> None:
        sink = io.BytesIO()
        image.save(sink, "WEBP", quality=80, method=0)
        self.send(sink.getvalue(), "image/webp")

    def do_GET(self) -> None:
        world, url = self.server.world, urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
        match url.path.strip("/").split("/"):
            case [""]:
                self.send((STATIC / "index.html").read_bytes(), TYPES[".html"])
            case ["static", name] if (STATIC / name).is_file() and ".." not in name:
                kept = self.server.seconds_kept
                self.send((STATIC / name).read_bytes(), TYPES[Path(name).suffix], kept=kept)
            case ["data", "about.json"]:
                self.json(world.about())
            case ["data", "points.arrow"]:
                self.arrow(world.points())
            case ["data", "table.arrow"]:
                names = asked.get("columns")
                self.arrow(world.table.select(names.split(",")) if names else world.table)
            case ["data", "reference.arrow"]:
                rows = range(world.reference)
                self.arrow(pa.table({"id": [f"train/{i:06d}.png" for i in rows]}))
            case ["atlas", number]:
                self.image(world.sheet(int(number)))
            case ["picture", "1", row] if int(row) in world.without:
                self.json({"title": "The picture is gone.", "status": 404}, 404)
            case ["picture", side, row]:
                self.image(world.picture(int(side), int(row), int(asked.get("edge", 256))))
            case ["neighbours", side, row]:
                count = int(asked.get("count", 12))
                self.json({"neighbours": world.neighbours(int(side), int(row), count)})
            case ["record", row]:
                self.json(world.record(int(row)))
            case ["decisions"]:
                self.json({"decisions": world.decisions})
            case _:
                self.json({"title": "Not found", "status": 404}, 404)

    def do_POST(self) -> None:
        world = self.server.world
        data = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/v1/judge":
                self.json(world.judge(data))
            case "/decisions":
                new = json.loads(data)
                old = [d for d in world.decisions if d["sample"] == new["sample"]]
                kept = [d for d in world.decisions if d["sample"] != new["sample"]]
                entry = {"decision": None, "note": "", "star": False, **(old[0] if old else {})}
                world.decisions = [*kept, {**entry, **new}]
                self.json(world.decisions[-1])
            case "/export":
                asked = json.loads(data)
                world.exports.append(asked)
                self.send(b"id\n" + b"x\n" * len(asked["rows"]), "text/csv")
            case _:
                self.json({"title": "Not found", "status": 404}, 404)


class Server(ThreadingHTTPServer):
    """A world on a free port of this machine."""

    daemon_threads = True
    seconds_kept = 0
    """For how long a browser may keep the modules."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that ends breaks its connections off."""

    def __init__(self, world: World, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.world = world

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@contextlib.contextmanager
def served(world: World):
    """The server of a world, in a thread."""
    server = Server(world)
    server.seconds_kept = 3600
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    made = World(points - points // 4, points // 4)
    assert made.table.num_rows  # made before the first request
    server = Server(made, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    sys.stdout.write(f"{server.address}\n")
    sys.stdout.flush()
    server.serve_forever()
