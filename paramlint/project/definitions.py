"""What a name can refer to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from paramlint.model import code


@dataclass(frozen=True, slots=True)
class SourceModule:
    """A file that is read: ``name`` is the dotted name it is imported by; the path alone tells two modules apart.

    ``place`` is the path as places in diagnostics have it.
    """

    name: str = field(compare=False)
    path: Path
    facts: code.SourceFacts = field(compare=False, repr=False)
    is_package: bool = field(compare=False, default=False)
    place: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", self.path.as_posix())

    def __hash__(self) -> int:
        # Modules are the keys of most that is kept; a string knows its hash, a path computes it each time.
        return hash(self.place)

    @property
    def package(self) -> str:
        """The dotted name that relative imports start from; empty at the top."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class ModuleReference(NamedTuple):
    """A module or package; ``path`` is its file, None where none is known (not installed, or a namespace package)."""

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class ClassDefinition:
    """A class statement; two are equal when they stand in the same place of the same file.

    ``qualified_name`` is Python's ``__qualname__`` (``make.<locals>.Net`` inside a function). ``enclosing`` holds the
    functions and classes around it, the outermost first.
    """

    module: SourceModule
    node: code.Class = field(compare=False, repr=False)
    qualified_name: str
    enclosing: tuple[code.Function | code.Class, ...] = field(compare=False, repr=False, default=())
    span: code.Span = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", self.node.span)

    @property
    def full_name(self) -> str:
        """Module and qualified name: ``package.layers.Net``."""
        return f"{self.module.name}.{self.qualified_name}"


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A function statement (a method too); equality and fields as in ``ClassDefinition``."""

    module: SourceModule
    node: code.Function = field(compare=False, repr=False)
    qualified_name: str
    enclosing: tuple[code.Function | code.Class, ...] = field(compare=False, repr=False, default=())
    span: code.Span = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", self.node.span)

    @property
    def full_name(self) -> str:
        """Module and qualified name: ``package.layers.make_block``."""
        return f"{self.module.name}.{self.qualified_name}"


@dataclass(frozen=True, slots=True)
class ValueDefinition:
    """A name of a module (or class body) that is bound exactly once, by plain assignment, to ``node``.

    A value that merely names something else is followed, so ``node`` is no plain dotted name that resolves.
    """

    module: SourceModule
    node: code.Expression = field(compare=False, repr=False)
    span: code.Span = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", self.node.span)


class External(NamedTuple):
    """Something in a package that is not read, by its canonical dotted name: ``torch.nn.Linear``, ``builtins.dict``."""

    name: str


class Unresolved(NamedTuple):
    """A name that could refer to anything; ``reason`` says why, in words for a reader of paramlint's own logs."""

    reason: str


Definition: TypeAlias = ModuleReference | ClassDefinition | FunctionDefinition | ValueDefinition | External | Unresolved
