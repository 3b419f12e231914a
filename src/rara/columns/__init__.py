"""One register of every column that rara writes: its meaning, unit, range, and gaps.

Ground: imports nothing of rara. Everything that shows columns reads it: cards, notebooks, `--json`
and docs/reference/columns.md.

    column        what is said of a column
    score_tables  one row a sample
    comparisons   one row a generator
    searches      one row a match of a search
    proxies       one row a sample, by several references
    register      the columns of every kind of table
"""
