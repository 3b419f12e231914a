"""An fsspec filesystem behind three questions: what is listed, what is there, which bytes.

place --Remote.at--> Remote; what passes (timeouts, 503) is tried again a bounded number of times

Messages name the place and a reason of rara's own: what a filesystem says may hold a signed
address.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Self, TypeVar

from rara.errors import ImageError, MissingPackageError, SourceError, SourceNotFoundError
from rara.errors import UnknownSourceError as Unknown
from rara.sources.limits import Limit, read_whole
from rara.sources.schemes import WEB, scheme_of, shown_place

T = TypeVar("T")

WAITS = (0.5, 1.0, 2.0)
"""Seconds before each further try of what may pass."""

_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "adlfs"),
    **dict.fromkeys(WEB, "aiohttp"),
    "hf": "huggingface_hub",
}
_WRAPPERS = frozenset(
    {
        *("zip", "tar", "libarchive", "simplecache", "filecache", "blockcache", "cached"),
        *("reference", "dir", "asyncwrapper", "generic", "data", "root"),
    }
)
"""Filesystems around others: rara reads archives and keeps copies itself."""

_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING_CODES = frozenset(
    {
        *(errno.EBUSY, errno.EIO, errno.EAGAIN, errno.ETIMEDOUT, errno.ECONNRESET),
        *(errno.ECONNREFUSED, errno.ECONNABORTED, errno.EPIPE, errno.EHOSTUNREACH),
    }
)
_PASSING_TYPES = frozenset(
    {
        *("TimeoutError", "ConnectionError", "ClientConnectionError", "ClientPayloadError"),
        *("HTTPClientError", "IncompleteRead", "ServerDisconnectedError"),
    }
)
"""Names of classes, so that no package is imported to ask."""


class LengthError(Exception):
    """Another number of bytes than was listed."""


class AccessError(Exception):
    """Something cannot be had; the message is safe to show, and names no place."""

    def __init__(self, reason: str, *, lost: bool = False) -> None:
        """`lost`: it is not there."""
        super().__init__(reason)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: where the filesystem has it, and its bytes where those are known."""

    path: str
    size: int | None
    version: str | None = None
    """What changes with the content, as the filesystem tells it; None where it tells nothing."""
    ranges: bool = True
    """Whether a part of it can be asked for."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A place and the filesystem that has it."""

    fs: Any
    path: str
    """As the filesystem calls it, without a slash at the end."""
    place: str
    """As it may be shown."""
    web: bool

    @classmethod
    def at(cls, place: str) -> Self:
        """Raises MissingPackageError, or UnknownSourceError for a scheme of no filesystem."""
        scheme = scheme_of(place)
        found = _filesystem(scheme)
        path = found._strip_protocol(place).rstrip("/")
        shown = shown_place(place).rstrip("/")
        if not place.partition("://")[2].strip("/"):
            raise Unknown(f"'{shown}//' names no place: write {scheme}://bucket/folder.")
        fs = _instance(found, place, scheme)
        return cls(fs, path, shown, scheme in WEB)

    def below(self, name: str) -> Remote:
        """A file or folder below this one."""
        return Remote(self.fs, f"{self.path}/{name}", f"{self.place}/{name}", self.web)

    def entry(self) -> Entry | None:
        """The file that is here; None where there is none, or a folder."""
        try:
            info = tried(partial(self.fs.info, self.path))
        except AccessError as error:
            if error.lost:
                return None
            raise self.error(error) from None
        if info.get("type") == "directory" or (self.web and self._is_page(info)):
            return None
        return self.described(self.path, info)

    def described(self, path: str, info: dict[str, object]) -> Entry:
        """What a listing says of a file."""
        ranges = not self.web or bool(info.get("partial"))
        return Entry(path, _size(info), _version(info), ranges)

    def _is_page(self, info: dict[str, object]) -> bool:
        return str(info.get("mimetype", "")).startswith("text/html")

    def listed(self) -> dict[str, Entry]:
        """All files below, by the filesystem's own path. Raises SourceError."""
        try:
            self.fs.invalidate_cache()
            infos = tried(self._web_pages if self.web else self._found)
        except AccessError as error:
            if error.lost:
                return {}
            raise self.error(error) from None
        return {path: self.described(path, info) for path, info in infos.items()}

    def _found(self) -> dict[str, dict[str, object]]:
        return dict(self.fs.find(self.path, detail=True))

    def _web_pages(self) -> dict[str, dict[str, object]]:
        """What the pages link to, each page once, never above or beside the place."""
        files: dict[str, dict[str, object]] = {}
        pages, seen = [self.path], set[str]()
        while pages:
            page = pages.pop().rstrip("/")
            below = page.removeprefix(self.path)
            if page in seen or below.count("/") > _DEEPEST or "/../" in f"{below}/":
                continue
            seen.add(page)
            for info in self.fs.ls(f"{page}/", detail=True):
                name = str(info["name"])
                if not name.startswith(f"{self.path}/") or "?" in name or "#" in name:
                    continue
                if info["type"] == "directory":
                    pages.append(name)
                else:
                    files[name] = info
        return files

    def read(self, entry: Entry, limit: Limit) -> bytes:
        """One file; `ImageError` where it cannot be read, is over the limit, or was cut."""
        if entry.size is not None:
            limit.check(entry.size)
        if entry.size == 0:
            return b""
        try:
            return tried(partial(self._read, entry, limit))
        except AccessError as error:
            raise ImageError(f"cannot be read: {error}") from None

    def _read(self, entry: Entry, limit: Limit) -> bytes:
        if entry.size is None or not entry.ranges:
            with self.stream(entry) as file:
                return _checked(read_whole(file.read, limit), entry)
        data = bytes(self.fs.cat_file(entry.path, start=0, end=entry.size + 1))
        return _checked(data, entry)

    def stream(self, entry: Entry) -> Any:
        """The file, opened to be read once from its start; what fails is not tried again."""
        # A size of one spares the question for it; no blocks, so that bytes are read once.
        options = {"block_size": 0, "size": 1} if self.web else {}
        return self.fs.open(entry.path, "rb", **options)

    def piece(self, entry: Entry, start: int, end: int) -> bytes:
        """Some bytes of a file. Raises AccessError."""
        return tried(partial(self._piece, entry, start, end))

    def _piece(self, entry: Entry, start: int, end: int) -> bytes:
        data = bytes(self.fs.cat_file(entry.path, start=start, end=end))
        if len(data) != end - start:
            raise LengthError(f"{len(data):,} bytes came, {end - start:,} were asked for")
        return data

    def head(self, entry: Entry, size: int) -> bytes:
        """The first bytes of a file, fewer where it has fewer. Raises AccessError."""
        if entry.size is None or not entry.ranges:
            return tried(partial(self._first, entry, size))
        most = min(size, entry.size)
        return self.piece(entry, 0, most) if most else b""

    def _first(self, entry: Entry, size: int) -> bytes:
        with self.stream(entry) as file:
            return bytes(file.read(size))

    def error(self, error: AccessError) -> SourceError:
        """What to raise where the place as a whole cannot be read."""
        if error.lost:
            return SourceNotFoundError(f"Nothing is at '{self.place}'. Check bucket and folder.")
        return SourceError(
            f"'{self.place}' cannot be read: {error}. Check the address, your credentials and the "
            "connection, then run the command again."
        )


