"""Threads that take tiles in turn.

Tiles are numpy products and compiled loops, and both release the interpreter lock. The matrix
library is limited to one thread, because each thread has its own tile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Self, TypeVar

from threadpoolctl import ThreadpoolController

from rara.machine import cores

Task = TypeVar("Task")


@cache
def _libraries() -> ThreadpoolController:
    """The matrix libraries that numpy loaded; to look for them takes longer than one sample."""
    return ThreadpoolController()


class _Limited:
    """The matrix library at one thread, as long as anybody needs it.

    All threads share the library: who ends first must not lift the limit of the others.
    """

    def __init__(self) -> None:
        self._lock, self._many, self._limits = threading.Lock(), 0, None

    def begin(self) -> None:
        with self._lock:
            if self._many == 0:
                self._limits = _libraries().limit(limits=1, user_api="blas")
            self._many += 1

    def end(self) -> None:
        with self._lock:
            self._many -= 1
            if self._many == 0 and self._limits is not None:
                self._limits.restore_original_limits()


_LIMITED = _Limited()


@contextmanager
def one_core() -> Iterator[None]:
    """Limit the matrix library to one thread inside the context; from any thread."""
    _LIMITED.begin()
    try:
        yield
    finally:
        _LIMITED.end()


class Crew:
    """Threads that share a list of tasks; a context manager."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="rara")
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        _LIMITED.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._pool.shutdown()
        _LIMITED.end()

    def each(self, work: Callable[[Task, int], None], tasks: Iterable[Task]) -> None:
        """Call `work(task, worker)` for every task; the first error stops all and is raised."""
        queue = iter(tasks)
        lock = threading.Lock()
        failed = threading.Event()

        def take(worker: int) -> None:
            while not (self._stop.is_set() or failed.is_set()):
                with lock:
                    task = next(queue, None)
                if task is None:
                    return
                try:
                    work(task, worker)
                except BaseException:
                    failed.set()
                    raise

        for future in [self._pool.submit(take, worker) for worker in range(self.threads)]:
            future.result()
