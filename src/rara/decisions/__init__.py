"""What people decided of pairs of pictures: that one is a copy of the other, or that it is not.

    rara decide, reference.decisions --Decisions--> decisions.csv
    decisions, samples, reference --judged_pairs--> which pairs of this run were decided

A decision holds for the contents of two pictures, in either order, and never for names. The file
may hold remarks, too: a star or a note on one picture.

From the ground up:

    decision     one decision, checked
    remark       a star or a note on one picture
    csv_file     decisions as the lines of a file that people edit
    exported     decisions as a list in JSON
    pictures     the content of a picture that somebody names
    decisions    Decisions: added to, saved, and read again
    pairs        the decisions that bear on samples and a reference
"""
