"""Comparisons with numbers settle others, and nothing that they leave open."""

from __future__ import annotations

from itertools import product

from paramlint.interpret.bounds import Bounds

ORDERS = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}
OPERATORS = ORDERS | {"==": lambda left, right: left == right}
HALVES = [step / 2 for step in range(-1, 8)]


def test_what_is_settled_is_what_all_numbers_that_are_left_say() -> None:
    """Halves stand for all numbers: between two of the bounds 0 to 3 there is one."""
    for first, second in product(product(ORDERS, range(4), (True, False)), repeat=2):
        bounds = Bounds()
        left = HALVES
        for operator, number, outcome in (first, second):
            bounds.narrow(operator, number, outcome)
            left = [half for half in left if ORDERS[operator](half, number) is outcome]
        if not left:
            continue  # no path
        for operator, number in product(OPERATORS, range(4)):
            answers = {OPERATORS[operator](half, number) for half in left}
            wanted = answers.pop() if len(answers) == 1 else None
            assert bounds.settles(operator, number) is wanted, (first, second, operator, number)
