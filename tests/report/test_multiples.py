"""Small multiples: scales, marks and curves that say what their numbers say."""

import pytest

from rara.report.multiples import SHARES, Scale, Unit, Value, curve_of, panel_of

COUNTS = Unit("{:.0f}".format, "{:.0f}".format, Scale(0.0, 100.0))


def test_all_of_a_panel_stand_on_one_scale_that_holds_their_intervals():
    values = [
        Value(name="a", value=0.1, interval=(0.05, 0.4), real=0.2, sure=True),
        Value(name="b", value=0.2, interval=(0.15, 0.3), real=0.2, sure=False),
    ]
    panel = panel_of("Title", "note", values)
    one, other = panel.marks
    assert other.at == pytest.approx(2 * one.at)
    assert one.high == pytest.approx(100 / 1.06)
    assert one.real == other.real == pytest.approx(other.at)
    assert (one.label, one.words) == ("10.0 %", "5.0 % to 40.0 %, real images 20.0 %")
    assert [one.kind, other.kind] == ["", "hollow"]
    assert all(0 <= place <= 100 for mark in panel.marks for place in (mark.low, mark.high))


def test_ticks_are_round_and_where_their_number_is():
    panel = panel_of("", "", [Value(name="a", value=0.16)])
    assert [tick.label for tick in panel.ticks] == ["0 %", "10 %"]
    assert panel.ticks[1].at == pytest.approx(panel.marks[0].at * 10 / 16)
    counted = panel_of("", "", [Value(name="a", value=3.0)], COUNTS)
    assert [tick.label for tick in counted.ticks] == ["0", "50", "100"]


def test_nothing_at_all_has_a_scale():
    (mark,) = panel_of("", "", [Value(name="a", value=0.0)]).marks
    assert (mark.at, mark.low, mark.real, mark.words, mark.kind) == (0, None, None, "", "untested")
    assert panel_of("", "", []).marks == ()
    (whole,) = panel_of("", "", [Value(name="a", value=1.0, interval=(0.9, 1.0))]).marks
    assert whole.at == whole.high == 100


def test_an_image_beyond_its_scale_stays_in_the_panel():
    values = [Value(name="a", value=-5.0), Value(name="b", value=500.0)]
    assert [mark.at for mark in panel_of("", "", values, COUNTS).marks] == [0, 100]


def test_a_curve_passes_through_all_marks_and_real_images():
    labels = {0.5: "0.5", 1.0: "1", 2.0: "2"}
    values = [
        Value(name=str(knob), value=0.1 * knob, real=0.1, place=knob) for knob in (0.5, 1.0, 2.0)
    ]
    panel = curve_of("", "", values, labels)
    assert [mark.across for mark in panel.marks] == [5, 50, 95]
    assert panel.line.count("L") == 2
    height = 100 - 100 * 0.1 / (1.06 * 0.2)
    assert panel.real_line == f"M0.00 {height:.2f}L5.00 {height:.2f}L50.00 {height:.2f}" + (
        f"L95.00 {height:.2f}L100.00 {height:.2f}"
    )
    assert [tick.label for tick in panel.across] == ["0.5", "1", "2"]


def test_a_curve_without_real_images_or_with_one_point_draws_what_there_is():
    alone = curve_of("", "", [Value(name="a", value=0.1, place=1.0)], {1.0: "1"})
    assert (alone.line, alone.real_line) == ("", "")
    some = [Value(name="a", value=0.1, place=1.0, real=0.1), Value(name="b", value=0.2, place=2.0)]
    assert curve_of("", "", some, {1.0: "1", 2.0: "2"}).real_line == ""


@pytest.mark.parametrize(("count", "digits"), [(2, 3), (6, 5), (40, 1), (40, 7), (1000, 6)])
def test_labels_below_a_curve_have_room(count, digits):
    labels = {float(i): str(i + 10 ** (digits - 1))[:digits] for i in range(count)}
    values = [Value(name=str(i), value=0.1, place=float(i)) for i in range(count)]
    shown = curve_of("", "", values, labels, SHARES).across
    assert shown[0].label == labels[0.0]
    assert (len(shown) - 1) * (digits + 1) <= 30 or len(shown) == 2


def test_names_are_measured_as_they_are_shown():
    values = [Value(name="ab", value=0.0), Value(name="x" * 500, value=0.0)]
    assert panel_of("", "", values).names == 18
    assert panel_of("", "", values[:1]).names == 2
