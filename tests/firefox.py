"""A page in headless Firefox, by WebDriver BiDi over a socket: values, clicks, complaints."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager

import pytest

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
LIMIT = 120
"""Seconds that an answer may take."""
needs_firefox = pytest.mark.skipif(
    FIREFOX is None, reason="neither firefox-esr nor firefox is installed"
)
QUIET = """\
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
"""
"""No errands of its own, and no way out."""
SIZE = {"MOZ_HEADLESS_WIDTH": "1280", "MOZ_HEADLESS_HEIGHT": "900"}


class Firefox:
    """Speaks WebDriver BiDi: JSON in the frames of a WebSocket."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /session HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .encode()
        )  # fmt: skip
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.socket.recv(1 << 16)
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        assert b" 101 " in head, head
        self.number, self.events = 0, []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        [tab] = self.send("browsingContext.getTree")["contexts"]
        self.context = tab["context"]

    def send(self, method, **params):
        """The answer to a command; events that come before it are kept."""
        self.number += 1
        self._write(json.dumps({"id": self.number, "method": method, "params": params}).encode())
        while (answer := json.loads(self._read())).get("id") != self.number:
            self.events.append(answer)
        assert answer["type"] == "success", answer
        return answer["result"]

    def _write(self, data):
        mask = os.urandom(4)
        size = len(data)
        head = bytes([0x81])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
        self.socket.sendall(head + mask + bytes(one ^ mask[i % 4] for i, one in enumerate(data)))

    def _take(self, count):
        while len(self.rest) < count:
            part = self.socket.recv(1 << 16)
            assert part, "the browser ended"
            self.rest += part
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def _read(self):
        data, last = b"", False
        while not last:
            first, second = self._take(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            data, last = data + self._take(size), bool(first & 0x80)
        return data

    def open(self, address):
        """Load a page."""
        self.events = []
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def value(self, expression):
        """Of an expression in the page, by way of JSON."""
        answer = self.send(
            "script.evaluate", expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self.context}, awaitPromise=True,
        )  # fmt: skip
        assert answer["type"] == "success", answer
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def complaints(self):
        """What the console says, and what was asked for beside files and what the page holds."""
        said = [
            one["params"].get("text")
            for one in self.events
            if one.get("method") == "log.entryAdded"
        ]
        urls = [one["params"]["request"]["url"] for one in self.events
                if one.get("method") == "network.beforeRequestSent"]  # fmt: skip
        return said, [url for url in urls if not url.startswith(("file:", "data:", "blob:"))]

    def screenshot(self, path):
        """A PNG of the window."""
        taken = self.send("browsingContext.captureScreenshot", context=self.context)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def firefox(folder):
    """A browser with a profile of its own."""
    profile = folder / "firefox"
    profile.mkdir()
    (profile / "user.js").write_text(QUIET)
    process = subprocess.Popen(
        [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0",
         "--profile", str(profile)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"HOME": str(folder), **SIZE},
    )  # fmt: skip
    try:
        for line in process.stderr:
            if found := re.search(r"listening on ws://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise AssertionError("Firefox does not listen")
        tab = Firefox(int(found[1]))
        try:
            yield tab
        finally:
            tab.socket.close()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
