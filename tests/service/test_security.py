"""Who may ask: names, origins and tokens, before anything of a request is read."""

import re

import pytest

from rara.errors import ParameterError
from rara.service.problems import CODES
from rara.service.security import Guard
from uploading import HOST, Client, app_of

TOKEN = "k" * 20 + "-._~+/=" + "9" * 13
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def guarded(serving):
    return Client(app_of(serving, Guard(token=TOKEN)))


def problem(answer, code):
    """The document of a refusal, whose status and header fit its code."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code
    assert answer.status_code == document["status"] == CODES[code][0]
    assert answer.headers["x-request-id"] == document["request_id"]
    return document


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "LOCALHOST:8765", "[::1]:9", "127.9.9.9"]
)
def test_names_of_this_machine_are_answered(client, host):
    assert client.get("/v1/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example",
    "10.0.0.1", "0.0.0.0", "127.0.0.1@evil.example", "evil.example#127.0.0.1",
])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/v1/health", "/metrics", "/openapi.json", "/nothing"])
def test_a_name_that_was_turned_to_this_address_is_refused(client, host, path):
    answer = client.get(path, headers={"host": host})
    assert answer.status_code in {400, 421}
    assert answer.json()["code"] in {"bad-request", "wrong-host"}


@pytest.mark.parametrize("host", [
    "[", "]", "[]", "[:::]", "[::1", "[::1]x", "[v1.x]", ":80", "127.0.0.1:", "a:b:c",
    "127.0.0.1:x", "[fe80::1%eth0]", "\x85", "", ".", "127.0.0.1\\@evil.example",
])  # fmt: skip
def test_a_host_that_is_no_name_is_refused(client, host):
    for origin in ({}, {"origin": f"http://{host}"}, {"referer": "http://["}):
        headers = {**origin, "host": host}
        answer = client.get(
            "/", headers={key: one.encode("latin-1") for key, one in headers.items()}
        )
        assert answer.json()["code"] in {"bad-request", "wrong-host"}


def test_a_name_can_be_allowed(serving):
    behind = Client(app_of(serving, Guard(names=("images.example",))))
    assert behind.get("/", headers={"host": "Images.Example"}).status_code == 200
    problem(behind.get("/", headers={"host": "other.example"}), "wrong-host")


@pytest.mark.parametrize("origin", [
    "http://evil.example", "http://127.0.0.1:3000", "https://localhost:8765", "null", "file://",
    "http://127.0.0.1:8765.evil.example", "", "http://localhost:8765",
    "http://[", "http://]", "http://[::1", "//127.0.0.1:8765", "http://[v1.x]", "http://\x85",
    "http://a@127.0.0.1:8765", "http://127.0.0.1:8765/page", "http://[127.0.0.1]:8765",
])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/v1/judge"), ("GET", "/v1/reference"), ("OPTIONS", "/v1/judge"), ("GET", "/nothing"),
])  # fmt: skip
def test_pages_of_other_origins_are_refused(client, origin, method, path):
    answer = client.request(method, path, headers={"origin": origin.encode("latin-1")})
    problem(answer, "foreign-origin")


def test_a_page_of_the_service_may_ask(client):
    for headers in (
        {"origin": HOST},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ):
        assert client.get("/v1/reference", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_embeds_is_refused(client, site):
    image = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    problem(client.get("/v1/thumbnails/0", headers=image), "foreign-origin")
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    problem(client.post("/v1/judge", headers=link), "foreign-origin")


def test_no_answer_lets_another_origin_read(client):
    for path in ("/", "/nothing", "/v1/thumbnails/0", "/metrics"):
        headers = client.get(path).headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


WRONG = [
    {}, {"authorization": "Bearer "}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN.upper()}"}, {"cookie": f"rara={TOKEN}"},
]  # fmt: skip


@pytest.mark.parametrize("headers", WRONG)
def test_without_the_token_nothing_is_answered_but_how_it_is(guarded, headers):
    for method, path in (("GET", "/"), ("GET", "/openapi.json"), ("POST", "/v1/judge"),
                         ("GET", "/metrics"), ("GET", "/nothing")):  # fmt: skip
        document = guarded.request(method, path, headers=headers)
        problem(document, "no-token")
        assert document.headers["www-authenticate"] == 'Bearer realm="rara"'
        assert TOKEN not in document.text
    assert set(guarded.get("/v1/health", headers=headers).json()) == {"status", "rara"}


def test_with_the_token_all_is_answered(guarded):
    assert guarded.get("/v1/reference", headers=BEARER).status_code == 200
    assert (
        guarded.get("/v1/reference", headers={"authorization": f"bearer {TOKEN}"}).status_code
        == 200
    )


def test_a_browser_gets_a_cookie_for_the_token_once(guarded, serving):
    answer = guarded.get("/v1/neighbours", params={"token": TOKEN, "image": "0"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/v1/neighbours?image=0"
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert re.search("HttpOnly; SameSite=Strict; Path=/$", cookie)
    pair = cookie.split(";")[0]
    assert guarded.get("/v1/reference", headers={"cookie": f"a=b; {pair}"}).status_code == 200
    other = Client(app_of(serving, Guard(token=TOKEN[::-1])))
    problem(other.get("/v1/reference", headers={"cookie": pair}), "no-token")


def test_a_token_opens_the_page_as_it_was_typed(guarded):
    """As it is in the file, or percent-encoded: `+` is a space in queries otherwise."""
    for typed in (TOKEN, TOKEN.replace("+", "%2B"), TOKEN.replace("/", "%2F")):
        answer = guarded.get(f"{HOST}/v1/reference?a=b+c&token={typed}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/v1/reference?a=b+c")


@pytest.mark.parametrize("query", [
    {"token": TOKEN[:-1]}, {"token": [TOKEN, TOKEN]}, {"token": ""}, {"tokens": TOKEN},
])  # fmt: skip
def test_a_wrong_token_in_the_address_opens_nothing(guarded, query):
    problem(guarded.get("/", params=query), "no-token")
    problem(guarded.post("/v1/judge", params={"token": TOKEN}), "no-token")


def test_the_redirection_stays_on_this_service(guarded):
    answer = guarded.get(f"{HOST}//evil.example/", params={"token": TOKEN})
    assert answer.headers["location"].startswith("/evil.example")


@pytest.mark.parametrize("path", [
    rb"/\evil.example", rb"\evil.example", rb"/\/evil.example", rb"//\\evil.example",
    b"///evil.example",
])  # fmt: skip
def test_no_path_sends_a_browser_to_another_machine(path):
    scope = {
        "method": "GET", "path": path.decode(), "raw_path": path,
        "query_string": f"token={TOKEN}".encode(), "headers": [(b"host", b"127.0.0.1")],
    }  # fmt: skip
    assert dict(Guard(token=TOKEN).admit(scope))[b"location"] == b"/evil.example"
    scope |= {"path": "/a\\b", "raw_path": b"/a\\b/%5C%20c:d"}
    assert dict(Guard(token=TOKEN).admit(scope))[b"location"] == b"/a%5Cb/%5C%20c:d"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "images.example"])
def test_an_address_that_others_reach_takes_a_token(host):
    with pytest.raises(ParameterError, match="--token-file"):
        Guard(host=host)
    assert not Guard(host=host, token=TOKEN).local


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 31, "x" * 40 + " ", "ü" * 40, "x" * 40 + "\n"]
)
def test_a_token_that_can_be_guessed_or_split_is_refused(token):
    with pytest.raises(ParameterError, match="at least 32"):
        Guard(token=token)


@pytest.mark.parametrize(
    "bad", [{"port": -1}, {"port": 70_000}, {"names": ("a b",)}, {"names": ("a:1",)}]
)
def test_other_mistakes_are_named(bad):
    with pytest.raises(ParameterError, match=r"--port|--allow-host"):
        Guard(**bad)


def test_behind_a_token_addresses_are_names_too(serving):
    """Nobody can turn a number to another machine, and what is published in a container has one."""
    open_to_all = Client(app_of(serving, Guard(host="0.0.0.0", token=TOKEN)), **BEARER)
    for host in ("192.168.1.2:9000", "localhost:80", "[fe80::1]:1"):
        assert open_to_all.get("/", headers={"host": host}).status_code == 200
    problem(open_to_all.get("/", headers={"host": "evil.example"}), "wrong-host")


def test_the_token_is_in_no_representation():
    assert TOKEN not in repr(Guard(token=TOKEN))


@pytest.mark.parametrize("given", ["job-17.a_b:c", "x" * 64])
def test_a_request_keeps_the_id_that_it_came_with(client, given):
    assert client.get("/", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<b>", "\u00e9"])
def test_an_id_that_could_steer_a_log_is_replaced(client, given):
    headers = {"x-request-id": given.encode("latin-1")}
    found = client.get("/", headers=headers).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", found)
