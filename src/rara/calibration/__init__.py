"""What scores mean beside real images: the exact p-values of every sample.

From the ground up:

    copy_statistic    how near the nearest image is, for its place
    by_vectors        p-values of distance, ball ratio and copying
    by_pixels         p-values of the pixel hashes' distances
    every_k           the same at k = 1 to 10
    real_images       which real images samples are compared with
    copies            copying by vectors and pixels, in one p-value
"""
