"""Images as arrays, in files and in memory.

From the ground up:

    pixels         which shapes and types are images
    labels         labels that come as an array
    stacks         images along the first axis of an array
    numpy_files    .npz and .npy
    elements       one element of an iterable: an image, a row, a batch
    in_memory      arrays, lists, mappings, data sets and generators
"""
