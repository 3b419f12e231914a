"""Exact k-NN geometry of vectors, independent of images.

Vectors are C-ordered float32 arrays (n, d) of finite numbers; the caller has checked them.

    threads         threads that take tiles in turn
    distances       the one float64 distance, on which every decision rests
    rotation        spreads a vector over its coordinates, so that bytes resolve it well
    quantization    vectors as float32 or bytes, and the error that this makes
    filter          bounds at the price of a fast product; proof: docs/explanation/filter.md
    exactness       whether this machine's products are as exact as the bounds assume
    sixteen_bits    products of smaller bytes, where the machine has AVX2
    matmul          the products: bytes where the machine is fast and exact, else float32
    reducers        questions about all pairs: nearest, smallest ball, largest ratio
    parts           which balls hold which samples in many parts of both sides
    kernel_sums     sums of a kernel over all pairs, from a scan's products
    nearest_cosines  the smallest angles, from a scan's products
    similarities    similarities for choosing among vectors, and bounds on their sums
    quantized_reference  a reference's quantized vectors, kept for the next query
    tiles           how a scan is cut under a memory budget
    scan            one pass over the pairs of two sets: multiply, filter, verify, deliver
    query           samples against a reference
    neighbours      the nearest others within one set
    processes       a query in shards, one process each
    hamming         the nearest bit codes, in all orientations
"""

from rara.geometry.distances import root_vectors, squared_distance, unit_vectors
from rara.geometry.hamming import closest_codes, closest_other_codes
from rara.geometry.kernel_sums import KernelSums, Product
from rara.geometry.nearest_cosines import NearestCosines
from rara.geometry.neighbours import kth_left, neighbours, neighbours_left
from rara.geometry.parts import CountsInParts, SmallestInParts
from rara.geometry.processes import query_in_processes
from rara.geometry.quantized_reference import PackedProducts, QuantizedReference
from rara.geometry.query import query
from rara.geometry.reducers import (
    Balls,
    Boundary,
    Nearest,
    Need,
    Ratio,
    Reducer,
    SamplesPerBall,
    Transposed,
    holds,
)
from rara.geometry.tiles import EngineOptions, Observer, Progress, Tiling, WorkDone

__all__ = [
    "Balls",
    "Boundary",
    "CountsInParts",
    "EngineOptions",
    "KernelSums",
    "Nearest",
    "NearestCosines",
    "Need",
    "Observer",
    "PackedProducts",
    "Product",
    "Progress",
    "QuantizedReference",
    "Ratio",
    "Reducer",
    "SamplesPerBall",
    "SmallestInParts",
    "Tiling",
    "Transposed",
    "WorkDone",
    "closest_codes",
    "closest_other_codes",
    "holds",
    "kth_left",
    "neighbours",
    "neighbours_left",
    "query",
    "query_in_processes",
    "root_vectors",
    "squared_distance",
    "unit_vectors",
]
