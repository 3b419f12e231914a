"""Images -> vectors: named networks, any ONNX file, and whatever other packages add."""

from rara.extractors.base import Extractor, Spec
from rara.extractors.onnx import FROM_FILE
from rara.extractors.preprocessing import Preprocessing
from rara.extractors.registry import DEFAULT, available, get_extractor

__all__ = [
    "DEFAULT",
    "FROM_FILE",
    "Extractor",
    "Preprocessing",
    "Spec",
    "available",
    "get_extractor",
]
