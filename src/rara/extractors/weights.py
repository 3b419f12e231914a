"""A network's weights in a file of the user's: where it is, its digest, its tensors.

Used by the extractors whose weights do not come with rara. Nothing is downloaded. Nothing but
tensors is read: a file that asks for another object is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rara.errors import MissingPackageError, WeightsError

if TYPE_CHECKING:
    import torch

FOLDER = "RARA_WEIGHTS"
"""The environment variable that names a folder with weights."""

_DIGITS = 12
"""Of a digest that a name ends with: enough to tell any two files apart."""


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that figures are quoted with."""

    network: str
    """The extractor's name."""
    files: tuple[str, ...]
    """The names that the file is published under, the usual one first."""
    source: str
    """Where to get it, in words that end a sentence."""
    sha256: str | None = None
    """In hex; None where no digest is published."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file that was found, and what it is."""

    path: Path
    sha256: str
    network: str
    """The extractor's name; it ends with the digest where the weights are not the published."""


def find_weights(published: Published, given: str | os.PathLike[str] | None) -> WeightsFile:
    """The file given, or else the published one, in `RARA_WEIGHTS` or where PyTorch keeps its own.

    A file that was found there must have the published digest. One that is given may differ:
    then the extractor's name ends with the first digits of its digest, since its numbers are
    not those that figures are quoted with. Raises WeightsError where there is no such file.
    """
    path = Path(given) if given is not None else _found(published)
    digest = _sha256(path)
    same = published.sha256 in (None, digest)
    if given is None and not same:
        raise WeightsError(
            f"'{path}' has the sha256 {digest[:8]}..., the weights of {published.network} have "
            f"{str(published.sha256)[:8]}...: get the file again from {published.source}, or give "
            "other weights with weights= (--weights)."
        )
    name = published.network if same else f"{published.network}-{digest[:_DIGITS]}"
    return WeightsFile(path, digest, name)


def _found(published: Published) -> Path:
    for folder in _folders():
        for name in published.files:
            if (folder / name).is_file():
                return folder / name
    digest = f", sha256 {published.sha256[:8]}..." if published.sha256 else ""
    raise WeightsError(
        f"Extractor '{published.network}' needs the weights '{published.files[0]}'{digest}: get "
        f"them from {published.source}. Give the file with weights= (--weights), or put it into "
        f"a folder that {FOLDER} names."
    )


def _folders() -> list[Path]:
    """The user's folder, and the one that PyTorch downloads to."""
    own = os.environ.get(FOLDER)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    hub = Path(os.environ.get("TORCH_HOME") or Path(base, "torch"), "hub", "checkpoints")
    return [Path(own), hub] if own else [hub]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read the weights '{path}': {error.strerror}.") from error


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a .safetensors file or of a PyTorch file with a state dict.

    Raises WeightsError where the file holds anything else; no other object is made.
    """
    try:
        tensors = _read(path)
    except (MissingPackageError, MemoryError):
        raise
    except Exception as error:  # a damaged file can end in any of them
        short = " ".join(str(error).split())[:120] or type(error).__name__
        raise WeightsError(
            f"'{path}' is no file of weights: rara reads .safetensors, and PyTorch files with "
            f"nothing but named tensors ({short})."
        ) from error
    if not _are_tensors(tensors):
        raise WeightsError(
            f"'{path}' holds more than named tensors: save the network's state_dict() alone."
        )
    return dict(tensors)


def _read(path: Path) -> Any:
    import torch

    if path.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise MissingPackageError(
                f"'{path}' takes safetensors: run `pip install safetensors`."
            ) from error
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _are_tensors(content: object) -> bool:
    import torch

    return isinstance(content, Mapping) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )


def fill(
    network: torch.nn.Module,
    tensors: dict[str, torch.Tensor],
    path: Path,
    name: str,
    *,
    assign: bool = False,
) -> None:
    """Put the tensors of a file into a network; `assign` where it has none of its own yet.

    Raises WeightsError unless the file has every tensor of the network, of the same shape, and no
    others.
    """
    own = network.state_dict()
    different = [key for key in own if key in tensors and tensors[key].shape != own[key].shape]
    check_names(
        path,
        name,
        missing=[key for key in own if key not in tensors] + different,
        unexpected=[key for key in tensors if key not in own],
    )
    network.load_state_dict(tensors, assign=assign)


def check_names(
    path: Path, network: str, *, missing: list[str], unexpected: list[str] | None = None
) -> None:
    """Raise WeightsError where a file lacks tensors of a network, or holds those of another."""
    unexpected = unexpected or []
    if missing or unexpected:
        lacks = f"it lacks {len(missing)} tensors, such as {missing[0]}" if missing else ""
        more = f"it holds {len(unexpected)} others, such as {unexpected[0]}" if unexpected else ""
        raise WeightsError(
            f"'{path}' does not hold the weights of {network}: "
            f"{' and '.join(filter(None, (lacks, more)))}."
        )
