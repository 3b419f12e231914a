"""The verdict on each sample, and the reason for it.

From the ground up:

    rules           which verdict follows from which p-values: where a copy is called
    stability       at how many k the verdict is the same
    disagreement    when two verdicts contradict each other
    clusters        samples that lie off the manifold, but close together
    copy_witness    which test a p-value of copying comes from
    reasons         the evidence for each verdict in one sentence
    decided         verdicts and reasons where people decided
    conclude        from columns to verdict and reason
"""
