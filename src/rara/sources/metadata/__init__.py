"""What is known of an image besides its pixels: tables and small files beside it.

From the ground up:

    records     one flat record an image, with limits
    rows        the rows of CSV, JSON lines and Parquet tables
    matching    which image a row describes
    sidecars    small files that describe one image
    lookup      all of it, by the image's name
"""
