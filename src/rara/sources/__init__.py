"""Where images come from; `open_source` decides what a place is and opens it.

From the ground up:

    base                  what a source is: stable ids, something to decode, metadata
    single                one image, or a few of a source, as a source
    limits                how many bytes of one file are read
    names                 which files are images, safe and unique ids, natural order
    schemes               places with a scheme such as s3://, as text
    paths                 places as people write them: patterns, and names that are nearly right
    first_bytes           whether a file is an image, by its first bytes
    unreadable_formats    what helps where a format is not read
    layouts               how people arrange files
    metadata              what is known of an image besides its pixels
    files                 images among named files
    folder                images in a folder
    archives              images in zips and tars
    arrays                images as arrays
    tables                images in Parquet and Arrow files
    joined                several sources as one
    remote                places with a scheme: buckets, web servers and the like
    opening               what a place is, and the source that it stands for
"""

from rara.run import MetadataUse
from rara.sources.base import Item, Scalar, Source
from rara.sources.opening import holds_tables, open_source, refuse_mixed

__all__ = ["Item", "MetadataUse", "Scalar", "Source", "holds_tables", "open_source", "refuse_mixed"]
