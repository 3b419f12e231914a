"""The explorer: samples and reference as a map, served to a browser as one page.

    table, both sides' vectors --Explored--> Map --routes--> the page in static/

The page asks for everything by number: a *point* is a row of the reference or, behind those, a row
of the table. No name and no path of a browser's is ever opened.

From the ground up:

    explored        what is explored: a table, the vectors of both sides, their pictures
    saved_table     a saved table with its images opened again
    projection      vectors to places on a plane, by a library
    placing         further vectors beside those that have a place
    maps            the map of all points, kept in the cache
    sinks           a file that is sent while it is written
    streams         points and tables as Arrow streams
    about           what the page is about: columns, counts, abilities
    point_pictures  the pictures behind points, made small
    atlases         sheets of thumbnails, made in the background and kept in the cache
    nearest         the reference images nearest to a point
    details         one sample in words and numbers
    marks           decisions, stars and notes
    keeping         where marks are kept
    exports         chosen samples as a file
    judged          pictures that a browser sends, judged and put on the map
    serving         one run, ready to be explored: what all routes share
    static_files    the page and its parts
    asked           what a browser asks, read strictly
    routes          the page, its data, pictures, marks, exports and judgements

Only `rara.cli` imports from here.
"""
