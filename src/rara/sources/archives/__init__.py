"""Images in zips and tars, read where they lie: nothing is unpacked to disk.

From the ground up:

    damage         what an archive raises, in one sentence
    tar_stream     the bytes of a tar, compressed or not, as far as they may be read
    tar_headers    the headers of a tar, one after the other
    tars           the members of plain and compressed tars
    zip_layout     which bytes of a zip belong to which member
    zips           the members of a zip
"""
