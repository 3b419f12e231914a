"""Work ahead: threads make results before they are taken, within a bounded window.

Used where images become vectors (`embed.py`), and where an index is made of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def work_ahead(
    crew: Executor,
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    window: Callable[[Result], int],
    weight: Callable[[Task], int] = lambda _: 0,
    room: int = 0,
) -> Iterator[Result]:
    """What `work` makes of the tasks, in order; each result tells how many may be under way.

    Nor do tasks under way weigh more than `room`, other than a single one.
    """
    in_flight: deque[tuple[Future[Result], int]] = deque()
    most, weighs = 1, 0
    for task in tasks:
        in_flight.append((crew.submit(work, task), weight(task)))
        weighs += in_flight[-1][1]
        while len(in_flight) >= most or weighs > room:
            future, weight_of_it = in_flight.popleft()
            weighs -= weight_of_it
            result = future.result()
            most = window(result)
            yield result
    while in_flight:
        yield in_flight.popleft()[0].result()


@contextmanager
def crew_of(threads: int) -> Iterator[Executor]:
    """Threads that, when the block ends early, finish what they are at and begin nothing new."""
    crew = ThreadPoolExecutor(threads, thread_name_prefix="rara")
    try:
        yield crew
    finally:
        crew.shutdown(cancel_futures=True)
