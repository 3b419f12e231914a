"""Images to vectors: named networks, any ONNX file, and what other packages add.

From the ground up:

    base                  what an extractor is, and its spec
    preprocessing         the size, fit, normalisation and layout that a network expects
    feature_maps          which axis of a 4-D output holds the channels
    tensor_pickle         tensors unpickled, and nothing else
    legacy_torch          the default weights' file, read without PyTorch
    torch_archive         newer PyTorch files and TorchScript, read without PyTorch
    graph                 an ONNX graph from a network's weights
    onnx                  any ONNX file as an extractor
    efficientnet_lite0    the default extractor
    weights               a network's weights in a file of the user's
    torch_extractor       a PyTorch network as an extractor
    inception             the network of FID
    vgg16                 the network of the Rarity Score
    timm_models           DINOv2, CLIP and the other networks of timm
    sscd                  the network for edited copies
    sscd_student          a small network that imitates it, from an optional package
    registry              extractors by name
"""

from rara.extractors.base import Extractor, Spec
from rara.extractors.onnx import FROM_FILE
from rara.extractors.preprocessing import Preprocessing
from rara.extractors.registry import DEFAULT, available, get_extractor, is_name

__all__ = [
    "DEFAULT",
    "FROM_FILE",
    "Extractor",
    "Preprocessing",
    "Spec",
    "available",
    "get_extractor",
    "is_name",
]
