"""One run: how to work. Nothing here changes a score.

Ground: knows no source and no embedding, so that every wing can take a `Run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypedDict, get_args

from rara.arguments import path_of, short, whole
from rara.errors import ParameterError

OnFailed = Literal["keep", "retry"]
MetadataUse: TypeAlias = Literal["read", "ignore"]
"""Whether tables and sidecars are read; labels from folders always are."""
VectorUse: TypeAlias = Literal["cache", "forget"]
"""Whether vectors of images are kept in the cache and looked for there."""

DEFAULT_MAX_PIXELS = 128_000_000
"""The largest image that is decoded unless the caller says otherwise."""


class Progress(Protocol):
    """Hears how far a run is; all calls come from the thread that called `embed`."""

    def start(self, total: int | None, what: str) -> None:
        """Begin; `total` is None where only the end will tell the number of images."""

    def advance(self, *, done: int, cached: int, skipped: int) -> None:
        """So many more images got a vector, had one already, or failed; each counts once."""

    def finish(self) -> None:
        """End, whether the run went well or not."""


_CALLED = ("start", "advance", "finish")
"""The methods of a `Progress`."""


class Engine(TypedDict):
    """The options of a run for a scan of pairs."""

    memory: int | None
    threads: int | None
    progress: Callable[[int], None] | None


@dataclass(frozen=True, slots=True)
class Run:
    """How to work. Nothing here changes a score."""

    threads: int | None = None
    """By default one for each core."""
    memory: int | None = None
    """Bytes for the geometry beside the features, and for images while they are decoded; by
    default a quarter of the machine's."""
    cache: Path | None = None
    """Where vectors and radii are kept between runs; by default rara's cache folder."""
    on_failed: OnFailed = "keep"
    """Whether images that failed in an earlier run are tried again."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Larger images are skipped."""
    metadata: MetadataUse = "read"
    """"ignore" reads images alone, and no tables or small files that describe them."""
    vectors: VectorUse = "cache"
    """"forget" neither keeps vectors of images nor looks for them: for images that come once, one
    at a time, as in a service, where opening the cache takes longer than the network."""
    progress: Progress | None = None

    def engine(self, progress: Callable[[int], None] | None = None) -> Engine:
        """What the engine takes of it, for one scan of pairs."""
        return {"memory": self.memory, "threads": self.threads, "progress": progress}

    def __post_init__(self) -> None:
        for name in ("threads", "memory", "max_pixels"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole(value, name))
        if self.vectors not in get_args(VectorUse):
            raise ParameterError(f"vectors = {short(self.vectors)}: give 'cache' or 'forget'.")
        if self.cache is not None:
            object.__setattr__(self, "cache", path_of(self.cache, "cache"))
        if self.progress is not None and not all(
            callable(getattr(self.progress, name, None)) for name in _CALLED
        ):
            raise ParameterError(
                f"progress = {short(self.progress)}: give an object with the methods "
                f"{', '.join(_CALLED[:-1])} and {_CALLED[-1]}, or None."
            )


def checked_run(run: object) -> Run:
    """The run that a public function was given, or the usual one for None.

    Raises ParameterError where it is anything else.
    """
    if run is None:
        return Run()
    if not isinstance(run, Run):
        raise ParameterError(f"run = {short(run)}: give a rara.Run, or None.")
    return run


@contextmanager
def step(progress: Progress | None, what: str) -> Iterator[None]:
    """A step that nothing can be counted of, such as writing a page; it is named all the same."""
    with watching(progress, None, what):
        yield


@contextmanager
def watching(
    progress: Progress | None, pairs: int | None, what: str
) -> Iterator[Callable[[int], None] | None]:
    """The engine's count of pairs as the progress of a step."""
    if progress is None:
        yield None
        return
    progress.start(pairs, what)
    try:
        yield lambda count: progress.advance(done=count, cached=0, skipped=0)
    finally:
        progress.finish()
