"""Builders of what many tests need: vectors, references, pictures, and files of pictures."""

import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image

from rara import Features, Reference, Run
from rara.images.decode import decode

# -- vectors --


def gaussian(n, d=16, seed=0):
    """Standard normal vectors in float32; `seed` is a number, or a generator to draw on from."""
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def features(vectors):
    return Features.from_arrays(np.asarray(vectors, dtype=np.float32))


def fit(vectors, k=3, **options):
    """A reference of vectors or features, on one thread."""
    return Reference.from_features(vectors, k=k, run=Run(threads=1), **options)


# -- pictures --


def picture(seed, size=(120, 90)):
    """Blobs of several sizes in colour."""
    rng = np.random.default_rng(seed)
    layers = [rng.integers(0, 256, (n, n, 3), dtype=np.uint8) for n in (3, 6, 12)]
    grown = [np.asarray(Image.fromarray(layer).resize(size), float) for layer in layers]
    return Image.fromarray(np.mean(grown, axis=0).astype(np.uint8))


def noise(count, seed):
    """So many pictures of 8 x 8 pixels, as one array."""
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)


def encoded(image, kind="PNG", **options):
    """The bytes of an image file, of a Pillow image or of pixels."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind, content):
    """A chunk of a PNG."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(colour=0):
    """The bytes of a small grey picture."""
    return encoded(Image.new("L", (4, 3), colour))


# -- files: each takes contents by name, as a mapping or as pairs, and gives their place --


def as_folder(path, files):
    for name, data in _pairs(files):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_zip(path, files):
    path = path.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _pairs(files):
            archive.writestr(name, data)
    return path


def as_tar(path, files, *, mode="w", suffix=".tar"):
    path = path.with_name(path.name + suffix)
    with tarfile.open(path, mode) as archive:
        for name, data in _pairs(files):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def as_tgz(path, files):
    return as_tar(path, files, mode="w:gz", suffix=".tgz")


def _pairs(files):
    return files.items() if isinstance(files, dict) else files


def as_plugin(path, **extractors):
    """A package on Python's path that adds extractors, each as name="module:load"."""
    lines = [f"{name} = {load}" for name, load in extractors.items()]
    return as_folder(path, {
        "plugin-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: plugin\nVersion: 1\n",
        "plugin-1.dist-info/entry_points.txt": "\n".join(["[rara.extractors]", *lines]).encode(),
    })  # fmt: skip


# -- what a source gives --


def ids(source):
    return [item.id for item in source]


def loaded(source):
    """Each id with the encoded bytes."""
    return [(item.id, item.load()) for item in source]


def known(source):
    """The metadata of each item; remarks are complete afterwards."""
    return {item.id: dict(item.metadata) for item in source}


def pictures(source):
    """The pixels of all images, which have one size."""
    return np.stack([np.asarray(decode(item.load())) for item in source])
