"""Images in Parquet and Arrow files.

From the ground up:

    columns           which column holds images, and how
    saved_datasets    folders that Hugging Face's `save_to_disk` wrote
    table_source      their rows, a few at a time
"""
