"""Generators compared: each beside what real images give, with intervals, and with each other.

    samples, reference --one pass--> score table, deep lists
        --figures, halves--> shares with intervals over samples and reference
        --pairwise, sweep--> differences, rankings, trends --> Comparison

Why the intervals hold, and what each figure says: docs/explanation/comparison.md.

From the ground up:

    halves         disjoint halves of the reference
    lists          neighbour lists deep enough for parts of the reference
    figures        the share of samples that meet each condition
    sampling       intervals over samples and reference
    names          generators by name
    real_images    the reference, and the scorer of a comparison
    generator      one generator judged
    pairwise       differences of two generators, rankings
    generator_row  the row of a generator
    sentences      one sentence a generator, and one a ranking
    knob           the number that each generator was made with
    sweep          figures along a knob, checkpoints
    rows           rows made of what was found, and the table
    remarks        what may surprise
    findings       all that was found, before it becomes text
    summary        lines in a terminal
    documents      Markdown and LaTeX
    charts         the small multiples: which figures, and what stands beside them
    headline       the main finding
    pictures       pairs of each generator, by kind
    page           the page
    notebook       what a notebook shows
    comparison     Comparison: table, summary, page
    compare        rara.compare
"""
