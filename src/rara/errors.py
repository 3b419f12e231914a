"""What can go wrong, as one tree. Everything else in rara raises from here.

    RaraError
    ├── SourceError                   a place with images cannot be used
    │   ├── SourceNotFoundError       FileNotFoundError   nothing is there
    │   ├── UnknownSourceError        ValueError          something is there that rara cannot read
    │   ├── EmptySourceError          ValueError          readable, but holds no image
    │   └── DamagedArchiveError       ValueError          an archive that cannot be read on
    ├── ImageError                    ValueError          one image cannot be used: it is skipped
    │   └── OversizeError             larger than the limit that the caller set
    ├── ExtractorError                an extractor is unavailable
    │   ├── UnknownExtractorError     LookupError         no extractor of that name
    │   └── WeightsError              ValueError          weights missing, or not the ones expected
    ├── StoreError                    a folder with features cannot be used
    │   ├── DamagedStoreError         ValueError          half-written, altered or foreign files
    │   ├── LockedStoreError          OSError             another run writes there
    │   └── UnwritableError           OSError             no right or no room to write
    ├── DecisionError                 ValueError          decisions that cannot be read or taken
    ├── CardError                     ValueError          a card that was changed, or is none
    ├── FeatureError                  ValueError          vectors that no distance can be taken of
    ├── GeneratorError                RuntimeError        a generator that gives no samples
    ├── ParameterError                ValueError          an option outside its range
    ├── MissingPackageError           ImportError         an optional package is not installed
    └── ReferenceMismatchError        ValueError          made with another extractor or dimension

A message says what was wrong, the value, what is allowed, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence


class RaraError(Exception):
    """Root of everything that rara raises on purpose; the message is one plain sentence."""


class SourceError(RaraError):
    """A place with images cannot be used."""


class SourceNotFoundError(SourceError, FileNotFoundError):
    """Nothing is there."""


class UnknownSourceError(SourceError, ValueError):
    """Something is there that rara cannot read."""


class EmptySourceError(SourceError, ValueError):
    """The place can be read, but holds no image."""

    def __init__(self, message: str, skipped: Sequence[tuple[str, str]] = ()) -> None:
        """`skipped`: the images that were there, each with the reason why it cannot be used."""
        super().__init__(message)
        self.skipped = tuple(skipped)


class DamagedArchiveError(SourceError, ValueError):
    """An archive or table ends early or is not what its name says."""


class ImageError(RaraError, ValueError):
    """One image cannot be used; callers skip it, count it and list the reason."""


class OversizeError(ImageError):
    """More pixels than the caller or the memory allows; it may be read another time."""


class ExtractorError(RaraError):
    """An extractor is unavailable."""


class UnknownExtractorError(ExtractorError, LookupError):
    """No extractor of that name is registered."""


class WeightsError(ExtractorError, ValueError):
    """Weights are missing, or are not the ones that were expected."""


class StoreError(RaraError):
    """A folder with features cannot be used."""


class DamagedStoreError(StoreError, ValueError):
    """The folder is half-written, was altered, or was not written by rara."""


class LockedStoreError(StoreError, OSError):
    """Another run writes there."""


class UnwritableError(StoreError, OSError):
    """No right or no room to write."""


class DecisionError(RaraError, ValueError):
    """Decisions on pairs of pictures that cannot be read or taken: it says which line is wrong."""


class CardError(RaraError, ValueError):
    """A card that was changed, that rara did not write, or that a later version wrote."""


class FeatureError(RaraError, ValueError):
    """Vectors that no distance can be taken of: NaN, infinite, or of the wrong shape."""


class GeneratorError(RaraError, RuntimeError):
    """A generator that raised, or that gave something else than was asked for."""

    table: object = None
    """The score table of what was picked before; None where there is none."""


class ParameterError(RaraError, ValueError):
    """An option lies outside its range."""


class MissingPackageError(RaraError, ImportError):
    """What is asked for takes an optional package that is not installed."""


class ReferenceMismatchError(RaraError, ValueError):
    """Samples and reference were made with different extractors or dimensions."""
