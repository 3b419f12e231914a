"""Vectors to places on a plane: UMAP of exact neighbours, with a seed.

    vectors --exact neighbours--> graph --UMAP--> places

The library is `umap-learn`, which the extra `explore` brings. It is given rara's own exact
neighbours and starts from the first two principal axes, so that the same vectors always give the
same places on one machine. Few points are placed by the principal axes alone.

Source: McInnes, Healy and Melville 2018, arXiv:1802.03426.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rara.errors import MissingPackageError
from rara.geometry import neighbours
from rara.run import Run, step, watching

NEIGHBOURS: Final = 15
"""Neighbours of a point in the graph, the point itself included."""
SEED: Final = 0
EPOCHS: Final = 200
APART: Final = 0.5
"""How far apart neighbours are kept, for pictures in place of points: 0 packs them."""
START: Final = 5
"""Half the width of the plane that places start from."""
FEWEST: Final = 12
"""Fewer points are placed by the principal axes alone."""
_WIDEST: Final = 2048
"""Longer vectors are projected at random before their principal axes are taken."""
_BLOCK: Final = 1 << 22


def check_library() -> None:
    """Raise MissingPackageError where the library is not installed."""
    if find_spec("umap") is None:
        raise MissingPackageError(
            "The map takes umap-learn, which is not installed: run `pip install umap-learn`."
        )


def library() -> str:
    """The library and its version."""
    return f"umap-learn {version('umap-learn')}"


def projected(vectors: NDArray[np.float32], run: Run) -> NDArray[np.float64]:
    """The places of vectors (n, d) as (n, 2): what is alike lies together; distances far apart on
    the plane say nothing. Raises MissingPackageError."""
    start = principal_places(vectors)
    if len(vectors) < FEWEST:
        return start
    check_library()
    width = min(NEIGHBOURS, len(vectors)) - 1
    pairs = len(vectors) * (len(vectors) - 1) // 2
    with watching(run.progress, pairs, "Neighbours on the map") as advance:
        nearest, _ = neighbours(vectors, width, **run.engine(advance))
    own = np.arange(len(vectors))[:, None]
    index = np.hstack([own, nearest.index]).astype(np.int32)
    distance = np.hstack([np.zeros((len(vectors), 1)), np.sqrt(nearest.d2)]).astype(np.float32)
    with step(run.progress, "Making the map"):
        return _umap(vectors, index, distance, start)


def _umap(
    vectors: NDArray[np.float32],
    index: NDArray[np.int32],
    distance: NDArray[np.float32],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, about versions to come
        from umap import UMAP  # type: ignore[import-untyped]

        model = UMAP(
            n_neighbors=index.shape[1], precomputed_knn=(index, distance, None), n_epochs=EPOCHS,
            init=(START * start).astype(np.float32), min_dist=APART, random_state=SEED, n_jobs=1,
            force_approximation_algorithm=True,
        )  # fmt: skip
        places = np.asarray(model.fit_transform(vectors), np.float64)
    # A point without any edge has no place: it keeps the one that it started from.
    return np.where(np.isfinite(places), places, START * start)


def principal_places(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors along their first two principal axes, within -1 and 1; with a tiny noise of the seed,
    so that equal vectors do not start from one place."""
    rng = np.random.default_rng(SEED)
    narrow = _narrowed(vectors, rng)
    mean, covariance = _moments(narrow)
    _, axes = np.linalg.eigh(covariance)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])] < 0, -1, 1)
    places = np.zeros((len(vectors), 2))
    for rows in _blocks(narrow):
        places[rows, : axes.shape[1]] = (narrow[rows] - mean) @ axes
    largest = np.abs(places).max(initial=0)
    places = places / largest if largest > 0 else places
    noisy: NDArray[np.float64] = places + rng.normal(scale=1e-4, size=places.shape)
    return noisy


def _narrowed(vectors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    if vectors.shape[1] <= _WIDEST:
        return vectors
    mixing = rng.normal(size=(vectors.shape[1], 256)).astype(np.float32)
    return vectors @ mixing


def _moments(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance, block by block."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows in _blocks(vectors):
        centred = vectors[rows] - mean
        total += centred.T @ centred
    return mean, total / len(vectors)


def _blocks(vectors: NDArray[np.float32]) -> list[slice]:
    size = max(1, _BLOCK // vectors.shape[1])
    return [slice(at, at + size) for at in range(0, len(vectors), size)]
