"""Generators led to rare, faithful images: what it gives, and where it breaks.

    pip install -e '.[torch]'
    apt-get install dataset-fashion-mnist
    python studies/guidance.py --generators .study/generators --work .study/guidance \
        [--into docs/studies/guidance.md] [--picture docs/pictures/guidance.webp]

leads the GAN of `generators.py` by the reward of rara.selection.torch; with --worlds also its
diffusion model and the GAN of faces. Half of the reference leads. The other half and fresh real
images judge.

    worlds      guidance_worlds.py     generators, and real images
    student     guidance_student.py    the network with gradients that guidance sees through
    methods     guidance_methods.py    guidance, and what was published before
    judged      guidance_judged.py     figures by the half that judges

Samples and vectors are kept in the work folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from guidance_judged import COPIES, OFF, YIELD, Judged, judged, ratio
from guidance_methods import Guide, of_diffusion, of_gan
from guidance_student import Student, explained, student_of
from guidance_worlds import World, world_of
from paper_data import Images, Work
from PIL import Image

from pages import insert
from rara import Features
from rara.stats.intervals import Estimate

TITLES = {
    "fashion": "GAN, Fashion-MNIST",
    "diffusion": "diffusion, Fashion-MNIST",
    "cifar10": "GAN, CIFAR-10",
    "faces": "DCGAN, faces",
}
COUNTS = {"fashion": 500, "faces": 300, "diffusion": 200, "cifar10": 300}
GOAL = 1.5
HARD = (0, 10, 30, 100)
"""Steps of a search without a prior."""
HARD_COUNT = 400


class Study:
    """One world: its guide, its samples and what is found of them."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name, self.options = name, options
        self.work = Work(options.work, threads=1)
        self.count = options.count or COUNTS[name]

    @cached_property
    def world(self) -> World:
        return world_of(self.name, self.options)

    @cached_property
    def student(self) -> Student:
        return student_of(self.world, self.work, self.options.work / "students")

    @cached_property
    def guide(self) -> Guide:
        return Guide.of(self.world, self.student, self.work)

    def kept(self, method: str, make: Callable[[], Images]) -> Images:
        """The samples of a method, made once."""
        folder = self.options.work / "samples"
        path = folder / f"{self.name}-{method}.npy".replace(" ", "-").replace(",", "")
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            began = time.process_time()
            np.save(path, make())
            print(f"{path}: {time.process_time() - began:.0f} s", flush=True)
        return np.load(path)

    @cached_property
    def samples(self) -> dict[str, Images]:
        methods = (of_diffusion if self.name == "diffusion" else of_gan)(self.guide)
        return {
            name: self.kept(f"{self.count}-{name}", partial(make, self.count))
            for name, make in methods.items()
        }

    def by_network(self, samples: Mapping[str, Images], network: str) -> dict[str, Judged]:
        """Judged by a network's vectors, or by those that the guide sees ("student")."""
        fresh = self.world.fresh if network == "pooled" else None
        see = partial(self.seen, network=network)
        vectors = {name: see(images) for name, images in samples.items()}
        reals = None if fresh is None else see(fresh)
        return judged(vectors, see(self.world.judge), reals, self.work)

    def seen(self, images: Images, network: str) -> Features:
        if network == "student":
            return Features.from_arrays(self.student.of(images))
        return self.work.features(images, network)

    @cached_property
    def judged(self) -> dict[str, Judged]:
        return self.by_network(self.samples, "pooled")

    def hard(self, kind: str, steps: int) -> Images:
        """Optimised hard: no prior, and so many steps."""
        reward = self.guide.reward if kind == "reward" else self.guide.knn
        make = partial(self.guide.searched, HARD_COUNT, reward, steps=steps, prior=0.0)
        return self.kept(f"hard-{HARD_COUNT}-{kind}-{steps}", make)


# -- tables ----------------------------------------------------------------------------


def percent(found: Estimate) -> str:
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def plain(found: object, places: int = 2, scale: float = 1) -> str:
    value, low, high = (scale * getattr(found, name) for name in ("value", "low", "high"))
    return f"{value:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def goal_table(studies: list[Study]) -> Iterator[str]:
    yield (
        "| generator | led by | yield, % | times the base's | off-manifold excess, % | "
        "precision, % | FID | copies, % | coverage, % | repeats, % | AUC | goal |"
    )
    yield "|---|---|---|---|---|---|---|---|---|--:|--:|---|"
    for study in studies:
        base = study.judged["base"]
        for name, one in study.judged.items():
            cells = [
                TITLES[study.name] if one is base else "", name,
                percent(one.share(YIELD)),
                "" if one is base else plain(ratio(one, base), 1),
                percent(one.excess(OFF)),
                plain(one.sets["precision"], 0, 100),
                plain(one.sets["fid"], 1),
                percent(one.share(COPIES)),
                plain(one.sets["coverage"], 0, 100),
                f"{100 * one.repeats:.1f}", f"{one.auc:.2f}",
                "" if one is base else met(one, base),
            ]  # fmt: skip
            yield f"| {' | '.join(cells)} |"


