"""A service in a process of its own, to be stopped and soaked: python process.py FOLDER [SECONDS].

It judges with a cheap network, each request at least SECONDS long, and prints its address.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import rara
from embedding import Means
from rara.run import Run
from rara.service.judging import Judge
from rara.service.running import serve
from rara.service.security import Guard
from rara.service.serving import Serving
from uploading import app_of


class Slow(Judge):
    """Takes its time."""

    seconds = 0.0

    def judge(self, images, **how):
        time.sleep(self.seconds)
        return super().judge(images, **how)


def main(place, seconds="0"):
    reference = rara.Reference.fit(place, extractor=Means())
    judge = Slow(reference, run=Run())
    judge.seconds = float(seconds)
    serving, guard = Serving(judge, "train"), Guard(port=0)
    orderly = serve(
        app_of(serving, guard), guard, limits=serving.limits, draining=serving.begin_to_stop,
        ready=lambda address, _: say(address),
    )  # fmt: skip
    if not orderly:
        os._exit(130)
    serving.close()
    say("stopped")


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
