"""Whether a look shows copying, at one error rate for all looks of a run.

    copies among samples, number of the look --tested--> CopyTest

What is tested. The copies of a look are its samples with copy_p at most c, the level of copies of
`rara.compare`. Of real images at most a share c has that, on average over references. For one
reference the share differs, so `share_limit` gives a limit that it exceeds for half of `error` of
the references. The hypothesis of look j: its samples are independent, and each is a copy with a
probability of at most this limit. The p-value is a binomial tail.

Why the error holds for the whole run. Look j alarms if p <= error / 2 / (j (j + 1)). A model that
copies no more than real images seem to does so with at most that probability, and these levels add
up to error / 2. The other half is the reference's. Both together: at most `error`, for a run of any
length. No more than Bonferroni's inequality is needed, so looks may depend on each other: models
change slowly, and many people sample with the same noise at every look. An e-process would need
fresh samples at each look, and would count the same copies again and again where they are not.

What is proven and what is measured. The limit is proven for calibration images that are not in the
reference; a scorer that calibrates itself ranks each image among the others, where it is measured:
studies/watching.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from rara.report.formatting import counted, percent
from rara.stats.looks import hits_p, level_of_look, share_limit


@dataclass(frozen=True, slots=True)
class CopyTest:
    """What the copies of one look say."""

    copies: int | None
    """Samples that count as copies; None where no p-value is small enough for that."""
    limit: float | None
    """The share of copies that a model without memory may seem to make."""
    p: float | None
    """P-value of the look; None where there are no copies to count."""
    level: float
    """The level that this look spends."""
    raised: bool
    why: str | None
    """One sentence where the alarm is raised."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted in a look."""

    samples: int
    copies: int | None
    """None where no p-value is small enough for a copy."""
    exact: int
    """Samples that are equal to a reference image."""
    level: float
    """The level of copies."""
    real: int
    """Real images that calibrate."""


def tested(found: Counted, look: int, error: float) -> CopyTest:
    """The alarm of the look of this number, from 1.

    Where the reference is too small for p-values of copies, one exact copy raises it: a fact.
    """
    level = level_of_look(look, error / 2)
    if found.copies is None:
        why = (
            f"{counted(found.exact, 'sample')} of {found.samples:,} "
            f"{'is' if found.exact == 1 else 'are'} equal to a reference image."
        )
        return CopyTest(None, None, None, level, found.exact > 0, why if found.exact else None)
    limit = share_limit(found.level, found.real, error / 2)
    p = hits_p(found.copies, found.samples, limit)
    raised = p <= level
    why = (
        f"{percent(found.copies / found.samples)} of {found.samples:,} samples lie as near to a "
        f"reference image as copies do, and at most {percent(limit)} of real images "
        f"(p = {p:.1g}, look {look:,} spends {level:.1g})."
    )
    return CopyTest(found.copies, limit, p, level, raised, why if raised else None)
