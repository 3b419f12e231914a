"""A classifier that tries to tell the samples from the reference: what geometry cannot see.

    vectors of both sides --pool--> one canonical order, in folds --views--> features
        --classifier--> how well true and shuffled labels are told apart, out of fold
        --> AUC, its p-value, and the `giveaway` of each sample

A classifier two-sample test (Lopez-Paz and Oquab 2017; Kim, Ramdas, Singh and Wasserman 2021).
Why the p-value holds exactly, and what the test sees: docs/design/two_sample.md.
"""

from rara.two_sample.comparison import TwoSample, tell_apart, two_sample

__all__ = ["TwoSample", "tell_apart", "two_sample"]
