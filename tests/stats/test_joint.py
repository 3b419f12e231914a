"""The joint rank of several statistics, held against its definition."""

import numpy as np
import pytest

from rara.stats.joint_rank import LISTED, Changes, Ranking, SampleScores, joint_counts


def by_definition(scores):
    """Ranks of the last member and its joint count, from scores (statistics, members)."""
    ranks = (scores[:, None, :] >= scores[:, :, None]).sum(axis=2)
    smallest = ranks.min(axis=0)
    return ranks[:, -1].tolist(), int((smallest <= smallest[-1]).sum())


def draws(rng, kind):
    if kind == "ties":
        return lambda *shape: rng.integers(0, 8, size=shape).astype(float)
    if kind == "infinite":
        return lambda *shape: rng.choice([0.0, 1.0, 2.0, 3.0, np.inf], size=shape)
    return lambda *shape: rng.normal(size=shape)


def random_case(rng, kind, samples):
    """Witnesses of some samples, and every member's scores once each sample has joined."""
    images, statistics = rng.integers(3, 40), rng.integers(1, 4)
    draw = draws(rng, kind)
    compared, members = [], np.empty((samples, statistics, images + 1))
    for w in range(statistics):
        rankings = [Ranking.of(draw(images)) for _ in range(rng.integers(1, 3))]
        which = rng.integers(0, len(rankings), samples).astype(np.int32)
        own, rows, index, after = draw(samples), [], [], []
        for s in range(samples):
            changed = rng.choice(images, rng.integers(0, min(5, images)), replace=False)
            then = draw(len(changed))
            members[s, w, :-1] = rankings[which[s]].scores
            members[s, w, changed] = then
            rows += [s] * len(changed)
            index += changed.tolist()
            after += then.tolist()
        members[:, w, -1] = own
        order = rng.permutation(len(rows))
        changes = Changes.of(
            samples,
            np.array(rows, np.int32)[order],
            np.array(index, np.int32)[order],
            np.array(after, float)[order],
        )
        compared.append(SampleScores(rankings, which, own, changes, np.zeros(samples, np.int64)))
    return compared, members


@pytest.mark.parametrize("kind", ["continuous", "ties", "infinite"])
def test_joint_ranks_are_those_of_the_definition(kind):
    rng, exact = np.random.default_rng(0), 0
    for _ in range(400):
        compared, members = random_case(rng, kind, samples=6)
        ranks = [one.ranks(joins=True) for one in compared]
        found = joint_counts(compared, ranks, joins=True)
        for s, scores in enumerate(members):
            single, together = by_definition(scores)
            assert [one[s] for one in ranks] == single
            bound = min(scores.shape[1], len(compared) * min(single))
            if len(compared) > 1 and bound <= LISTED * scores.shape[1]:
                exact += 1
                assert found[s] == together
            else:
                assert found[s] == bound >= together
    assert exact > 100


@pytest.mark.parametrize("kind", ["continuous", "ties", "infinite"])
def test_members_are_ranked_among_themselves(kind):
    rng = np.random.default_rng(1)
    for _ in range(100):
        scores = draws(rng, kind)(2, rng.integers(3, 40))
        images = scores.shape[1]
        compared = [SampleScores.of(Ranking.of(one), one) for one in scores]
        ranks = [one.ranks(joins=False) for one in compared]
        found = joint_counts(compared, ranks, joins=False)
        for i in range(images):
            single, together = by_definition(
                np.column_stack([np.delete(scores, i, 1), scores[:, i]])
            )
            assert [one[i] for one in ranks] == single
            assert found[i] == (
                together if 2 * min(single) <= LISTED * images else min(images, 2 * min(single))
            )


def test_of_all_members_a_share_of_at_most_alpha_is_called_at_alpha():
    """What makes p a p-value, whatever the scores are."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        scores = rng.integers(0, 12, size=(3, 60)).astype(float)
        compared = [SampleScores.of(Ranking.of(one), one) for one in scores]
        counts = joint_counts(compared, [one.ranks(joins=False) for one in compared], joins=False)
        for threshold in range(1, 61):
            assert (counts <= threshold).sum() <= threshold


def test_unnamed_images_can_only_make_it_larger():
    """Images that rise to the sample's own score, named or only counted."""
    rng, larger = np.random.default_rng(3), 0
    for _ in range(300):
        first, second = (rng.integers(0, 12, size=20).astype(float) for _ in range(2))
        own = rng.integers(0, 12, size=2).astype(float)
        rising = np.flatnonzero(first < own[0])[: rng.integers(0, 4)].astype(np.int32)
        none, nobody = np.zeros(len(rising), np.int32), np.zeros(1, np.int64)
        named = Changes.of(1, none, rising, np.full(len(rising), own[0]))
        reals, other = [Ranking.of(first)], SampleScores.of(Ranking.of(second), own[1:])
        which = np.zeros(1, np.int32)
        exact = SampleScores(reals, which, own[:1], named, nobody)
        counted = SampleScores(reals, which, own[:1], Changes.none(1), nobody + len(rising))
        sharp, unsharp = (
            joint_counts([one, other], [one.ranks(joins=True), other.ranks(joins=True)], joins=True)
            for one in (exact, counted)
        )
        assert exact.ranks(joins=True) == counted.ranks(joins=True)
        assert unsharp >= sharp
        larger += int(unsharp[0] > sharp[0])
    assert larger


def test_statistics_that_agree_cost_no_factor():
    scores = np.arange(100.0)
    twice = [SampleScores.of(Ranking.of(scores), np.array([96.5]))] * 2
    ranks = [one.ranks(joins=True) for one in twice]
    assert joint_counts(twice, ranks, joins=True).tolist() == ranks[0].tolist() == [4]
