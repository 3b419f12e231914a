"""Whose turn it is: long comparisons and searches keep no judgement waiting; queues have ends."""

import asyncio
import io
import threading
import time
from dataclasses import replace

import httpx
import numpy as np
import pytest
from PIL import Image

from rara.reference import judging as finding
from rara.service import problems
from rara.service.limits import Limits
from rara.service.serving import Serving
from rara.service.work import Crew
from uploading import HOST, app_of, parts


def started(crew, *works):
    return [asyncio.create_task(crew.do(work)) for work in works]


def aside(crew, hold, order, name):
    def work():
        order.append(f"{name} begins")
        with crew.aside():
            assert hold.wait(60)
            order.append(f"{name} is compared")
        order.append(f"{name} ends")
        return name

    return work


def test_who_steps_aside_keeps_nobody_waiting():
    crew, hold, order = Crew(2), threading.Event(), []

    async def all_of_them():
        slow = started(crew, *(aside(crew, hold, order, name) for name in "ab"))
        await asyncio.sleep(0.05)
        assert (crew.here, crew.aside_now) == (0, 2)
        for number in range(4):
            await asyncio.wait_for(crew.do(lambda number=number: order.append(number)), 10)
        hold.set()
        assert await asyncio.gather(*slow) == ["a", "b"]
        assert (crew.here, crew.aside_now) == (0, 0)

    asyncio.run(all_of_them())
    assert order[:6] == ["a begins", "b begins", 0, 1, 2, 3]
    assert [one for one in order[6:] if "compared" in one] == ["a is compared", "b is compared"]
    crew.close()


def test_one_at_a_time_is_aside_and_comes_back_before_all_others():
    crew, order, lock = Crew(8), [], threading.Lock()
    most = now = 0

    def work():
        nonlocal most, now
        for _ in range(2):
            with crew.aside():
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.01)
                with lock:
                    now -= 1

    async def several():
        await asyncio.gather(*(crew.do(work) for _ in range(5)))
        go = threading.Event()

        def long():
            with crew.aside():
                assert go.wait(20)
            order.append("long")

        def short():
            go.set()
            time.sleep(0.1)  # meanwhile the long one asks for its turn
            order.append("short")

        await asyncio.gather(crew.do(long), crew.do(short), crew.do(lambda: order.append("last")))

    asyncio.run(several())
    assert most == 1
    assert order == ["short", "long", "last"]
    assert (crew.here, crew.aside_now) == (0, 0)
    crew.close()


def test_the_queue_aside_has_an_end_of_its_own():
    crew, hold, order = Crew(1), threading.Event(), []

    async def crowd():
        slow = started(crew, *(aside(crew, hold, order, name) for name in "ab"))
        await asyncio.sleep(0.05)
        with pytest.raises(problems.Problem) as sent_away:
            await crew.do(aside(crew, hold, order, "c"))
        assert await crew.do(lambda: 1) == 1
        hold.set()
        await asyncio.gather(*slow)
        return sent_away.value

    problem = asyncio.run(crowd())
    assert (problem.status, problem.code) == (429, "too-busy")
    assert problem.detail == "2 requests compare pictures already, as many as may."
    assert dict(problem.headers)[b"retry-after"].isdigit()
    assert (crew.here, crew.aside_now) == (0, 0)
    crew.close()


def test_outside_of_a_crew_nobody_steps_aside():
    crew = Crew(1)
    with crew.aside():
        assert crew.aside_now == 0

    def fails():
        with crew.aside():
            raise RuntimeError("planned")

    async def both():
        with pytest.raises(RuntimeError, match="planned"):
            await crew.do(fails)
        return await crew.do(lambda: 1)  # its turn was given on

    assert asyncio.run(both()) == 1
    crew.close()


@pytest.fixture
def fresh(judge):
    made = Serving(judge, "train", limits=Limits(waiting=3))
    yield made
    made.close()


def test_a_copy_is_compared_beside_others_and_gets_the_same_answer(fresh, pictures, monkeypatch):
    """While pictures of one request are compared, others are judged; each answer stays the same."""
    hold, compared = threading.Event(), []
    looked, near, app = finding.find_sources, finding.candidates_near, app_of(fresh)
    copies = [[one] for one in parts(pictures / "train")[:2]]
    new = [("image", ("new.png", far_away()))]

    def only_copies(columns, samples, *rest, **more):
        """Of a reference so small all images are compared otherwise."""
        some = near(columns, samples, *rest, **more)
        return (
            replace(some, as_whole={}, by_features={}, aligned={})
            if (samples.done["id"].to_pylist() == ["new.png"])
            else some
        )

    monkeypatch.setattr(finding, "candidates_near", only_copies)
    alone = [ask(app, "/v1/judge", one) for one in (*copies, new)]

    def slow(candidates, *rest, **more):
        if candidates:
            compared.append(fresh.crew.aside_now)
            assert hold.wait(60)
        return looked(candidates, *rest, **more)

    monkeypatch.setattr(finding, "find_sources", slow)

    async def together():
        first = [asyncio.create_task(asked(app, "/v1/judge", one)) for one in copies]
        while fresh.crew.aside_now < 2:
            await asyncio.sleep(0.01)
        quick = await asyncio.wait_for(asked(app, "/v1/judge", new), 60)
        assert not any(one.done() for one in first)
        hold.set()
        return [*await asyncio.gather(*first), quick]

    assert asyncio.run(together()) == alone
    assert len(compared) == 2
    assert (fresh.crew.here, fresh.crew.aside_now) == (0, 0)


def test_a_search_keeps_no_judgement_waiting(fresh, monkeypatch):
    hold, app = threading.Event(), app_of(fresh)
    new = [("image", ("new.png", far_away()))]
    monkeypatch.setattr(fresh, "search", lambda *_, **__: [{"held": hold.wait(60)}])

    async def together():
        searches = [asyncio.create_task(asked(app, "/v1/search", new)) for _ in range(4)]
        while fresh.searchers.here < 4:
            await asyncio.sleep(0.01)
        judged = await asyncio.wait_for(asked(app, "/v1/judge", new), 60)
        refused = await asked(app, "/v1/search", new)
        hold.set()
        return judged, refused, await asyncio.gather(*searches)

    judged, refused, searches = asyncio.run(together())
    assert judged[0]["verdict"]
    assert refused["code"] == "too-busy"  # its queue has an end of its own
    assert searches == [[{"held": True}]] * 4


async def asked(app, path, files):
    way = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=way, base_url=HOST, timeout=60) as client:
        return (await client.post(path, files=files)).json()


def ask(app, path, files):
    return asyncio.run(asked(app, path, files))


def far_away():
    """A picture that is near none of the reference, so that none is compared with it."""
    sink = io.BytesIO()
    pixels = np.random.default_rng(7).integers(245, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(sink, "PNG")
    return sink.getvalue()
