"""The rule that joins proxies: against an oracle, at its boundaries, and its promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rara.proxy_references.rule import Pairs, counting, dropped, joined

NOTHING = np.nan


def pairs(tests, pictures=None, facts=None, smallest=None):
    tests = np.array(tests, float)
    pictures = np.full(tests.shape, NOTHING) if pictures is None else np.array(pictures, float)
    facts = np.zeros(tests.shape, bool) if facts is None else np.array(facts, bool)
    smallest = np.full(tests.shape[1], 1e-9) if smallest is None else np.array(smallest, float)
    return Pairs(tests, pictures, facts, smallest)


def oracle(given_pairs, alpha):
    """The called pairs, by the definitions in the docstring, one pair after the other."""
    samples, proxies = given_pairs.tests.shape
    counts = max(
        (some for some in powerset(proxies) if fits(some, given_pairs.smallest, alpha)),
        key=lambda some: (len(some), -sum(given_pairs.smallest[list(some)])),
    )
    p, certain = np.ones((samples, proxies)), np.zeros((samples, proxies), bool)
    for i in range(samples):
        for r in range(proxies):
            shown = given_pairs.pictures[i, r] * proxies
            if shown <= 1e-6:
                certain[i, r], p[i, r] = True, shown
            elif not np.isnan(shown):
                p[i, r] = min(1, 100 * shown)
            if r in counts:
                p[i, r] = min(p[i, r], len(counts) * given_pairs.tests[i, r])
            if given_pairs.facts[i, r]:
                certain[i, r], p[i, r] = True, 0
    tested = [i for i in range(samples) if not certain[i].any()]
    most = 0
    for count in range(1, len(tested) + 1):
        if sum(len(tested) * p[i].min() / count <= alpha for i in tested) >= count:
            most = count
    called = certain.copy()
    for i in tested:
        for r in range(proxies):
            called[i, r] = most > 0 and len(tested) * p[i, r] / most <= alpha
    return called


def powerset(count):
    return [
        tuple(r for r in range(count) if mask >> r & 1) for mask in range(2**count)
    ]  # fmt: skip


def fits(some, smallest, alpha):
    return all(len(some) * smallest[r] <= alpha for r in some)


LEVELS = st.sampled_from([0.0001, 0.005, 0.01, 0.02, 0.05, 0.2, 0.5, 1.0])
SHOWN = st.sampled_from([NOTHING, 1e-9, 2e-7, 4e-7, 1e-6, 1e-4, 0.01])


@st.composite
def worlds(draw):
    samples, proxies = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    grid = lambda values: np.array(  # noqa: E731
        draw(st.lists(st.lists(values, min_size=proxies, max_size=proxies),
                      min_size=samples, max_size=samples))
    )  # fmt: skip
    sizes = draw(st.lists(LEVELS, min_size=proxies, max_size=proxies))
    facts = grid(st.sampled_from([False] * 7 + [True]))
    return pairs(grid(LEVELS), grid(SHOWN), facts, sizes)


@given(worlds(), st.sampled_from([0.01, 0.05, 0.2]))
def test_pairs_are_called_as_the_definitions_say(world, alpha):
    assert joined(world, alpha).called.tolist() == oracle(world, alpha).tolist()


@given(worlds(), st.randoms())
def test_the_order_of_the_proxies_plays_no_role(world, random):
    order = list(range(len(world.smallest)))
    random.shuffle(order)
    turned = Pairs(
        world.tests[:, order], world.pictures[:, order], world.facts[:, order],
        world.smallest[order],
    )  # fmt: skip
    if len(set(world.smallest.tolist())) == len(order):  # of equal sizes, the first count
        one, other = joined(world, 0.05), joined(turned, 0.05)
        assert one.called[:, order].tolist() == other.called.tolist()
        assert one.q.tolist() == other.q.tolist()


@given(worlds())
def test_a_sample_is_called_where_its_q_says_so(world):
    found = joined(world, 0.05)
    assert ((found.q <= 0.05) == found.called.any(axis=1)).all()
    assert not (found.called & (found.pair_p > 0.05)).any()


@given(worlds())
def test_leaving_out_is_judging_anew(world):
    whole = joined(world, 0.05)
    found = dropped(world, whole, 0.05)
    called = whole.called.any(axis=1)
    for proxy in range(len(world.smallest)):
        rest = [r for r in range(len(world.smallest)) if r != proxy]
        still = np.zeros(len(called), bool)
        if rest:
            alone = Pairs(
                world.tests[:, rest], world.pictures[:, rest], world.facts[:, rest],
                world.smallest[rest],
            )  # fmt: skip
            still = joined(alone, 0.05).called.any(axis=1)
        assert found.lost[:, proxy].tolist() == (called & ~still).tolist()
        assert found.gained[:, proxy].tolist() == (~called & still).tolist()


@pytest.mark.parametrize(("p", "called"), [(0.025, True), (np.nextafter(0.025, 1), False)])
def test_a_p_value_is_called_up_to_alpha_over_the_proxies(p, called):
    found = joined(pairs([[p, 1.0]]), 0.05)
    assert found.called.tolist() == [[called, False]]
    assert not found.certain.any()


@pytest.mark.parametrize(("p", "certain"), [(5e-7, True), (np.nextafter(5e-7, 1), False)])
def test_evidence_of_pictures_is_certain_up_to_one_in_a_million_over_the_proxies(p, certain):
    found = joined(pairs([[1.0, 1.0]], [[p, NOTHING]]), 0.05)
    assert found.certain.tolist() == [[certain, False]]
    assert found.called.tolist() == [[True, False]]
    assert found.q[0] == (0 if certain else 100 * 2 * p)


@pytest.mark.parametrize(
    ("smallest", "alpha", "counts"),
    [
        ([0.05], 0.05, [True]),
        ([np.nextafter(0.05, 1)], 0.05, [False]),
        ([0.025, 0.025], 0.05, [True, True]),
        ([0.025, np.nextafter(0.025, 1)], 0.05, [True, False]),
        ([0.5, 0.02, 0.01, 0.5], 0.05, [False, True, True, False]),
        ([0.5, 0.5], 0.05, [False, False]),
    ],
)
def test_proxies_count_while_their_images_allow_it(smallest, alpha, counts):
    assert counting(smallest, alpha).tolist() == counts


def test_a_proxy_that_is_too_small_costs_the_others_nothing():
    alone = joined(pairs([[0.05]], smallest=[0.001]), 0.05)
    beside = joined(pairs([[0.05, 0.06, 0.09]], smallest=[0.001, 0.06, 0.09]), 0.05)
    assert alone.called.tolist() == [[True]]
    assert beside.called.tolist() == [[True, False, False]]
    assert beside.counted.tolist() == [True, False, False]


def test_facts_count_in_a_proxy_of_any_size():
    found = joined(pairs([[1.0, 1.0]], facts=[[False, True]], smallest=[0.001, 1.0]), 0.05)
    assert found.called.tolist() == [[False, True]]
    assert found.p.tolist() == found.q.tolist() == [0.0]


def test_certain_copies_leave_the_threshold_of_the_others_alone():
    tests = [[1.0]] * 9 + [[0.03]]
    world = pairs(tests, facts=[[True]] * 9 + [[False]])
    assert joined(world, 0.05).q[9] == 0.03
    assert joined(pairs([[0.03], *[[1.0]] * 9]), 0.05).q[0] == 0.3


def test_every_proxy_below_the_limit_is_named():
    found = joined(pairs([[0.001, 0.02, 0.5]]), 0.1)
    assert found.called.tolist() == [[True, True, False]]


def test_one_proxy_less_can_find_more():
    world = pairs([[0.04, 1.0]])
    found = dropped(world, joined(world, 0.05), 0.05)
    assert found.gained.tolist() == [[False, True]]
    assert not found.lost.any()


def test_a_copy_in_two_proxies_rests_on_neither():
    world = pairs([[1.0, 1.0], [1.0, 1.0]], facts=[[True, True], [True, False]])
    found = dropped(world, joined(world, 0.05), 0.05)
    assert found.lost.tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize("dependence", ["independent", "equal", "opposed"])
def test_unrelated_pairs_are_named_at_most_so_often(dependence):
    rng = np.random.default_rng(0)
    first = rng.random(200_000)
    second = {"independent": rng.random(200_000), "equal": first, "opposed": 1 - first}[dependence]
    p = np.min(joined(pairs(np.column_stack([first, second])), 0.05).pair_p, axis=1)
    for level in (0.01, 0.05):
        rate = np.mean(p <= level)
        assert rate <= level + 4 * np.sqrt(level / 200_000)
        assert rate >= level / 2 - 4 * np.sqrt(level / 200_000)


def test_of_the_named_proxies_few_are_wrong():
    """Half of the samples are copies of the first proxy, and unrelated to the second."""
    rng = np.random.default_rng(1)
    false = []
    for _ in range(400):
        tests = rng.random((100, 2))
        tests[:50, 0] = rng.random(50) * 1e-4
        called = joined(pairs(tests), 0.2).called
        wrong = called[:50, 1].sum() + called[50:].sum()
        false.append(wrong / max(1, called.sum()))
    assert np.mean(false) <= 0.2
    assert np.mean(false) >= 0.05
