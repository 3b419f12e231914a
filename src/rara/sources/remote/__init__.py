"""Places that are no path: buckets, web servers, whatever an installed fsspec filesystem reads.

Nothing here is imported for a local path, and fsspec only once a place is opened.

    filesystem    an fsspec filesystem with bounded retries and errors that say what to do
    listing       which files lie below a place, under safe names
    files         those files, read ahead
    copies        local copies of what must be read as a whole
    opening       the source that a place stands for
"""
