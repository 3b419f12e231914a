"""Hostile archives by the thousand: nothing is lost in silence, nothing grows, nothing hangs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rara

ARCHIVES = 2800
MOST_MIB = 256


@pytest.mark.slow
def test_hostile_archives():
    here = Path(__file__).parents[1]
    script = here / "reading_archives.py"
    paths = os.pathsep.join([str(Path(rara.__file__).parents[1]), str(here)])
    done = subprocess.run(
        [sys.executable, script, "0", str(ARCHIVES)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    counts, peak = done.stdout.rsplit(maxsplit=1)
    counts = ast.literal_eval(counts)
    assert sum(counts.values()) == ARCHIVES
    assert {"refused", "skipped", "remarked", "whole", "whole, with a remark"} == set(counts)
    assert int(peak) < MOST_MIB
