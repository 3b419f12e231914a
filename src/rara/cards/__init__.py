"""Cards: the judgement of one picture as a file that anybody with the same images can check.

    picture, Reference --card--> Card --save--> one JSON file --verify--> Verification

A picture is judged alone, so its card hangs on nothing but the contents of that picture and of the
reference. It names images by digest and no files: the same images give the same bytes anywhere.

From the ground up:

    canonical      the one form of a card's text, and its digest
    record         the columns of a row that a card keeps, with digests for names
    content        what a card holds, as typed records
    sentences      a card in words
    page           cards as one HTML page
    card           Card: read, write, and look at
    making         from a picture to its card
    verification   Verification: what was checked, and what differs
    verify         a card checked: its form, then each number made again
"""
