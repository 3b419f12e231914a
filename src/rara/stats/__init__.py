"""Statistics on arrays: they know no image and no distance.

From the ground up:

    cell_means     sums of rows by cell
    conformal      percentiles, conformal p-values and q-values among scores of real images
    correlation    how far two orders of the same images agree
    joint_rank     one exact p-value from several statistics
    intervals      intervals of shares with two sources of error
    looks          repeated looks at a share, with one error rate for all
    multiple       p-values of several questions together
    trend          whether shares follow a knob
    transport      optimal transport of sorted numbers
"""
