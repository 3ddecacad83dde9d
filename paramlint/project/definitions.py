"""What a name can refer to.

These are plain classes: each start of the program would pay for what dataclasses generate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from paramlint.model import code


class SourceModule:
    """A file that is read: ``name`` is the dotted name it is imported by; the path alone tells two modules apart.

    ``place`` is the path as places in diagnostics have it.
    """

    __slots__ = ("facts", "is_package", "name", "path", "place")

    def __init__(self, name: str, path: Path, facts: code.SourceFacts, is_package: bool = False) -> None:
        self.name: Final = name
        self.path: Final = path
        self.facts: Final = facts
        self.is_package: Final = is_package
        self.place: Final = path.as_posix()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, SourceModule) and self.place == other.place)

    def __hash__(self) -> int:
        # Modules are the keys of most that is kept; a string knows its hash, a path computes it each time.
        return hash(self.place)

    def __repr__(self) -> str:
        return f"SourceModule({self.name!r}, {self.place!r})"

    @property
    def package(self) -> str:
        """The dotted name that relative imports start from; empty at the top."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class ModuleReference(NamedTuple):
    """A module or package; ``path`` is its file, None where none is known (not installed, or a namespace package)."""

    name: str
    path: Path | None = None


class _Placed:
    """A definition; two of one kind are equal when they stand in the same place of the same file."""

    __slots__ = ("_hash", "module", "span")

    def __init__(self, module: SourceModule, span: code.Span) -> None:
        self.module: Final = module
        self.span: Final = span
        self._hash: Final = hash((module, span))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, type(self)) and self.span == other.span and self.module == other.module

    def __hash__(self) -> int:
        return self._hash


class _Named(_Placed):
    __slots__ = ("enclosing", "qualified_name")

    def __init__(
        self,
        module: SourceModule,
        span: code.Span,
        qualified_name: str,
        enclosing: tuple[code.Function | code.Class, ...],
    ) -> None:
        super().__init__(module, span)
        self.qualified_name: Final = qualified_name
        self.enclosing: Final = enclosing

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.full_name!r})"

    @property
    def full_name(self) -> str:
        """Module and qualified name: ``package.layers.Net``."""
        return f"{self.module.name}.{self.qualified_name}"


class ClassDefinition(_Named):
    """A class statement.

    ``qualified_name`` is Python's ``__qualname__`` (``make.<locals>.Net`` inside a function). ``enclosing`` holds the
    functions and classes around it, the outermost first.
    """

    __slots__ = ("node",)

    def __init__(
        self,
        module: SourceModule,
        node: code.Class,
        qualified_name: str,
        enclosing: tuple[code.Function | code.Class, ...] = (),
    ) -> None:
        super().__init__(module, node.span, qualified_name, enclosing)
        self.node: Final = node


class FunctionDefinition(_Named):
    """A function statement (a method too); fields as in ``ClassDefinition``."""

    __slots__ = ("node",)

    def __init__(
        self,
        module: SourceModule,
        node: code.Function,
        qualified_name: str,
        enclosing: tuple[code.Function | code.Class, ...] = (),
    ) -> None:
        super().__init__(module, node.span, qualified_name, enclosing)
        self.node: Final = node


class ValueDefinition(_Placed):
    """A name of a module (or class body) that is bound exactly once, by plain assignment, to ``node``.

    A value that merely names something else is followed, so ``node`` is no plain dotted name that resolves.
    """

    __slots__ = ("node",)

    def __init__(self, module: SourceModule, node: code.Expression) -> None:
        super().__init__(module, node.span)
        self.node: Final = node


class External(NamedTuple):
    """Something in a package that is not read, by its canonical dotted name: ``torch.nn.Linear``, ``builtins.dict``."""

    name: str


class Unresolved(NamedTuple):
    """A name that could refer to anything; ``reason`` says why, in words for a reader of paramlint's own logs."""

    reason: str


Definition: TypeAlias = ModuleReference | ClassDefinition | FunctionDefinition | ValueDefinition | External | Unresolved
