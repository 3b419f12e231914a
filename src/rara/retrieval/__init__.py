"""Copies of parts of pictures: direct evidence that a sample holds a region of another picture.

Two pictures go in, evidence comes out: local features are matched, the movement that most matches
agree with becomes a map, and the pixels are compared under it. How often unrelated pictures reach
as much was measured once, on many kinds of pictures, so that the evidence has a p-value that
needs no reference:

    found = evidence(sample, source)                      # the same region in both, and the edit
    p = p_value(found.strength, kind=found.kind, candidates=17)

Which pictures of a reference are worth comparing, the vectors of any extractor say:

    VectorCandidates(reference.features, extractor).candidates(samples, most=17).rows

From the ground up:

    local_features    a picture at its working size, and its SIFT features
    matches           features that look alike, and the movement that most agree with
    polygons          convex regions of the plane
    maps              from agreeing matches to a map that a picture can go through
    agreement         pixels compared under the map, cell by cell
    region            where in the sample they agree
    tones             how brightness, colour and detail differ
    wording           what was done, in words
    universal_null    what unrelated pictures reach, and the p-value
    strength          one number that orders evidence
    whole_picture     whole pictures that agree, turned in any way
    alignment_search  one small picture laid over another: loops
    aligned_picture   whole pictures laid over each other, moved in any way
    evidence          two pictures in, evidence out
    crops             parts of a picture, as boxes
    vector_candidates  images that a sample may hold a part of, by vectors of parts

Among many reference images, those to compare with a sample come from an index:

    feature_codes     one picture's features in a few bytes, and back
    visual_words      which features can be alike: cells, and signatures of 64 bits
    postings          the features of all images, in the order of their cells
    voting            a sample's votes for images, and those that agree on one movement
    inverted_index    the reference images that a sample may hold a part of
    index_folder      the index in a folder: continued after a kill, verified

And many samples at once:

    ready_pictures    pictures of one side, read again and made ready
    reference_index   the index that was saved with a reference, or one of a few images
    chance_agreement  how well unrelated pictures of a reference agree
    sources           the candidate that the evidence names
    finding           the sources of many samples
"""
