"""Runs of the command that are ended at any moment, for the fast test and the slow one."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

MESSAGE = "Interrupted. Finished work is kept: the same command goes on from there."
ORDERLY = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Place:
    """A folder with images, and what a run of `rara score` writes beside them."""

    root: Path
    lasts: float = 0.0
    """Seconds that an undisturbed first run takes."""
    expected: bytes = b""
    """The table that it writes."""
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def table(self):
        return self.root / "out" / "scores.json"

    @property
    def page(self):
        return self.root / "out" / "page.html"

    def start(self, cache):
        """Begin a run; nothing is captured but stderr."""
        words = ["score", "samples", "--reference", "train", "-o", self.table]
        return subprocess.Popen(
            [sys.executable, "-m", "rara", *map(str, words), "--report", str(self.page)],
            env={**os.environ, "RARA_CACHE": str(self.root / cache)},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=signals_of_a_terminal,
        )

    def undisturbed(self, cache):
        """The table of a whole run."""
        begun = time.monotonic()
        process = self.start(cache)
        _, err = process.communicate()
        assert process.returncode == 0, err
        self.lasts = time.monotonic() - begun
        return self.table.read_bytes()

    def kill(self, cache, number, after):
        """A run that gets a signal so many seconds after it listens; gives code and stderr."""
        process = self.start(cache)
        _wait_until_it_listens(process)
        time.sleep(after)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def temporary(self):
        return [path for path in (self.root / "out").glob("*") if path.name.startswith(".")]


def check(place, number, code, out, err):
    """What must hold of a run that got a signal, at whatever moment."""
    name = signal.Signals(number).name
    if number in ORDERLY:
        assert code in (0, 130), (name, code, err)
        assert "Traceback" not in err, err
        assert "Exception" not in err, err
        assert not place.temporary()
        if code == 130 and not out:
            assert err.count(MESSAGE) == 1, err
        if code == 0:
            assert place.table.read_bytes() == place.expected
            assert "Judged" in out
    else:
        assert code in (0, -number)
    if place.table.exists():
        assert place.table.read_bytes() == place.expected
    if place.page.exists():
        assert place.page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    key = f"{name} {code}"
    place.codes[key] = place.codes.get(key, 0) + 1


def signals_of_a_terminal():
    """A shell's background jobs ignore Ctrl-C, and hand that on."""
    for number in ORDERLY:
        signal.signal(number, signal.SIG_DFL)


def _wait_until_it_listens(process):
    """Before Python runs the first line of rara, signals are none of rara's business."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.0005)
