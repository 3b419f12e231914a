"""Whether verdicts depend on choices that nobody made: second opinions.

From the ground up:

    contested          second opinions beside a table's verdicts
    second_opinions    halves of the reference, and other extractors
"""
