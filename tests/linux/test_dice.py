"""Draws: the same for the same seed, each as likely as it says, none like another."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svclab.linux.dice import Dice

SEEDS = [f"seed/{number}" for number in range(2000)]


class Taken:
    """Replies to these ports go to others."""

    def __init__(self, ports):
        self.ports = ports

    def are_used(self, port, now):
        return port in self.ports


@given(st.text(), st.lists(st.sampled_from(["draw", "integer", "happens", "letters"]), max_size=20))
def test_the_same_seed_gives_the_same_draws(seed, kinds):
    def drawn(dice):
        acts = {
            "draw": dice.draw,
            "integer": lambda: dice.integer(10),
            "happens": lambda: dice.happens(1 << 30),
            "letters": lambda: dice.letters(5),
        }
        return [acts[kind]() for kind in kinds]

    one, other = Dice(seed), Dice(seed)

    assert drawn(one) == drawn(other)
    assert one == other


@given(st.integers(0, 20), st.integers(0, 20))
def test_dice_that_went_back_draw_the_same_again(kept, taken_back):
    dice = Dice("s")
    for _ in range(kept):
        dice.draw()
    before = dice.drawn
    first = [dice.integer(1 << 64) for _ in range(taken_back)]

    dice.go_back(before)

    assert [dice.integer(1 << 64) for _ in range(taken_back)] == first


def test_no_two_draws_are_alike_in_one_stream_or_in_two():
    found = [dice.integer(1 << 64) for dice in map(Dice, SEEDS) for _ in range(20)]

    assert len(set(found)) == len(found)


@pytest.mark.parametrize("place", range(12))
def test_every_draw_of_a_stream_is_uniform(place):
    seen = Counter()
    for seed in SEEDS:
        dice = Dice(seed)
        for _ in range(place):
            dice.draw()
        seen[dice.integer(10)] += 1

    expected = len(SEEDS) / 10
    assert (
        sum((seen[n] - expected) ** 2 / expected for n in range(10)) < 35
    )  # chi-square, 9 degrees: p > 5e-5


@pytest.mark.parametrize("pair", [(0, 1), (3, 4), (7, 8)])
def test_a_draw_tells_nothing_of_the_next(pair):
    seen = Counter()
    for seed in SEEDS:
        dice = Dice(seed)
        halves = [dice.draw() < 0.5 for _ in range(10)]
        seen[tuple(halves[place] for place in pair)] += 1

    expected = len(SEEDS) / 4
    assert sum((count - expected) ** 2 / expected for count in seen.values()) < 24  # 3 degrees: p > 2e-5
    assert len(seen) == 4


@given(st.text(max_size=4), st.integers(0, 1 << 31))
def test_what_happens_by_a_chance_is_what_the_number_drawn_says(seed, threshold):
    happened, drawn = Dice(seed).happens(threshold)

    assert 0 <= drawn < 1
    assert happened == (int(drawn * (1 << 31)) < threshold)  # as xt_statistic: 31 bits against the threshold


def test_a_free_port_is_drawn_until_one_is_found():
    dice, taken = Dice("s"), {50000, 50001, 50003}

    assert {dice.port(50000, 50003, Taken(taken), 0.0) for _ in range(20)} == {50002}
    assert dice.port(50000, 50001, Taken(taken), 0.0) in taken
