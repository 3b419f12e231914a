"""`compute_prdc` against the numbers of the package prdc 0.2."""

from pathlib import Path

import numpy as np
import pytest

from make import gaussian
from rara import sets
from rara.adapters.prdc import compute_prdc
from rara.errors import FeatureError, ParameterError

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.npz"))
KEYS = ["precision", "recall", "density", "coverage"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_it_gives_the_numbers_of_prdc(path):
    with np.load(path) as golden:
        found = compute_prdc(golden["real"], golden["fake"], int(golden["k"]))
        assert list(found) == KEYS
        for name, value in found.items():
            assert type(value) is float
            assert value == pytest.approx(float(golden[name]), rel=1e-12)


def test_it_gives_the_numbers_of_prdc_where_that_is_installed(capsys):
    prdc = pytest.importorskip("prdc")
    for seed in range(3):
        real, fake = gaussian(300, 8, seed), 1.2 * gaussian(200, 8, seed + 100)
        theirs = prdc.compute_prdc(real, fake, nearest_k=5)
        assert compute_prdc(real_features=real, fake_features=fake, nearest_k=5) == pytest.approx(
            {name: float(value) for name, value in theirs.items()}, rel=1e-12
        )


def test_what_it_cannot_compare_is_refused():
    x = gaussian(10, 4)
    with pytest.raises(ParameterError, match="real_features have 4 dimensions, fake_features 3"):
        compute_prdc(x, x[:, :3], 3)
    for k in (0, 10):
        with pytest.raises(ParameterError, match="give 1 to 9, since there are 10 real_features"):
            compute_prdc(x, x, k)
    with pytest.raises(ParameterError, match="give 1 to 4, since there are 5 fake_features"):
        compute_prdc(x, x[:5], 5)
    with pytest.raises(FeatureError):
        compute_prdc(x * np.nan, x, 3)


@pytest.mark.parametrize("spread", [0.3, 1.0, 1.5])
def test_it_is_what_the_set_metrics_say(spread):
    """The adapter has a scan of its own, which keeps no pairs; the definitions are the same."""
    real, fake = gaussian(300, 6), spread * gaussian(200, 6, 1)
    found = compute_prdc(real, fake, 4)
    for name in KEYS:
        score = getattr(sets, name)(fake, real, k=4, boundary="official")
        assert found[name] == pytest.approx(score.value, rel=1e-12)
