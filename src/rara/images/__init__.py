"""From encoded bytes, arrays or PIL images to upright RGB, and what is kept of the pixels.

From the ground up:

    memory_budget      bytes that threads share while they decode
    strips             large images worked on a strip at a time
    phash              a digest of the pixels, and a perceptual hash of 256 bits
    pillow_settings    Pillow's settings, which belong to the whole process
    screening          bytes looked over before Pillow opens them
    depth              pixels of sixteen bits to eight
    footprint          how much memory an image takes, by its header
    ranges             which numbers of an array are black and white
    colours            modes, transparency and depths to RGB
    decode             the one decoder and the one resize
    seams              straight lines across a picture at which pixels jump
    grids              panels of one size at one distance, fitted to such lines
    sheet_evidence     what tells a sheet of pictures from a window, a board or a table
    sheet_neighbours   whether panels side by side go on in each other
    contact_sheet      where the panels of a contact sheet lie
"""