_DEEPEST = 32
"""Folders of a web server inside one another."""


def tried(action: Callable[[], T]) -> T:
    """What the action gives, tried again where its failure may pass. Raises AccessError."""
    for wait in (*WAITS, None):
        try:
            return action()
        except ImageError:
            raise
        except Exception as error:  # noqa: BLE001 (each filesystem has errors of its own)
            reason, passing = _reason(error)
            if wait is None or not passing:
                again = f", in {len(WAITS) + 1} tries" if passing else ""
                raise AccessError(reason + again, lost=reason == _LOST) from None
        time.sleep(wait)
    raise AssertionError


_LOST = "it is not there, or not any more"
_FAILED = "the filesystem failed"


def _reason(error: BaseException) -> tuple[str, bool]:
    """Why something failed, in words without an address, and whether it may pass."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = _status(error)
    if isinstance(error, LengthError):
        return str(error), True
    if status in {404, 410}:
        return _LOST, False
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        # The filesystem of the web says so of every failure.
        reason, passing = _reason(error.__cause__) if error.__cause__ else (_LOST, False)
        return (_LOST, False) if reason.startswith(_FAILED) else (reason, passing)
    if any("Credential" in kind for kind in kinds):
        return "no credentials were found, or not whole ones", False
    if isinstance(error, PermissionError) or status in {401, 403}:
        return "there is no permission to read it", False
    if status is not None:
        return f"the server answered {status}", status in _PASSING_STATUS
    if "InsecureRedirectError" in kinds:
        return "the server redirects to an address without encryption", False
    if any("Timeout" in kind for kind in kinds):
        return "the time for an answer passed", True
    if kinds & _PASSING_TYPES:
        return "the connection broke", True
    if isinstance(error, OSError) and error.errno in _PASSING_CODES:
        return "the server is busy, or the connection broke", True
    return f"{_FAILED} ({type(error).__name__})", False


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error, where a library keeps one."""
    cause = error.__cause__
    for one in (error, cause):
        answer = getattr(one, "response", None)
        if isinstance(answer, dict):
            answer = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        for status in (answer, getattr(one, "status", None)):
            if isinstance(status, int) and 400 <= status < 600:
                return status
    return None


