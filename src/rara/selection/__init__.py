"""Samples chosen among many: rare, faithful, no copies, and different from one another.

    table --eligible, wants--> candidates --greedy or farthest_first--> picks, with reasons

Why the picks are near to the best possible: docs/explanation/selection.md. From the ground up:

    wants           what can be wanted of samples, as numbers from 0 to 1
    eligible        which samples can be picked, and why the others cannot
    vectors         the vectors behind a table
    quotas          at most so many picks of each group
    terms           what picks are worth together: different, representative
    greedy          one pick after the other, each the best
    world           the candidates, and how alike they are
    farthest_first  one pick after the other, each the farthest
    reasons         why each sample was picked
    facts           all that was found, and lines of it for a terminal
    page            the page
    sheet           a contact sheet of the picks
    folder          the picks as links or copies in a folder
    select          rara.select
    drawing         a generator called for samples
    sample_original  rara.sample_original
    torch           the reward with gradients, as a module of PyTorch
    guidance        generators led to higher rewards (takes torch)
"""
