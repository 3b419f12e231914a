"""Candidates of several sources, taken in turns."""

from rara.image_search.candidates import Query, candidates_of

QUERIES = [Query(0, None), Query(1, None)]


class Listed:
    """A source that names the same rows for each sample."""

    def __init__(self, name, *rows):
        self.name, self._rows = name, rows

    def candidates(self, queries):
        return [self._rows for _ in queries]


A, B, NONE = Listed("a", 1, 2, 3, 4), Listed("b", 2, 5), Listed("none")


def test_lists_are_taken_in_turns_and_each_row_once():
    assert candidates_of(QUERIES, [A, B, NONE], 10) == [[1, 2, 5, 3, 4]] * 2
    assert candidates_of(QUERIES, [B, A], 3) == [[2, 1, 5]] * 2
    assert candidates_of(QUERIES, [NONE], 3) == [[], []]
    assert candidates_of(QUERIES, [], 3) == [[], []]


def test_the_first_of_a_leading_source_come_before_all():
    assert candidates_of(QUERIES[:1], [B, A], 4, leading=("a",), top=3) == [[1, 2, 3, 5]]
    assert candidates_of(QUERIES[:1], [B, A], 9, leading=("a", "b"), top=3) == [[2, 1, 5, 3, 4]]
