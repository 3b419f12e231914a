"""Checks with known answers, for any metric of a whole set.

    function(samples, reference) --check_metric--> values on data whose answer is known
        --criteria--> passed or not, what was expected and what was found

A metric is checked for what it claims to measure: fidelity, diversity, distance or copying.

    laws            the laws that data are drawn from
    criteria        what values must be, and what was found
    check           one check: data along a knob, and criteria for each kind of metric
    published       the fifteen checks of Räisä et al. 2025
    known_answers   fifteen more: copies, truncation, outliers, duplicates, blind spots
    check_metric    both suites on a function, and the table
"""
