"""A part of the intermediate form that is made when it is first asked for."""

from __future__ import annotations

from typing import Any


class LateBody:
    """The statements of a function, equal to the tuple of them."""

    __slots__ = ("_statements",)

    def __init__(self) -> None:
        self._statements: tuple[Any, ...] | None = None

    @property
    def statements(self) -> tuple[Any, ...]:
        """The statements, the same tuple each time."""
        if self._statements is None:
            self._statements = self._made()
        return self._statements

    def holds(self, word: str) -> bool:
        """Whether a word stands in the text that the statements are made of."""
        raise NotImplementedError

    def _made(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return self.statements == (other.statements if isinstance(other, LateBody) else other)

    def __hash__(self) -> int:
        return hash(self.statements)

    def __repr__(self) -> str:
        return repr(self.statements)

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self.statements,)
