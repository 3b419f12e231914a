"""What verdicts say where the answer is known: into docs/explanation/verdict.md by hand.

    python studies/verdicts.py

Gaussian data in 16 dimensions against 4,000 reference images, and the demo's Fashion-MNIST:
fresh images, the generators, and fresh images whose class the reference lacks. Half a minute.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from rara import Reference, ScoreTable

FASHION = Path(__file__).parents[1] / "examples" / "fashion"


def main() -> None:
    """Print a line for each experiment."""
    gaussian()
    fashion()


def gaussian() -> None:
    """Fresh images, over-dispersed ones, and a mode that is lacking."""
    rng = np.random.default_rng(0)
    for dimensions in (4, 16):
        reference = Reference.from_features(rng.normal(size=(4000, dimensions)))
        for scale in (1.0, 1.5, 2.0):
            table = reference.score_features(scale * rng.normal(size=(2000, dimensions)))
            say(f"Gaussian, {dimensions} dimensions, x{scale:g}", table)
            if scale == 1:
                steadiness(table)
        samples = rng.normal(size=(1100, dimensions))
        samples[1000:, 0] += 12
        table = reference.score_features(samples)
        say("  100 of a lacking mode among 1,000", table.filter(np.arange(1100) >= 1000))


def fashion() -> None:
    """The demo's images, and each class left out of the reference in turn."""
    reference = Reference.fit(FASHION / "reference.zip")
    for name in ("heldout", "gan-1.0", "gan-0.5", "vae"):
        say(name, reference.score(FASHION / f"{name}.zip"))
    labels = np.array([name.split("/")[0] for name in reference.ids])
    for label in np.unique(labels):
        lacking = reference.without(np.array(reference.ids)[labels == label].tolist())
        table = lacking.score(FASHION / "heldout.zip")
        ours = np.array([name.startswith(f"{label}/") for name in table["id"]])
        say(f"without {label}: those", table.filter(ours))
        say("  all others", table.filter(~ours))


def steadiness(table: ScoreTable) -> None:
    """How far each verdict is the same at other k."""
    for verdict in sorted(set(table["verdict"])):
        stability = table["stability"][table["verdict"] == verdict]
        print(f"  {verdict}: mean stability {stability.mean():.2f}")
    print("  rankings:", table.provenance["verdict"]["k"]["rank_correlation"])


def say(what: str, table: ScoreTable) -> None:
    """The counts by verdict."""
    counts = Counter(table["verdict"]).most_common()
    print(f"{what}:", ", ".join(f"{count:,} {verdict}" for verdict, count in counts), flush=True)


if __name__ == "__main__":
    main()
