"""The result: one row a sample, and what the numbers are relative to.

From the ground up:

    csv_cells           cells that a spreadsheet would take for a formula
    earlier_versions    tables that an earlier version wrote
    writing             a table and its record into a file
    validation          what is believed of a table from a file
    same_images         places compared with what a table records, by their contents
    score_table         ScoreTable: select, save, show
    provenance          what was judged against what, how, and with which versions
"""
