"""What a result is relative to, as typed records that JSON can hold.

From the ground up:

    json_format      records to JSON and back, checked by the types of their fields
    parts            one record for each part: samples, reference, calibration, verdict, …
    selection        the part on samples that were picked
    sampling         the part on samples that were drawn until enough were original
    earlier_names    keys that an earlier schema called otherwise
    provenance       Provenance of a score table, SiblingsProvenance
    comparison       ComparisonProvenance of generators
"""
