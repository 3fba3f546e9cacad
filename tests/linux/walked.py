"""Draws for exchanges that are to be walked, rule by rule, whatever courses are known."""

from svclab.linux.dice import Dice


class Walked:
    """Draws as its dice do, but is none: courses follow dice alone."""

    def __init__(self, dice: Dice) -> None:
        self.happens, self.one_of = dice.happens, dice.one_of
        self.port, self.integer = dice.port, dice.integer
