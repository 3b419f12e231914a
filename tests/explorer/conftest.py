"""The explorer's page of a made-up world, in one browser for each file of tests."""

import pytest

from explorer_page import Site, chromium
from explorer_world import World, served
from pages import HOSTILE


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server():
    with served(World(1200, 400, names=HOSTILE)) as found:
        found.world.without = {1100}
        yield found


@pytest.fixture
def site(browser, server):
    server.world.decisions.clear()
    server.world.exports.clear()
    found = Site(browser, server)
    yield found
    found.close()
