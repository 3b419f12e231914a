"""A small reference behind the service."""

import pytest

import rara
from embedding import Means
from rara.run import Run
from rara.service.judging import Judge
from rara.service.limits import Limits
from rara.service.metrics import Metrics
from rara.service.serving import Serving
from uploading import Client, app_of


@pytest.fixture(scope="session")
def pictures(tmp_path_factory, draw):
    """30 reference images, and 6 others."""
    root = tmp_path_factory.mktemp("service")
    draw(root / "train", 30, seed=1)
    draw(root / "samples", 6, seed=2)
    return root


@pytest.fixture(scope="session")
def reference(pictures):
    return rara.Reference.fit(str(pictures / "train"), extractor=Means())


@pytest.fixture(scope="session")
def judge(reference):
    return Judge(reference, run=Run(), metrics=Metrics())


@pytest.fixture(scope="session")
def serving(judge):
    return Serving(judge, "train")


@pytest.fixture(scope="session")
def limited(judge):
    """The same with other limits."""

    def made(**limits):
        return Serving(judge, "train", limits=Limits(**limits))

    return made


@pytest.fixture(scope="session")
def client(serving):
    return Client(app_of(serving))
