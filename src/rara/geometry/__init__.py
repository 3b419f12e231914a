"""Exact k-NN geometry: it knows vectors and nothing of images.

Vectors are C-ordered float32 arrays (n, d) of finite numbers; whoever brings them has checked.

    compiled    the loops' machine code, kept between runs
    executors   the threads that do it
    distances   the one float64 distance, on which every decision rests
    rotation    spreads a vector evenly over its coordinates, so that bytes resolve it well
    codes       vectors as float32 or bytes, and how much that leaves out
    filter      bounds at the price of a fast product, which spare most pairs the float64
    proofs      whether this machine's products are as exact as the bounds assume
    sixteen_bits    products of smaller bytes, where the machine has AVX2
    products    that product: bytes where the machine is fast and exact at them, else float32
    reducers    what is asked of every pair: nearest, smallest ball, largest ratio
    coded       a reference's codes, kept for the next query
    tiles       how a scan is cut under a memory budget
    scan        one pass over the pairs of two sets: multiply, sift, verify, deliver
    query       samples against a reference
    mutual      the nearest others within one set
    processes   a query in shards, one process each
    bits        the nearest codes of bits, in all ways to turn what they were made of
"""

from rara.geometry.bits import closest_codes, closest_other_codes
from rara.geometry.coded import Coded
from rara.geometry.distances import root_vectors, squared_distance, unit_vectors
from rara.geometry.mutual import neighbours, neighbours_left
from rara.geometry.processes import query_in_processes
from rara.geometry.query import query
from rara.geometry.reducers import (
    Balls,
    Boundary,
    Exchanged,
    Nearest,
    Need,
    Ratio,
    Reducer,
    Visits,
    holds,
)
from rara.geometry.tiles import Progress, Statistics, Tiling

__all__ = [
    "Balls",
    "Boundary",
    "Coded",
    "Exchanged",
    "Nearest",
    "Need",
    "Progress",
    "Ratio",
    "Reducer",
    "Statistics",
    "Tiling",
    "Visits",
    "closest_codes",
    "closest_other_codes",
    "holds",
    "neighbours",
    "neighbours_left",
    "query",
    "query_in_processes",
    "root_vectors",
    "squared_distance",
    "unit_vectors",
]