def met(one: Judged, base: Judged) -> str:
    """Whether the goal is met, or which parts are missed.

    A figure is worse where it is beyond the base's interval on the wrong side.
    """
    sure = ratio(one, base)
    missed = {
        "yield": not sure.value >= GOAL,
        "off": one.excess(OFF).value > base.excess(OFF).high,
        "precision": one.sets["precision"].value < base.sets["precision"].low,
        "FID": one.sets["fid"].value > base.sets["fid"].high,
        "copies": one.share(COPIES).value > base.share(COPIES).high,
        "coverage": one.sets["coverage"].value < base.sets["coverage"].low,
    }
    names = [name for name, is_missed in missed.items() if is_missed]
    if names:
        return f"missed: {', '.join(names)}"
    return "**met**" if sure.low >= GOAL else "met, but not surely"


def hard_table(study: Study) -> Iterator[str]:
    kinds = {"reward": "reward", "knn": "k-NN distance"}
    samples = {(kind, n): study.hard(kind, n) for kind in kinds for n in HARD if n or kind != "knn"}
    named = {f"{kind}-{n}": images for (kind, n), images in samples.items()}
    seen = study.by_network(named, "student")
    held, pixels = study.by_network(named, "pooled"), study.by_network(named, "pixels")
    yield (
        "| led by | steps | mean reward | yield by what leads, % | by the default network, % | "
        "by pixels, % | off-manifold excess, default network, % | pixels, % | AUC | AUC, pixels |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for (kind, n), images in samples.items():
        key = f"{kind}-{n}"
        cells = [
            kinds[kind] if n == HARD[0] or (kind == "knn" and n == HARD[1]) else "", str(n),
            f"{float(study.guide.rewards(images).nanmean()):.2f}",
            *(f"{100 * one[key].share(YIELD).value:.1f}" for one in (seen, held, pixels)),
            *(f"{100 * one[key].excess(OFF).value:.1f}" for one in (held, pixels)),
            *(f"{one[key].auc:.2f}" for one in (held, pixels)),
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def student_table(studies: list[Study]) -> Iterator[str]:
    yield "| generator | variance of the judging half's vectors that the small network predicts |"
    yield "|---|--:|"
    for study in studies:
        share = explained(study.student, study.world, study.work)
        yield f"| {TITLES[study.name]} | {100 * share:.0f} % |"


def picture(study: Study, path: Path, shown: int = 20, scale: int = 2) -> None:
    """Samples as they are, guided, and optimised hard by either: a row each."""
    hard = [study.hard(kind, HARD[-1]) for kind in ("reward", "knn")]
    rows = [study.samples["base"], study.samples["guided"], *hard]
    sheet = np.concatenate([np.concatenate(list(row[:shown]), 1) for row in rows])
    image = Image.fromarray(sheet)
    size = (image.width * scale, image.height * scale)
    image.resize(size, Image.Resampling.NEAREST).save(path, quality=80, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generators", dest="out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--cifar10", type=Path, default=Path(".study/cifar10"))
    parser.add_argument("--worlds", nargs="+", choices=TITLES, default=["fashion"])
    parser.add_argument("--sections", nargs="+", default=["goal", "hard", "student"])
    parser.add_argument("--count", type=int, help="samples of each method")
    options = parser.parse_args()
    options.only, options.again = (), False
    options.steps_scale, options.precision = 1.0, "bfloat16"
    torch.set_num_threads(1)
    studies = [Study(name, options) for name in options.worlds]
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "goal": lambda: goal_table(studies),
        "hard": lambda: hard_table(studies[0]),
        "student": lambda: student_table(studies),
    }
    for name in options.sections:
        table = "\n".join(tables[name]())
        print(table, flush=True)
        if options.into:
            insert(options.into, f"{table}\n", "guidance", name)
    if options.picture:
        picture(studies[0], options.picture)


if __name__ == "__main__":
    main()