def _checked(data: bytes, entry: Entry) -> bytes:
    check_length(len(data), entry)
    return data


def check_length(length: int, entry: Entry) -> None:
    """Raise LengthError, which is tried again, where other bytes came than were listed."""
    if entry.size not in {None, length}:
        raise LengthError(f"{length:,} bytes came, {entry.size:,} were listed")


_VERSIONS = (
    *("ETag", "etag", "md5Hash", "generation", "sha256", "content_md5", "blob_id", "oid"),
    *("LastModified", "last_modified", "Last-Modified", "updated", "mtime", "modified", "created"),
)


def _version(info: dict[str, object]) -> str | None:
    told = [f"{key}={info[key]}" for key in _VERSIONS if info.get(key)]
    return " ".join([*told, f"size={info.get('size')}"]) if told else None


def _size(info: dict[str, object]) -> int | None:
    size = info.get("size")
    return size if isinstance(size, int) and size >= 0 else None


def _filesystem(scheme: str) -> Any:
    """The class of filesystem of a scheme."""
    if scheme in _WRAPPERS:
        raise Unknown(
            f"{scheme}:// wraps another place: give that place itself, rara reads archives there."
        )
    package = _PACKAGES.get(scheme)
    try:
        from fsspec import get_filesystem_class

        return get_filesystem_class(scheme)
    except ImportError:
        names = f"fsspec {package}" if package else f"fsspec and the filesystem of {scheme}://"
        raise MissingPackageError(
            f"{scheme}:// takes packages that are not installed (the extra `remote`): "
            f"`pip install {names}`."
        ) from None
    except ValueError:
        raise Unknown(
            f"{scheme}:// is a scheme of no filesystem that is installed. fsspec reads s3://, "
            "gs://, az://, https://, hf:// and more, each with its package."
        ) from None


def _instance(found: Any, place: str, scheme: str) -> Any:
    """The filesystem, with time limits where its library has them."""
    options = {**found._get_kwargs_from_urls(place), **_time_limits(scheme)}
    try:
        return found(**options)
    except ImportError as error:
        raise MissingPackageError(
            f"{scheme}:// takes a package that is not installed (the extra `remote`): "
            f"`pip install {_PACKAGES.get(scheme, error.name)}`."
        ) from None
    except Exception as error:  # noqa: BLE001 (each filesystem has errors of its own)
        reason, _ = _reason(error)
        raise SourceError(f"'{shown_place(place)}' cannot be opened: {reason}.") from None


def _time_limits(scheme: str) -> dict[str, object]:
    from fsspec.config import conf

    if scheme in {"s3", "s3a"} and "config_kwargs" not in conf.get(scheme, {}):
        limits = {"connect_timeout": 10, "read_timeout": 60, "max_pool_connections": 32}
        return {"config_kwargs": limits}
    return {"client_kwargs": _web_client()} if scheme in WEB else {}


@cache
def _web_client() -> dict[str, object]:
    """Time limits, bytes as they are stored, and no redirect that gives encryption up."""
    import aiohttp

    class InsecureRedirectError(Exception):
        """From https to http."""

    async def check(_session: Any, _context: Any, sent: Any) -> None:
        target = sent.response.headers.get("Location", "")
        if sent.url.scheme == "https" and target.lower().startswith("http:"):
            raise InsecureRedirectError

    watch = aiohttp.TraceConfig()
    watch.on_request_redirect.append(check)
    return {
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
        "headers": {"Accept-Encoding": "identity"},
        "trace_configs": [watch],
    }
