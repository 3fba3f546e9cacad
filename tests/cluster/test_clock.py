"""The virtual clock: it can stand, run ten times as fast, and be pushed, and is read alike by every process."""

from datetime import UTC, datetime, timedelta

import pytest

from svclab.cluster.clock import Clock

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CLOCK = Clock(START, START)


def after(seconds):
    return START + timedelta(seconds=seconds)


def test_it_runs_with_real_time():
    assert CLOCK.at(after(90)) == after(90)


def test_it_stands_still_while_paused_and_goes_on_from_there():
    paused = CLOCK.pause(after(10))

    assert paused.at(after(1000)) == after(10)
    assert paused.resume(after(1000)).at(after(1005)) == after(15)


def test_it_runs_ten_times_as_fast_from_the_moment_it_is_told():
    assert CLOCK.with_rate(10, after(5)).at(after(7)) == after(25)


def test_a_step_pushes_it_forward_also_while_paused():
    assert CLOCK.pause(after(10)).step(30, after(20)).at(after(99)) == after(40)


def test_it_never_goes_back_when_the_machine_s_clock_is_set_back():
    assert CLOCK.at(after(-3600)) == START
    set_back = CLOCK.rebased(after(50)).rebased(after(-3600))
    assert set_back.at(after(-3600)) == after(50)
    assert set_back.at(after(-3590)) == after(60)


@pytest.mark.parametrize("seconds", [-1, 3601, float("nan")])
def test_it_steps_no_more_than_an_hour_and_never_back(seconds):
    with pytest.raises(ValueError, match="steps by 0 to 3600"):
        CLOCK.step(seconds, START)


@pytest.mark.parametrize("rate", [0, -1, 2, 1000])
def test_it_knows_two_rates(rate):
    with pytest.raises(ValueError, match="1 or 10 times"):
        CLOCK.with_rate(rate, START)


def test_it_tells_when_a_virtual_moment_will_come():
    assert CLOCK.with_rate(10, START).real_time_of(after(100)) == after(10)
    assert CLOCK.pause(START).real_time_of(after(100)) is None
