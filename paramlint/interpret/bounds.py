"""What comparisons with numbers have said of one value on a path, and which others they settle."""

from __future__ import annotations

import math
from dataclasses import dataclass

_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


@dataclass(eq=False, slots=True)
class Bounds:
    """The numbers that a value may still be: from ``least`` to ``most``, the ends themselves unless they are open."""

    least: float = -math.inf
    most: float = math.inf
    open_below: bool = False
    open_above: bool = False

    def settles(self, operator: str, number: float) -> bool | None:
        """How a comparison with a number turns out; None where both is possible. ``operator`` may be ``==``."""
        is_above = self.least > number or (self.least == number and self.open_below)
        is_below = self.most < number or (self.most == number and self.open_above)
        match operator:
            case ">":
                return True if is_above else False if self.most <= number else None
            case ">=":
                return True if self.least >= number else False if is_below else None
            case "<" | "<=":
                opposite = self.settles(_OPPOSITE[operator], number)
                return None if opposite is None else not opposite
        if is_above or is_below:
            return False
        return True if self.least == self.most else None

    def narrow(self, operator: str, number: float, outcome: bool) -> None:
        """Take note of how an ordering has turned out."""
        if not outcome:
            operator = _OPPOSITE[operator]
        if operator in (">", ">=") and number >= self.least:
            self.least, self.open_below = number, operator == ">" or (number == self.least and self.open_below)
        elif operator in ("<", "<=") and number <= self.most:
            self.most, self.open_above = number, operator == "<" or (number == self.most and self.open_above)
