"""What scores mean beside real images: the exact p-values of every sample.

From the ground up:

    copy_statistic    how near the nearest image is, relative to the local density
    image_statistics  how far out an image is, and how like a copy
    by_copy_network   p-values of copying by a network trained for it
    by_vectors        p-values of distance, ball ratio and copying
    by_pixels         p-values of the distances of pixel hashes
    every_k           rarity and distance at k = 1 to 10
    real_images       which real images samples are compared with
    copies            copying by all tests, in one p-value
    looked_past       copying without images that are decided to be no originals
    source_evidence   sources that the pictures themselves show
"""
