"""A test of the whole set: do samples differ from the reference in a way geometry cannot see?

    vectors of both sides --pool--> one canonical order, in folds --views--> features
        --classifier--> how well true and shuffled labels are separated, out of fold
        --repeats--> pairs of equal or nearly equal samples
        --ranks--> one p-value; `two_sample_score` and `two_sample_p` of each sample

A classifier two-sample test (Lopez-Paz and Oquab 2017; Kim, Ramdas, Singh and Wasserman 2021).
Why the p-value holds exactly, and what the test sees: docs/explanation/two_sample.md.

    views         what the classifiers see of the vectors
    pool          which images of both sides take part, and in which folds
    repeats       the pairs of equal or nearly equal samples
    ranks         one p-value of several statistics
    classifier    ridge classifiers, each trained on all folds but one
    comparison    the test, and a score for each sample
"""

from rara.two_sample.comparison import TwoSample, two_sample, two_sample_test

__all__ = ["TwoSample", "two_sample", "two_sample_test"]
