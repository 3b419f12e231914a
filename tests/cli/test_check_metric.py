"""`rara check-metric` on metrics in a file of one's own."""

import json

import pytest

from commands import called
from rara.sets.checks.check_metric import CheckResult, Conformance

METRICS = """
def one(samples, reference):
    return 1.0

def both(samples, reference):
    return {"near": 1.0, "none": 0.0}

def undefined(samples, reference):
    return float("nan")

def leaves(samples, reference):
    raise SystemExit("enough of this")

def interrupted(samples, reference):
    raise KeyboardInterrupt

number = 3
"""


@pytest.fixture
def metrics(tmp_path, monkeypatch):
    """The name of a module with metrics in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics_to_check.py").write_text(METRICS, encoding="utf-8")
    (tmp_path / "broken_metrics.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "leaving_metrics.py").write_text("raise SystemExit(3)", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "metrics_to_check"


QUICK = ("--suite", "known-answers", "--repeats", "1")


def test_text_says_what_was_expected_and_found(metrics, capsys):
    code, out, err = called(capsys, "check-metric", f"{metrics}:one", *QUICK)
    assert code == 0
    assert out.startswith(f"{metrics}:one: 7 of 12 checks passed")
    assert "  pass  known-answers: held out." in out
    assert "  FAIL  known-answers: hole." in out
    assert "        d = 16: 0 inside; found 1.00" in out
    assert "known-answers: duplicates" in err


@pytest.mark.filterwarnings("error")
def test_a_metric_without_a_value_fails(metrics, capsys):
    code, out, err = called(capsys, "check-metric", f"{metrics}:undefined", *QUICK)
    assert code == 0
    assert out.startswith(f"{metrics}:undefined: 0 of 12 checks passed")
    assert "× 1: does not change; found nan\n" in out
    assert "Warning" not in err


def test_json_of_several_numbers(metrics, capsys):
    kinds = ("--kind", "near=fidelity", "--kind", "none=diversity")
    code, out, _ = called(capsys, "check-metric", f"{metrics}:both", *kinds, *QUICK, "--json")
    assert code == 0
    found = json.loads(out)
    assert set(found["metrics"]) == {"near", "none"}
    assert found["metrics"]["near"] == {"passed": 7, "checks": 12}
    assert {row["kind"] for row in found["checks"]} == {"fidelity", "diversity"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}:two",), "has no function 'two'"),
        (("{}:number",), "has no function 'number'"),
        (("{}",), "give MODULE:FUNCTION"),
        (("nowhere_at_all:one",), "cannot be imported: ModuleNotFoundError"),
        (("broken_metrics:one",), "cannot be imported: ZeroDivisionError: division by zero"),
        (("leaving_metrics:one",), "cannot be imported: SystemExit: 3"),
        (("{}:leaves", *QUICK), "The metric ends the program with SystemExit('enough of this')"),
        (("{}:one", "--kind", "beauty"), "give one of fidelity, diversity, distance, copying"),
        (("{}:one", "--kind", "fidelity", "--kind", "distance"), "NAME=KIND for each number"),
        (
            ("{}:both", "--kind", "near=fidelity", "--kind", "near=distance"),
            "'near' is given twice",
        ),
        (("{}:both", *QUICK), "a number is needed for"),
        (("{}:one", "--grid", "fine"), "grid"),
    ],
)
def test_mistakes_end_in_one_sentence(metrics, words, said, capsys):
    code, out, err = called(capsys, "check-metric", *(word.format(metrics) for word in words))
    assert (code, out) == (2, "")
    assert said in err


def test_the_exit_code_is_1_only_where_checks_fail_and_strict_asks_for_it(metrics, capsys):
    for word, code in (((), 0), (("--strict",), 1)):
        assert called(capsys, "check-metric", f"{metrics}:one", *QUICK, *word)[0] == code
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rara.sets.check_metric", lambda *given, **options: PASSED)
        assert called(capsys, "check-metric", f"{metrics}:one", *QUICK, "--strict")[0] == 0


PASSED = Conformance(
    (CheckResult("one", "fidelity", "known-answers", "hole", "Is it seen?", True, ()),)
)


def test_strict_is_not_content_where_no_check_was_made(metrics, capsys):
    words = (f"{metrics}:one", "--kind", "copying", "--suite", "published")
    code, out, _ = called(capsys, "check-metric", *words, "--strict")
    assert code == 1
    assert "No check was made" in out


def test_numbers_without_a_kind_are_listed(metrics, capsys):
    words = (f"{metrics}:both", "--kind", "near=fidelity", *QUICK)
    code, out, _ = called(capsys, "check-metric", *words)
    assert code == 0
    assert out.splitlines()[-1] == "none: not checked: no kind given"
    _, out, _ = called(capsys, "check-metric", *words, "--json")
    assert json.loads(out)["unchecked"] == ["none"]


def test_an_interrupt_ends_as_elsewhere(metrics, capsys):
    code, out, err = called(capsys, "check-metric", f"{metrics}:interrupted", *QUICK)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1].startswith("Interrupted.")
    assert "Traceback" not in err


def test_help_says_what_strict_is_for(capsys):
    code, out, _ = called(capsys, "check-metric", "--help")
    assert code == 0
    said = " ".join(out.replace("│", " ").split())
    assert "The exit code is 0 whatever the checks find" in said
    assert "Exit with code 1 where a check fails" in said
