"""What may be concluded of each sample, and why.

From the ground up:

    rules           which verdict follows from which p-values: where a copy is called
    stability       at which k the verdict is the same
    disagreement    when two verdicts contradict each other
    clusters        samples that lie off the manifold together
    reasons         the evidence in one sentence
    conclude        from columns to verdict and reason
"""
