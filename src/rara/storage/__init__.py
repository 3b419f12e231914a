"""What rara keeps on disk: files that are whole or not there, verified folders, the cache.

From the ground up:

    cache             the folder for what can be made again; `RARA_CACHE` moves it
    plain_files       files in a folder that somebody else may have made, opened safely
    compiled_cache    machine code between runs: used only where it is whole and one's own
    compiled          the inner loops' machine code, compiled once
    atomic            one file, written whole or not at all
    locks             locks between processes
    shared_file       one small file that several processes change
    manifest          what a folder says of its files, and whether to believe it
    folder            a folder of files that belong together: replaced as a whole, verified
"""
