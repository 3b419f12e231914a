"""The same as in `test_security`, many times."""

import pytest

from hostile import damage, forge
from test_security import code, hold, hold_caches, hold_code, whole  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("change", [damage, forge])
def test_changed_folders_are_refused_or_change_nothing(whole, tmp_path, change):  # noqa: F811
    outcomes = hold(whole, tmp_path, change, 600, seed=10)
    assert outcomes["DamagedStoreError"] > 300


def test_damaged_caches_change_no_result(tmp_path, draw):
    assert hold_caches(tmp_path, draw, 200, seed=11).total() == 200


def test_damaged_loops_are_compiled_again(code, tmp_path):  # noqa: F811
    hold_code(code, tmp_path, 4, seed=12)
