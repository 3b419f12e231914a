"""docs/reference/json.md: every key of the facts, with its meaning, as the code has it today."""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from pages import MIXED, made_of, provenance
from rara import Features, Reference, compare_siblings
from rara.report import facts

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "src" / "rara" / "report"


def loaded():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = loaded()
RECORDS = list(
    dict.fromkeys(one for top in GENERATE.COMMANDS.values() for one in GENERATE.records_of(top))
)


def section_of(record):
    """The part of the page that describes a record."""
    titles = {top: f"## `{command}`" for command, top in GENERATE.COMMANDS.items()}
    title = titles.get(record, f"### {record.__name__}")
    return GENERATE.JSON_PAGE.read_text("utf-8").split(f"{title}\n")[1].partition("\n#")[0]


def test_the_page_is_written_from_the_code():
    assert GENERATE.JSON_PAGE.read_text(encoding="utf-8") == GENERATE.json_page()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_is_named_with_its_meaning(record):
    keys = re.findall(r"^\| `(\w+)` \|", section_of(record), re.MULTILINE)
    assert keys == list(get_type_hints(record))
    for meaning in GENERATE.meanings(record).values():
        assert meaning.endswith((".", "…"))
        assert len(meaning.split()) <= 25


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_records_are_frozen(record):
    assert not is_dataclass(record) or record.__dataclass_params__.frozen


@pytest.mark.parametrize("path", sorted(REPORT.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_of_the_report_is_an_untyped_dict(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b([dD]ict|Mapping)\[str, Any\]|TypedDict", text)


@pytest.fixture(scope="module")
def written():
    """What the three commands print, with everything that can be asked for."""
    rng = np.random.default_rng(0)
    labels = ["a", "b"] * 60
    train = Features.from_arrays(rng.normal(size=(120, 4)), metadata={"label": labels})
    made = np.concatenate([rng.normal(size=(57, 4)) * 2, np.ones((3, 4))])
    samples = Features.from_arrays(made, metadata={"label": labels[:60]})
    reference = Reference.from_features(train)
    table = reference.score_features(samples, group_by="label", against_siblings="label")
    return [
        facts(table.arrow, table.provenance).to_json(),
        facts(made_of(MIXED), provenance(20)).to_json(),
        reference.audit(samples).to_dict(),
        compare_siblings(samples, by="label").to_dict(),
    ]


def keys_of(value):
    """Every key of a JSON value and of those within it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def without_names(value):
    """Without the values whose keys are names: columns, verdicts, libraries."""
    free = {"standing", "metadata", "on_request", "counts", "versions", "by_extractor", "measures"}
    if isinstance(value, Mapping):
        return {key: {} if key in free else without_names(one) for key, one in value.items()}
    return [without_names(one) for one in value] if isinstance(value, list) else value


def test_every_key_that_is_printed_is_on_the_page(written):
    page = GENERATE.JSON_PAGE.read_text("utf-8")
    printed = set(keys_of(without_names(written)))
    assert {"odd_ones", "real_images", "differs", "other", "compared"} <= printed
    assert [key for key in printed if f"| `{key}` |" not in page] == []
