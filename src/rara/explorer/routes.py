"""The routes of the explorer: the page, its data, pictures, marks, exports and judgements.

Serving --routes--> what `rara.service.application` takes
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rara.errors import DecisionError, StoreError
from rara.explorer import asked
from rara.explorer.details import detail_of
from rara.explorer.exports import exported
from rara.explorer.nearest import MOST, neighbours_of
from rara.explorer.point_pictures import EDGES
from rara.explorer.serving import Serving
from rara.explorer.static_files import PAGE, StaticFile, StaticFiles
from rara.explorer.streams import compressed, points_stream
from rara.provenance.json_format import encoded
from rara.service.problems import Problem, later
from rara.service.uploads import uploads_of
from rara.text import json_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Of the page: its own files, and pictures that it makes itself."""
ARROW: Final = "application/vnd.apache.arrow.stream"
_AGAIN: Final = "private, no-cache"
"""A browser may keep it, and asks each time whether it still holds."""
_WAIT: Final = 20.0
"""Seconds that a sheet is waited for before the browser is asked to come again."""


def routes(serving: Serving) -> list[Route]:
    """All routes. Those that are plain functions run in threads."""
    from starlette.routing import Route

    data, sheets, marks = _Data(serving), _Pictures(serving), _Marks(serving)
    page = _Page()
    found = [
        Route("/", page.index),
        Route("/static/{name:path}", page.static),
        Route("/data/about.json", data.about),
        Route("/data/points.arrow", data.points),
        Route("/data/table.arrow", data.table),
        Route("/data/reference.arrow", data.reference),
        Route("/neighbours/{side}/{row}", data.neighbours),
        Route("/record/{row}", data.record),
        Route("/atlas/{number}", sheets.sheet),
        Route("/picture/{side}/{row}", sheets.picture),
        Route("/decisions", marks.all),
        Route("/decisions", marks.put, methods=["POST"]),
        Route("/export", marks.export, methods=["POST"]),
    ]
    return [*found, Route("/v1/judge", _Judging(serving).judge, methods=["POST"])]


class _Page:
    def __init__(self) -> None:
        self._files = StaticFiles()

    def index(self, request: Request) -> Response:
        return self._sent(request, self._files.get(PAGE), {"content-security-policy": POLICY})

    def static(self, request: Request) -> Response:
        return self._sent(request, self._files.get(request.path_params["name"]), {})

    @staticmethod
    def _sent(request: Request, file: StaticFile | None, headers: dict[str, str]) -> Response:
        from starlette.responses import Response

        if file is None:
            raise Problem("not-found", "The page has no such file.")
        headers = {**headers, "etag": file.tag, "cache-control": _AGAIN}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "content-type": file.media_type})


class _Data:
    def __init__(self, serving: Serving) -> None:
        self._serving, self._explored = serving, serving.explored

    def about(self, request: Request) -> Response:
        return _json(self._serving.about.to_json())

    def points(self, request: Request) -> Response:
        return _arrow(request, points_stream(self._explored, self._serving.made))

    def table(self, request: Request) -> Response:
        table = self._serving.table
        return _arrow(request, table(asked.columns_of(request, table.names)))

    def reference(self, request: Request) -> Response:
        table = self._serving.reference
        return _arrow(request, table(asked.columns_of(request, table.names)))

    def neighbours(self, request: Request) -> Response:
        side, row = asked.point_of(request, self._explored)
        count = asked.query_whole(request, "count", 12, 1, MOST)
        found = neighbours_of(self._explored, side, row, count, self._serving.run)
        return _json({"neighbours": encoded(found)})

    def record(self, request: Request) -> Response:
        row = asked.row_of(request, self._explored)
        mark = self._serving.marks.of(row)
        detail = detail_of(self._explored, row).to_json()
        return _json({**detail, "decision": None if mark is None else encoded(mark)})


class _Pictures:
    def __init__(self, serving: Serving) -> None:
        self._serving, self._explored = serving, serving.explored

    def sheet(self, request: Request) -> Response:
        atlases = self._serving.atlases
        if atlases is None:
            raise Problem("not-found", "There are no pictures.")
        number = asked.whole(request.path_params["number"], "sheet", 0, 9_999_999_999)
        if number >= atlases.sheets:
            raise Problem("not-found", f"There is no sheet {number} of {atlases.sheets}.")
        data = atlases.sheet(number, wait=_WAIT)
        if data is None:
            raise later("not-ready", "This sheet is being made: ask again.", 2)
        return _picture(request, data)

    def picture(self, request: Request) -> Response:
        from starlette.responses import Response

        side, row = asked.point_of(request, self._explored)
        edge = asked.query_whole(request, "edge", 256, *EDGES)
        tag = f'"{self._explored.digest_of(side, row)[:32]}-{edge}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag, "cache-control": _AGAIN})
        data = self._serving.pictures.encoded(side, row, edge)
        if data is None:
            raise Problem("not-found", "This picture cannot be read any more, or has changed.")
        return _picture(request, data, tag)


class _Marks:
    def __init__(self, serving: Serving) -> None:
        self._serving, self._explored = serving, serving.explored

    def all(self, request: Request) -> Response:
        return _json({"decisions": encoded(self._serving.marks.fresh())})

    async def put(self, request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        change = asked.change_of(await asked.json_of(request), self._explored)
        marks = self._serving.marks
        try:
            mark = await run_in_threadpool(marks.put, change)
        except (DecisionError, StoreError) as error:
            raise Problem("bad-request", str(error)) from None
        same = await run_in_threadpool(marks.same, change.sample)
        return _json({**encoded(mark), "same": same})

    async def export(self, request: Request) -> Response:
        from starlette.responses import StreamingResponse

        rows, form = asked.export_of(await asked.json_of(request), self._explored)
        file = exported(self._explored, self._serving.pictures, self._serving.marks, rows, form)
        headers = {
            "content-type": file.media_type,
            "content-disposition": f'attachment; filename="{file.name}"',
        }
        return StreamingResponse(file.pieces, headers=headers)


class _Judging:
    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def judge(self, request: Request) -> Response:
        serving, judge = self._serving, self._serving.judge
        if judge is None:
            raise Problem("not-found", "This reference has no network to judge pictures by.")
        serving.crew.check()
        images = await uploads_of(request, serving.limits)
        return _json({"records": await serving.crew.do(lambda: judge(images))})


def _json(value: object) -> Response:
    from starlette.responses import Response

    return Response(json_of(value), media_type="application/json")


def _arrow(request: Request, pieces: Iterator[bytes]) -> Response:
    from starlette.responses import StreamingResponse

    headers = {"content-type": ARROW, "vary": "accept-encoding"}
    accepted = request.headers.get("accept-encoding", "")
    if "zstd" in {one.partition(";")[0].strip() for one in accepted.split(",")}:
        pieces, headers["content-encoding"] = compressed(pieces), "zstd"
    return StreamingResponse(pieces, headers=headers)


def _picture(request: Request, data: bytes, tag: str | None = None) -> Response:
    from starlette.responses import Response

    tag = tag or f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _AGAIN}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="image/webp")
