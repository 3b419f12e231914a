"""The reference: real images as the geometry that samples are judged against.

From the ground up:

    cleaning     duplicates left out, one image a unit, huge balls clipped
    audit        what speaks against believing a reference
    judging      every axis, groups, siblings, the two-sample test and the verdict
    reference    Reference: fit, save, extend, score
"""
