"""Files damaged at random: an image or a reason, and nothing else, within time and memory."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")

WORKER = Path(__file__).parents[1] / "mutated_images.py"


def outcome(seed, count):
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", WORKER, str(seed), str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert ended.returncode == 0, (seed, ended.stderr[-500:])
    # libtiff says on stderr what it dislikes, and Pillow has no way to mute it
    assert "Warning" not in ended.stderr, seed
    assert "Traceback" not in ended.stderr, seed
    return json.loads(ended.stdout)


def test_damaged_files_give_an_image_or_a_reason():
    found = outcome(0, 300)
    assert found["wrong"] == []
    assert found["found"]["image"] > 30
    assert found["found"]["reason"] > 30
    assert sum(found["found"].values()) == 300


@pytest.mark.slow
def test_ten_thousand_damaged_files_give_an_image_or_a_reason(capsys):
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as crew:
        all_found = list(crew.map(lambda seed: outcome(seed, 1_000), range(1, 13)))
    counts = {kind: sum(f["found"][kind] for f in all_found) for kind in ("image", "reason")}
    with capsys.disabled():
        slowest = max(f["slowest"] for f in all_found)
        print(f"{time.monotonic() - begun:.0f} s, {counts}, slowest {slowest:.2f} s")  # noqa: T201
    assert [wrong for f in all_found for wrong in f["wrong"]] == []
    assert sum(counts.values()) >= 10_000
