"""Images that repeat one another, exactly or nearly.

From the ground up:

    statistics    exact and near pairs, from neighbour lists
    find          which images of a reference are alike
    members       samples that are in a reference
    bursts        groups of images far nearer to each other than to others
    units         one image of each burst or group
    repeats       samples that repeat one another
"""
