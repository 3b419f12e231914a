"""From images to vectors, cached by content; and what is compared of two sides.

From the ground up:

    item_table         the table of items: which images there are
    origin             where features come from
    made_once          what follows from features alone, for warm references
    features           Features: vectors with their items, in memory or in a folder
    vector_cache       the vector of each content, kept between runs
    work_ahead         threads that work ahead within a bounded window
    embed              a source's images to features: on all cores, resumable
    opening            images or features? Decided once
    reembed            the same images again, by another extractor
    metadata_groups    images grouped by a value of their metadata
    metric             the distance that is meant: Euclidean, cosine or Hellinger
    compatibility      whether two sides come from the same extractor
    neighbours         each reference image's nearest others, found once and kept
    pixel_hashes       pixel hashes compared, in all orientations
    pixel_cache        the pixel hashes of a reference, found once and kept
    code_cache         the quantized vectors of a reference, made once and kept
    image_lookup       the images behind ids, read again for a page
"""
