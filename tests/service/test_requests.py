"""What requests may take, and what they are told where they take more."""

import asyncio
import socket
import threading
import time
from contextlib import ExitStack, suppress

import httpx
import pytest

from make import encoded, picture
from rara.errors import ParameterError
from rara.service import problems
from rara.service.limits import Limits
from rara.service.security import Guard
from rara.service.work import Crew
from uploading import HOST, Client, app_of, listening, parts

BOUNDARY = "frontier"
KIND = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def body(*images, end="--"):
    """A multipart body, written by hand."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    some = [f"{head}{about}\r\n\r\n".encode() + content + b"\r\n" for about, content in images]
    return b"".join(some) + f"--{BOUNDARY}{end}\r\n".encode()


def connected(address):
    """A connection of its own to the service."""
    return socket.create_connection(("127.0.0.1", int(address.split(":")[2].strip("/"))), 5)


def refused(answer, code):
    assert answer.json()["code"] == code, answer.text
    assert answer.status_code == problems.CODES[code][0]
    return answer.json()["detail"]


IMAGE = ('name="image"; filename="a.png"', b"x")
BAD = {
    "nothing": (b"", "ends before|at least one|damaged"),
    "no image": (f"--{BOUNDARY}--\r\n".encode(), "at least one"),
    "no end": (body(IMAGE, end=""), "ends before"),
    "another part": (body(('name="picture"', b"x")), "named 'image'"),
    "a part without a name": (body(('filename="a.png"', b"x")), "named 'image'"),
    "text in place of a file": (body(('name="image"', b"{}")), "filename"),
    "another boundary": (b"--other\r\n\r\n", "damaged"),
    "a header without an end": (f"--{BOUNDARY}\r\nA: {'b' * 5000}".encode(), "damaged"),
    "many headers": (f"--{BOUNDARY}\r\n{'A: b' + chr(13) + chr(10)}".encode() * 1
                     + b"A: b\r\n" * 50 + b"\r\n", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("which", BAD)
@pytest.mark.parametrize("path", ["/v1/judge", "/v1/search"])
def test_a_damaged_body_is_refused_with_what_is_wrong(client, which, path):
    import re

    content, says = BAD[which]
    assert re.search(says, refused(client.post(path, content=content, headers=KIND), "bad-request"))


@pytest.mark.parametrize("kind", [
    None, "image/png", "application/json", "multipart/mixed; boundary=a", "multipart/form-datax",
])  # fmt: skip
def test_another_type_of_body_is_refused(client, kind):
    headers = {} if kind is None else {"content-type": kind}
    answer = client.post("/v1/judge", content=b"x", headers=headers)
    refused(answer, "unsupported-media-type")
    assert answer.headers["accept-post"] == "multipart/form-data"


@pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'b' * 71}"])
def test_a_boundary_is_needed(client, boundary):
    headers = {"content-type": f"multipart/form-data{boundary}"}
    assert "boundary" in refused(
        client.post("/v1/judge", content=b"x", headers=headers), "bad-request"
    )


def test_images_without_a_name_are_numbered(client, pictures):
    content = parts(pictures / "samples")[0][1][1]
    sent = body(*[('name="image"; filename=""', content)] * 2)
    records = client.post("/v1/judge", content=sent, headers=KIND).json()
    assert [one["id"] for one in records] == ["image 1", "image 2"]


def test_a_name_that_is_not_utf_8_stays_readable(client, pictures):
    content = parts(pictures / "samples")[0][1][1]
    sent = body(('name="image"; filename="caf_.png"', content)).replace(b"caf_", b"caf\xe9")
    assert client.post("/v1/judge", content=sent, headers=KIND).json()[0]["id"] == "caf\\xe9.png"


@pytest.mark.parametrize("query", [
    {"judged": "both"}, {"judged": ""}, {"sheets": "1"}, {"nothing": "1"},
    {"judged": ["alone", "alone"]},
])  # fmt: skip
def test_a_wrong_parameter_is_refused(client, pictures, query):
    refused(
        client.post("/v1/judge", params=query, files=parts(pictures / "samples")), "bad-request"
    )


@pytest.mark.parametrize(("path", "code"), [
    ("/v1/neighbours", "bad-request"), ("/v1/neighbours?image=x", "bad-request"),
    ("/v1/neighbours?image=-1", "bad-request"), ("/v1/neighbours?image=30", "not-found"),
    ("/v1/neighbours?image=0&count=0", "bad-request"),
    ("/v1/neighbours?image=0&count=1000", "bad-request"),
    (f"/v1/neighbours?image={'0' * 64}", "not-found"),
    ("/v1/thumbnails/30", "not-found"), ("/v1/thumbnails/0?edge=15", "bad-request"),
    ("/v1/thumbnails/0?edge=641", "bad-request"), ("/v1/thumbnails/0?edge=1e2", "bad-request"),
    ("/v1/thumbnails/..%2f..%2fetc%2fpasswd", "not-found"),
    ("/v1/thumbnails/image%203.png", "not-found"), ("/v1/thumbnails/%00", "not-found"),
    ("/v1/thumbnails/../../etc/passwd", "not-found"), ("/v1/judge/", "not-found"),
])  # fmt: skip
def test_what_is_not_there_is_said_so(client, path, code):
    refused(client.get(path), code)


def test_a_thumbnail_is_encoded_anew_and_fits(client, serving, pictures):
    import io

    from PIL import Image

    for image in ("2", serving.digests[2]):
        answer = client.get(f"/v1/thumbnails/{image}", params={"edge": 16})
        assert answer.headers["content-type"] == "image/webp"
        small = Image.open(io.BytesIO(answer.content))
        assert max(small.size) == 16
    tag = answer.headers["etag"]
    again = client.get(f"/v1/thumbnails/{image}?edge=16", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_picture_that_is_gone_is_not_found(pictures, tmp_path, draw):
    import rara
    from embedding import Means
    from rara.run import Run
    from rara.service.judging import Judge
    from rara.service.serving import Serving

    draw(tmp_path / "train", 12, 3)
    reference = rara.Reference.fit(str(tmp_path / "train"), extractor=Means())
    serving = Serving(Judge(reference, run=Run()), "train")
    client = Client(app_of(serving))
    (tmp_path / "train" / reference.ids[1]).write_bytes(b"another content")
    (tmp_path / "train" / reference.ids[2]).unlink()
    for row in (1, 2):
        assert "cannot be read" in refused(client.get(f"/v1/thumbnails/{row}"), "not-found")
    assert client.get("/v1/thumbnails/3").status_code == 200


def test_another_method_is_refused_with_those_there_are(client):
    answer = client.get("/v1/judge")
    refused(answer, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


# -- limits -------------------------------------------------------------------------------


def test_more_images_than_the_limit_are_refused(limited, pictures):
    client = Client(app_of(limited(images=3)))
    images = parts(pictures / "samples")
    assert len(client.post("/v1/judge", files=images[:3]).json()) == 3
    assert "3 images" in refused(client.post("/v1/judge", files=images[:4]), "bad-request")


def test_images_with_too_many_pixels_together_are_refused_unread(limited, pictures):
    client = Client(app_of(limited(pixels=4_000, pixels_at_once=5_000)))
    image = ("image", ("a.png", encoded(picture(0, (50, 40)))))  # 2,000 pixels
    large = ("image", ("b.png", encoded(picture(0, (100, 100)))))
    assert len(client.post("/v1/judge", files=[image] * 2).json()) == 2
    for path in ("/v1/judge", "/v1/search"):
        assert "0.006 megapixels" in refused(client.post(path, files=[image] * 3), "too-large")
    records = client.post("/v1/judge", files=[image, large]).json()
    assert "verdict" in records[1]  # the judge's own limit is that of its run


@pytest.fixture(scope="module")
def small(limited):
    """A service with narrow limits, behind a socket."""
    serving = limited(body_bytes=200_000, bytes_at_once=500_000, body_seconds=0.5,
                      header_seconds=0.5, drain_seconds=0.1)  # fmt: skip
    with listening(serving) as address:
        yield address


def test_a_body_that_says_its_size_is_refused_before_it_is_read(small):
    answer = httpx.post(f"{small}v1/judge", content=b"x" * 200_001, headers=KIND)
    assert "195.3 KiB" in refused(answer, "too-large")


def test_a_body_without_a_size_is_counted(small):
    pieces = (b"x" * 1000 for _ in range(10_000))
    start = body(IMAGE, end="")[: -len(f"--{BOUNDARY}\r\n")]

    def endless():
        yield start
        yield from pieces

    refused(httpx.post(f"{small}v1/judge", content=endless(), headers=KIND), "too-large")
    assert next(pieces, None) is not None  # the rest was never asked for


def test_a_client_that_asks_first_sends_nothing(small):
    with connected(small) as connection:
        ask = b"Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n"
        connection.sendall(b"POST /v1/judge HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ask)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_body_with_two_lengths_is_refused_and_ends_the_connection(small):
    """A proxy that believes the other length would take the rest for another request."""
    with connected(small) as connection:
        lengths = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        inner = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        connection.sendall(b"POST /v1/judge HTTP/1.1\r\nHost: 127.0.0.1\r\n" + lengths + inner)
        received = b""
        while piece := connection.recv(10_000):
            received += piece
        assert received.startswith(b"HTTP/1.1 400")
        assert received.count(b"HTTP/1.1") == 1


def test_a_slow_body_is_refused(small):
    def slow():
        yield body(IMAGE, end="")[: -len(f"--{BOUNDARY}\r\n")]
        for _ in range(40):
            time.sleep(0.1)
            yield b"-"

    since = time.monotonic()
    refused(httpx.post(f"{small}v1/judge", content=slow(), headers=KIND), "too-slow")
    assert time.monotonic() - since < 3


def test_slow_headers_close_the_connection(small):
    for begin in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: "):
        with connected(small) as connection:
            connection.sendall(begin)
            since = time.monotonic()
            assert connection.recv(100) == b""
            assert 0.2 < time.monotonic() - since < 4


def test_a_second_request_with_slow_headers_closes_the_connection(small):
    with connected(small) as connection:
        connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HT")
        while received := connection.recv(10_000):
            assert b"HTTP/1.1" not in received


def answered(address, request):
    """The status, the headers and the body of the answer to bytes; then the connection ends."""
    with connected(address) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(10_000):
            received += piece
    head, _, content = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])
    return httpx.Response(int(first.split()[1]), headers=headers, content=content)


def has_all_headers(answer):
    """Those of every answer, once each."""
    for name, value in Guard().headers:
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("request_", [
    b"no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
])  # fmt: skip
def test_what_is_no_http_is_refused_with_all_headers(small, request_):
    answer = answered(small, request_)
    refused(answer, "bad-request")
    has_all_headers(answer)


@pytest.mark.parametrize("target", ["*", "[", "http://[/", "//[", "?", "http://[::1/x", "%5B", "]"])
def test_a_target_that_is_no_path_is_not_found(small, target):
    lines = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = answered(small, lines.encode())
    refused(answer, "not-found")
    has_all_headers(answer)


BEGUN = (
    b"POST /v1/judge HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x"
    b"\r\nContent-Length: 1000\r\n\r\n--x"
)
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_beside_too_many_requests_a_connection_is_refused_with_all_headers(limited):
    with listening(limited(connections=2, drain_seconds=0.1, body_seconds=1)) as address:
        with connected(address) as first, connected(address) as second:
            first.sendall(BEGUN)
            second.sendall(BEGUN)
            time.sleep(0.1)
            answer = answered(address, HEALTH)
            refused(answer, "too-many-connections")
            has_all_headers(answer)
            assert answer.headers["retry-after"] == "1"
        time.sleep(0.1)
        assert httpx.get(f"{address}v1/health").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /v1/health HT", HEALTH, HEALTH * 3])
def test_idle_connections_keep_nobody_out(limited, sent):
    """Whether they were answered before, sent half a request, or nothing."""
    with listening(limited(connections=3, drain_seconds=0.1)) as address, ExitStack() as stack:
        idle = [stack.enter_context(connected(address)) for _ in range(3)]
        for one in idle:
            one.sendall(sent)
            if sent.endswith(b"\r\n\r\n"):
                assert one.recv(10_000).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
        for _ in range(5):
            assert httpx.get(f"{address}v1/health").status_code == 200
        idle[0].settimeout(5)
        while idle[0].recv(10_000):
            pass  # it was closed: the longest idle one goes first
        idle[2].settimeout(0.05)
        with suppress(TimeoutError):
            while idle[2].recv(10_000):
                pass  # the answers of before
            pytest.fail("the one idle for the shortest time was closed as well")


def test_a_request_under_way_is_never_closed_for_others(limited):
    content = body(IMAGE)
    head = (
        f"POST /v1/judge HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {KIND['content-type']}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode()
    with (
        listening(limited(connections=2, drain_seconds=0.1)) as address,
        connected(address) as busy,
        connected(address),
    ):
        busy.sendall(head + content[:50])
        time.sleep(0.1)
        for _ in range(4):
            assert httpx.get(f"{address}v1/health").status_code == 200
        busy.sendall(content[50:])
        busy.settimeout(20)
        assert busy.recv(100).startswith(b"HTTP/1.1 200")


def test_many_headers_are_refused(small):
    with connected(small) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 431")


def test_the_bodies_of_all_requests_have_one_limit(small):
    """Three bodies of 190 kB fit nowhere together; two do."""
    held, go = [], threading.Event()

    def held_back():
        yield body(IMAGE, end="")[: -len(f"--{BOUNDARY}\r\n")]
        yield b"x" * 190_000
        go.wait(0.3)

    def send():
        held.append(httpx.post(f"{small}v1/judge", content=held_back(), headers=KIND).status_code)

    crew = [threading.Thread(target=send) for _ in range(4)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert 429 in held
    assert set(held) <= {429, 400}
    after = httpx.post(f"{small}v1/judge", content=body(IMAGE), headers=KIND)
    assert after.status_code == 200  # what was taken is given back


def test_limits_are_checked():
    for bad in (0, -1, "3", True, None, float("nan")):
        with pytest.raises(ParameterError, match="images"):
            Limits(images=bad)


# -- the queue ------------------------------------------------------------------------------


def test_a_full_queue_sends_away_with_the_seconds_to_wait():
    crew, hold = Crew(2), threading.Event()

    async def crowd():
        working = [asyncio.create_task(crew.do(hold.wait)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert (crew.here, crew.waiting) == (3, 2)
        with pytest.raises(problems.Problem) as sent_away:
            await crew.do(hold.wait)
        hold.set()
        assert await asyncio.gather(*working) == [True] * 3
        assert crew.here == 0
        return sent_away.value

    problem = asyncio.run(crowd())
    assert problem.status == 429
    assert dict(problem.headers)[b"retry-after"].isdigit()
    crew.close()


def test_one_after_the_other_and_errors_pass():
    crew, order = Crew(5), []

    def fail():
        raise RuntimeError("planned")

    async def several():
        await asyncio.gather(*[crew.do(lambda i=i: order.append(i)) for i in range(5)])
        with pytest.raises(RuntimeError, match="planned"):
            await crew.do(fail)

    asyncio.run(several())
    assert order == list(range(5))
    assert crew.here == 0


def test_an_unexpected_error_is_logged_with_the_id_that_the_client_gets(serving, monkeypatch):
    log = []
    client = Client(app_of(serving, log=log.append))
    monkeypatch.setattr(serving, "neighbours", lambda *_: 1 / 0)
    answer = client.get("/v1/neighbours?image=0", headers={"x-request-id": "mine"})
    assert "mine" in refused(answer, "internal")
    assert "division" not in answer.text
    (line,) = log
    assert line.startswith("Request mine (GET /v1/neighbours)")
    assert "ZeroDivisionError" in line


def test_requests_are_counted_by_route_and_status(limited):
    serving = limited()
    client = Client(app_of(serving))
    client.get("/v1/thumbnails/1")
    client.get("/v1/thumbnails/999")
    client.get(f"{HOST}/<script>")
    text = client.get("/metrics").text
    assert 'rara_requests_total{route="/v1/thumbnails/{image}",status="200"} 1' in text
    assert 'rara_requests_total{route="/v1/thumbnails/{image}",status="404"} 1' in text
    assert 'rara_requests_total{route="none",status="404"} 1' in text
    assert "script" not in text
    assert "rara_reference_images 30" in text
