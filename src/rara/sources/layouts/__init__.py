"""How people arrange files in folders and archives.

From the ground up:

    hidden           files of systems, thumbnails and bins, which are left out
    compound         several images of one base name, such as x.png and x.seg.png
    splits           folders and files named train, test or validation
    folder_labels    which class an image's folder stands for
    hub              the cache of Hugging Face's Hub
"""
