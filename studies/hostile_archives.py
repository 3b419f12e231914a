"""What hostile archives cost: peak memory, time and what is told of each.

    python studies/hostile_archives.py

Writes small archives that claim or inflate to a lot, and archives that are damaged or joined;
reads every image of each in a process of its own and prints a Markdown table. A minute.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import multiprocessing
import resource
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import IO, Any

from PIL import Image

from rara.errors import ImageError, RaraError
from rara.sources import open_source
from rara.sources.base import remarks_of

GIB = 1 << 30
PIECE = bytes(1 << 20)
PATIENCE = 60
MOST = 8 * GIB
"""Address space of a reader: what needs more is stopped."""

Make = Callable[[Path], Path]


def png(colour: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 32), colour).save(buffer, "PNG")
    return buffer.getvalue()


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % tarfile.BLOCKSIZE)


def images(first: int, last: int) -> bytes:
    return b"".join(header(f"{n}.png", len(png(n))) + padded(png(n)) for n in range(first, last))


END = bytes(10_240)
PAX_SIZE = b"24 size=100000000000000\n"


def written(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def squeezed(path: Path, size: int, before: bytes, opened: Callable[[Path], IO[bytes]]) -> Path:
    """Some bytes, then so many zeros."""
    with opened(path) as file:
        file.write(before)
        for _ in range(size // len(PIECE)):
            file.write(PIECE)
    return path


def gz(path: Path) -> IO[bytes]:
    return gzip.open(path, "wb", compresslevel=6)  # type: ignore[return-value]


def xz(path: Path) -> IO[bytes]:
    return lzma.open(path, "wb", preset=1)  # type: ignore[return-value]


def bz(path: Path) -> IO[bytes]:
    return bz2.open(path, "wb")  # type: ignore[return-value]


def zip_with(path: Path, name: str, size: int, piece: bytes, how: int = 8) -> Path:
    with zipfile.ZipFile(path, "w", how, compresslevel=1) as archive:
        archive.writestr("0.png", png())
        with archive.open(name, "w") as member:
            member.write(b"file_name,text\n0.png,x\n" if name.endswith(".csv") else b"")
            for _ in range(size // len(piece)):
                member.write(piece)
    return path


def rows() -> bytes:
    return b"".join(b"%05d.png,x\n" % number for number in range(80_000))


def small_zip(path: Path, count: int = 10, first: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(first, first + count):
            archive.writestr(f"{number}.png", png(number))
    return path


def wrong_count(path: Path) -> Path:
    data = bytearray(small_zip(path).read_bytes())
    struct.pack_into("<H", data, data.rindex(b"PK\x05\x06") + 10, 12)
    return written(path, bytes(data))


def two_zips(path: Path) -> Path:
    first = small_zip(path).read_bytes()
    return written(path, first, small_zip(path, first=10).read_bytes())


def overlapping(path: Path) -> Path:
    data = bytearray(small_zip(path).read_bytes())
    listed = data.index(b"PK\x01\x02")
    for at in (18, 22, listed + 20, listed + 24):
        struct.pack_into("<I", data, at, listed - 35)
    return written(path, bytes(data))


def sparse_file(path: Path) -> Path:
    path.mkdir()
    (path / "0.png").write_bytes(png())
    with (path / "1.png").open("wb") as file:
        file.truncate(2 * GIB - 1)
    return path


def cases() -> Iterator[tuple[str, str, Make]]:
    """What each is, its name, and what writes it."""
    whole, more = images(0, 10), images(10, 20)
    large = header("large.png", 2 * GIB - 512)
    yield (
        "tar.gz whose tar ends after 8 of 10",
        "a.tar.gz",
        lambda p: written(p, gzip.compress(images(0, 8))),
    )
    yield "two tars in one", "b.tar", lambda p: written(p, whole, END, more, END)
    yield (
        "two tar.gz in one",
        "c.tar.gz",
        lambda p: written(p, gzip.compress(whole + END), gzip.compress(more + END)),
    )
    yield (
        "two tar.bz2, the second damaged",
        "d.tar.bz2",
        lambda p: written(p, bz2.compress(whole + END), bz2.compress(more + END)[1:]),
    )
    size_claim = header("pax", len(PAX_SIZE), tarfile.XHDTYPE) + padded(PAX_SIZE)
    yield (
        "tar.gz, pax size of 10^14",
        "e.tar.gz",
        lambda p: written(p, gzip.compress(whole + size_claim + more + END)),
    )
    for kind, code in (("pax header", tarfile.XHDTYPE), ("long name", tarfile.GNUTYPE_LONGNAME)):
        yield (
            f"tar.gz, {kind} of 2 GiB",
            f"{kind.split()[0]}.tar.gz",
            lambda p, code=code: squeezed(p, 2 * GIB, whole + header("claim", 2 * GIB, code), gz),
        )
    yield "tar.gz, image of 2 GiB", "f.tar.gz", lambda p: squeezed(p, 2 * GIB, whole + large, gz)
    yield (
        "tar.xz, 4 GiB of zeros",
        "g.tar.xz",
        lambda p: squeezed(p, 4 * GIB, whole + header("x.bin", 4 * GIB), xz),
    )
    yield (
        "tar.bz2, 2 GiB of zeros",
        "h.tar.bz2",
        lambda p: squeezed(p, 2 * GIB, whole + header("x.bin", 2 * GIB), bz),
    )
    yield "zip, image of 2 GiB", "i.zip", lambda p: zip_with(p, "1.png", 2 * GIB - 1, PIECE)
    yield "zip, image of 1 GiB", "j.zip", lambda p: zip_with(p, "1.png", GIB, PIECE)
    yield "zip, image of 1 GiB by bzip2", "k.zip", lambda p: zip_with(p, "1.png", GIB, PIECE, 12)
    yield "zip, metadata.csv of 1 GiB", "l.zip", lambda p: zip_with(p, "metadata.csv", GIB, rows())
    yield (
        "zip, metadata.csv of 32 million commas",
        "q.zip",
        lambda p: zip_with(p, "metadata.csv", 32 << 20, b",\n" * (1 << 19)),
    )
    yield "zip, sidecar of 1 GiB", "m.zip", lambda p: zip_with(p, "0.txt", GIB, PIECE)
    yield "two zips in one", "n.zip", two_zips
    yield "zip that counts 12 of 10", "o.zip", wrong_count
    yield "zip, a member over the others", "p.zip", overlapping
    yield "folder, image of 2 GiB", "folder", sparse_file


def read(path: Path, said: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """Tell what came out of reading every image, the seconds and the peak memory in MiB."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    began = time.perf_counter()
    try:
        source = open_source(path)
        what = loaded(source)
    except RaraError as error:
        what = f"refused: {error}".replace(f"{path.parent}/", "")
    except MemoryError:
        what = "out of memory"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    said.put((what, time.perf_counter() - began, peak))


