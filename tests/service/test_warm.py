"""The first request of each kind finds all that is made once: nothing is loaded or compiled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

FIRST = """
import gc, io, json, sys
from numba.core.dispatcher import Dispatcher
from PIL import Image
import httpx
import numpy as np
import rara
from embedding import Means
from rara.run import Run
from rara.service.judging import Judge
from rara.service.serving import Serving
from uploading import listening, parts

judge = Judge(rara.Reference.fit(sys.argv[1], extractor=Means()), run=Run())

def made():
    loops = [one for one in gc.get_objects() if isinstance(one, Dispatcher)]
    return set(sys.modules), sum(len(one.signatures) for one in loops)

sink = io.BytesIO()
noise = np.random.default_rng(5).integers(0, 256, (200, 300, 3), dtype=np.uint8)
Image.fromarray(noise).save(sink, "JPEG")
copy = parts(sys.argv[1])[:1]
asked = {
    "new": ("/v1/judge", [("image", ("a.jpg", sink.getvalue()))]),
    "copy": ("/v1/judge?judged=alone", copy),
    "sheet": ("/v1/judge?sheets=split", copy),
    "broken": ("/v1/judge", [("image", ("b.jpg", b"no picture"))]),
    **{f"{by} {kind}": (f"/v1/search?by={by}", files) for by in ("copy", "look", "meaning")
       for kind, files in (("new", [("image", ("a.jpg", sink.getvalue()))]), ("own", copy))},
    "neighbours": ("/v1/neighbours?image=0", None), "thumbnail": ("/v1/thumbnails/0", None),
    "reference": ("/v1/reference", None), "metrics": ("/metrics", None),
}
found = {}
with listening(Serving(judge, "train")) as address, httpx.Client(base_url=address) as client:
    client.timeout = 60
    client.get("/v1/health")  # what the client itself loads
    client.post("/v1/judge", files=[("picture", b"x")])
    for name, (path, files) in asked.items():
        modules, loops = made()
        answer = client.post(path, files=files) if files else client.get(path)
        assert answer.status_code == 200, answer.text
        later = made()
        found[name] = [sorted(later[0] - modules), later[1] - loops]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_no_first_request_loads_or_compiles_anything(pictures):
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(pictures / "train")], cwd=TESTS, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 14
    assert {name: one for name, one in found.items() if one != [[], 0]} == {}
