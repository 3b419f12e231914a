"""A page in headless Chromium, driven as a person would: clicks, keys, downloads, no network."""

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from contextlib import contextmanager

from pages import CHROMIUM

LIMIT = 60
"""Seconds that an answer may take."""


class Browser:
    """Speaks the DevTools protocol over two pipes."""

    def __init__(self, reading, writing):
        self.reading, self.writing, self.rest = reading, writing, b""
        self.number, self.session, self.events = 0, None, []

    def send(self, method, **params):
        """The answer to a command; events that come before it are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _read(self):
        while b"\0" not in self.rest:
            assert select.select([self.reading], [], [], LIMIT)[0], "the browser does not answer"
            part = os.read(self.reading, 1 << 16)
            assert part, "the browser ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, path, *, scripts=True, width=1280, height=900, dark=False):
        """Load a page in a tab."""
        self.session, self.events = None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.send("Page.navigate", url=path.as_uri())
        self.wait(lambda: "Page.loadEventFired" in [one.get("method") for one in self.events])

    def wait(self, holds):
        """Until something holds."""
        end = time.monotonic() + LIMIT
        while not holds():
            assert time.monotonic() < end, "it does not come to hold"
            self.send("Runtime.evaluate", expression="0")
            time.sleep(0.02)

    def value(self, expression):
        """Of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector):
        """With the mouse, in the middle of the first element."""
        x, y = self.value(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = one.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key):
        """One key."""
        code = {"ArrowRight": 39, "ArrowLeft": 37, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)  # fmt: skip

    def complaints(self):
        """Errors in the console, and what was asked for beside the page and what it holds."""
        said = [one for one in self.events if one.get("method") in (
            "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")]  # fmt: skip
        urls = [one["params"]["request"]["url"] for one in self.events
                if one.get("method") == "Network.requestWillBeSent"]  # fmt: skip
        return said, [url for url in urls if not url.startswith(("file:", "data:", "blob:"))]

    def screenshot(self, path, *, whole=False):
        """A PNG of the window, or of the whole page."""
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder):
    """A browser whose downloads come into a folder."""
    ours, theirs = os.pipe(), os.pipe()  # we write into the first, and read from the second
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (ours[0], theirs[1])]
    process = subprocess.Popen(
        [
            "bash", "-c", f'exec 3<&{high[0]} 4>&{high[1]}; exec "$@"', "browser",
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe",
        ],
        pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for one in (ours[0], theirs[1], *high):
        os.close(one)
    tab = Browser(theirs[0], ours[1])
    try:
        tab.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder),
                 eventsEnabled=True)  # fmt: skip
        yield tab
    finally:
        process.kill()
        process.wait()
        os.close(theirs[0])
        os.close(ours[1])
