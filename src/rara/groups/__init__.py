"""Samples judged in smaller circles: within their group, or among the outputs of their prompt.

From the ground up:

    typical             the most typical images of a group
    within_groups       by the reference images of the same group
    siblings            by the other samples of the same prompt
    compare_siblings    the same without a reference
"""
