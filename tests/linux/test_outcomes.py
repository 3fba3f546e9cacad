"""Every branch of every draw, with exact probabilities."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from svclab.linux.outcomes import Explorer


def explore(run):
    """result -> probability over all branches of `run(chance)`."""
    found: dict[object, Fraction] = {}
    script: tuple[int, ...] | None = ()
    while script is not None:
        explorer = Explorer(script)
        result = run(explorer)
        found[result] = found.get(result, Fraction(0)) + explorer.probability
        script = explorer.next_script()
    return found


def test_both_ends_of_a_draw_are_found_with_their_chances():
    assert explore(lambda chance: chance.happens(1 << 29)[0]) == {True: Fraction(1, 4), False: Fraction(3, 4)}


def test_what_is_certain_is_not_branched():
    assert explore(lambda chance: chance.happens(1 << 31)[0]) == {True: Fraction(1)}
    assert explore(lambda chance: chance.happens(0)[0]) == {False: Fraction(1)}
    assert explore(lambda chance: chance.integer(65535) >= 0) == {True: Fraction(1)}


@given(st.integers(1, 12))
def test_a_ladder_of_statistic_matches_gives_each_of_n_its_share(n):
    def ladder(chance):
        for i in range(n - 1):
            if chance.happens(round((1 << 31) / (n - i)))[0]:
                return i
        return n - 1

    found = explore(ladder)

    assert sum(found.values()) == 1
    assert set(found) == set(range(n))
    assert all(abs(chance - Fraction(1, n)) < Fraction(1, 10**8) for chance in found.values())


@given(st.lists(st.integers(1, 4), max_size=4))
def test_choices_multiply(counts):
    found = explore(lambda chance: tuple(chance.one_of(count) for count in counts))

    product = 1
    for count in counts:
        product *= count
    assert len(found) == product
    assert set(found.values()) == {Fraction(1, product)}
