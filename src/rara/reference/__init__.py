"""The reference: real images as the geometry that samples are judged against.

From the ground up:

    options      what is asked of samples, checked
    cleaning     duplicates left out, one image a unit, huge balls clipped
    trust        how far figures relative to a reference may be believed
    audit        what speaks against believing a reference
    geometry     the images, the distances between them, and their calibration
    fitting      a reference made of images
    copy_network  both sides by a network that was trained for copies
    judging      samples one by one: every axis and the verdict
    scorer       Scorer: options bound once, and all that they ask of samples; for any thread
    reference    Reference: fit, save, extend, score
"""
