"""The faults that are planted: each operator makes one mistake that people make, in a class that is free of it."""

from benchmarks.mutation.operators import calls, construction, initialisation, learning, registration

OPERATORS = (
    *registration.OPERATORS,
    *calls.OPERATORS,
    *construction.OPERATORS,
    *initialisation.OPERATORS,
    *learning.OPERATORS,
)

__all__ = ["OPERATORS"]