def loaded(source: object) -> str:
    done, reasons = 0, []
    for item in source:  # type: ignore[attr-defined]
        try:
            done += bool(item.load())
        except ImageError as error:
            reasons.append(str(error))
    skipped = f", {len(reasons)} skipped: {reasons[0]}" if reasons else ""
    return f"{done} read{skipped}" + "".join(f"; {r}" for r in remarks_of(source))  # type: ignore[arg-type]


def answer(process: Any, said: multiprocessing.Queue) -> tuple[str, float, int]:  # type: ignore[type-arg]
    """What a reader tells, if it does so in time."""
    try:
        return said.get(timeout=PATIENCE)
    except Empty:
        return f"nothing in {PATIENCE} seconds", PATIENCE, 0
    finally:
        process.kill()
        process.join()


def main() -> None:
    spawn = multiprocessing.get_context("spawn")
    print("| archive | file | peak | seconds | what is told |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for what, name, make in cases():
            path = make(Path(folder) / name)
            size = path.stat().st_size
            said = spawn.Queue()
            process = spawn.Process(target=read, args=(path, said))
            process.start()
            told, seconds, peak = answer(process, said)
            print(f"| {what} | {size / 1e6:.3g} MB | {peak} MiB | {seconds:.1f} | {told} |")
            sys.stdout.flush()
            if path.is_file():
                path.unlink()


if __name__ == "__main__":
    main()
