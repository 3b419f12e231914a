"""Image search: which reference images a picture comes from, and what was done to them.

    images, reference --search--> Matches: for each image the ranked reference images

Any number of cheap sources name candidates: pixel hashes, vectors of the whole and of its parts,
and an index of local features where there is one. Then the pictures themselves are compared, and
what unrelated pictures give says how sure a match is. From the ground up:

    match        one reference image beside a sample, and all of one sample
    wording      matches in words, for a terminal and for a page
    page         the page: samples and sources side by side
    notebook     what a notebook shows
    matches      the result: iterable, and written as a table, JSON or a page
    sheets       contact sheets split into panels
    candidates   where candidates come from
    pixel_test   the nearest pixel hash as evidence
    looking      pairs compared, and matches ranked
    search       the door
"""
