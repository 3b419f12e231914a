"""Exact k-NN geometry: it knows vectors and nothing of images.

Vectors are C-ordered float32 arrays (n, d) of finite numbers; whoever brings them has checked.

distances   the one float64 distance, on which every decision rests
filter      bounds at the price of a fast product, which spare most pairs the float64
reducers    what is asked of every pair: nearest, smallest ball, largest ratio
executors   the threads that do it
scan        tiles under a memory budget: encode, multiply, sift, verify, reduce
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
