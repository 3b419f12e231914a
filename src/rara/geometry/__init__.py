"""Exact k-NN geometry: it knows vectors and nothing of images.

Vectors are C-ordered float32 arrays (n, d) of finite numbers; whoever brings them has checked.

    compiled    the loops' machine code, kept between runs
    distances   the one float64 distance, on which every decision rests
    codes       vectors as float32 or bytes, and how much that leaves out
    filter      bounds at the price of a fast product, which spare most pairs the float64
    products    that product: int8 where the machine is fast and exact at it, else float32
    reducers    what is asked of every pair: nearest, smallest ball, largest ratio
    executors   the threads that do it
    tiles       how a scan is cut under a memory budget
    scan        samples against a reference
    mutual      the nearest others within one set
"""

from rara.geometry.distances import squared_distance
from rara.geometry.mutual import neighbours
from rara.geometry.reducers import Balls, Boundary, Nearest, Need, Ratio, Reducer, holds
from rara.geometry.scan import query
from rara.geometry.tiles import Progress, Statistics, Tiling

__all__ = [
    "Balls",
    "Boundary",
    "Nearest",
    "Need",
    "Progress",
    "Ratio",
    "Reducer",
    "Statistics",
    "Tiling",
    "holds",
    "neighbours",
    "query",
    "squared_distance",
]
