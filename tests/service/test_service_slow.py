"""Fuzzed from its own document, and soaked under load with memory that stays: minutes.

RARA_SOAK_SECONDS makes the soak shorter or longer than its 20 minutes.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pytest

from uploading import Load, parts, served

pytestmark = pytest.mark.slow

SOAK = float(os.environ.get("RARA_SOAK_SECONDS", "1200"))
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "positive_data_acceptance", "unsupported_method",
)  # fmt: skip


def test_schemathesis_finds_nothing(pictures):
    pytest.importorskip("schemathesis")
    command = Path(sys.executable).with_name("schemathesis")
    with served(pictures / "train") as (_, address):
        words = [command, "run", f"{address}openapi.json", "--max-examples", "150", "--seed", "1",
                 "--checks", ",".join(CHECKS), "--continue-on-failure"]  # fmt: skip
        run = subprocess.run(words, capture_output=True, text=True, timeout=1500)
        assert run.returncode == 0, run.stdout[-8000:]
        assert "Tested: 8" in run.stdout  # all but the document itself
        assert httpx.get(f"{address}v1/health").json()["status"] == "ok"


def resident(address):
    """Memory of the process in megabytes, as its metrics have it."""
    lines = httpx.get(f"{address}metrics", timeout=60).text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("process_resident")]
    return float(value) / 1e6


def test_memory_stays_flat_under_load(pictures):
    """Eight clients without a pause. After a tenth of the time, memory grows by less than 5 %."""
    images = [*parts(pictures / "samples"), *parts(pictures / "train")[:6]]
    with served(pictures / "train") as (_, address):
        loads = [Load(address, image, clients=1) for image in images[:8]]
        begun, measured = time.monotonic(), []
        while (passed := time.monotonic() - begun) < SOAK:
            time.sleep(min(5, SOAK / 60))
            measured.append((passed / SOAK, resident(address)))
            for row in range(5):
                edge = 16 + len(measured) % 600
                httpx.get(f"{address}v1/thumbnails/{row}?edge={edge}", timeout=60)
        for load in loads:
            load.join(end=True)
        answers = sum((load.answers for load in loads), Counter())
        lost = [one for load in loads for one in load.lost]
    early = np.median([size for share, size in measured if 0.1 < share < 0.2])
    late = np.median([size for share, size in measured if share > 0.9])
    say = f"{answers[200]:,} answers, {early:.1f} MB, later {late:.1f} MB"
    assert lost == [], say
    assert set(answers) == {200}
    assert answers[200] > SOAK  # of a cheap network: more than one a second in any case
    assert late < 1.05 * early, say
    sys.stderr.write(f"{say}\n")
