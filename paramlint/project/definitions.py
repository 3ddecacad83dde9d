"""What a name can refer to.

These are plain classes: each start of the program would pay for what dataclasses generate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from paramlint.model import code

Node = TypeVar("Node", bound=code.Class | code.Function | code.Expression)


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


class _Placed(Generic[Node]):
    """A definition by its statement or expression; two of one kind are equal in the same place of the same file."""

    __slots__ = ("_hash", "module", "node", "span")

    def __init__(self, module: SourceModule, node: Node) -> None:
        self.module: Final = module
        self.node: Final = node
        self.span: Final = node.span
        self._hash: Final = hash((module, node.span))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, type(self)) and self.span == other.span and self.module == other.module

    def __hash__(self) -> int:
        return self._hash


class _Named(_Placed[Node]):
    """``qualified_name`` is Python's ``__qualname__`` (``make.<locals>.Net`` inside a function).

    ``enclosing`` holds the functions and classes around it, the outermost first.
    """

    __slots__ = ("enclosing", "qualified_name")

    def __init__(
        self,
        module: SourceModule,
        node: Node,
        qualified_name: str,
        enclosing: tuple[code.Function | code.Class, ...] = (),
    ) -> None:
        super().__init__(module, node)
        self.qualified_name: Final = qualified_name
        self.enclosing: Final = enclosing

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.full_name!r})"

    @property
    def full_name(self) -> str:
        """Module and qualified name: ``package.layers.Net``."""
        return f"{self.module.name}.{self.qualified_name}"


class ClassDefinition(_Named[code.Class]):
    """A class statement."""

    __slots__ = ()


class FunctionDefinition(_Named[code.Function]):
    """A function statement (a method too)."""

    __slots__ = ()


class ValueDefinition(_Placed[code.Expression]):
    """A name of a module (or class body) that is bound exactly once, by plain assignment, to ``node``.

    A value that merely names something else is followed, so ``node`` is no plain dotted name that resolves.
    """

    __slots__ = ()


class External(NamedTuple):
    """Something in a package that is not read, by its canonical dotted name: ``torch.nn.Linear``, ``builtins.dict``."""

    name: str


class Unresolved(NamedTuple):
    """A name that could refer to anything; ``reason`` says why, in words for a reader of paramlint's own logs."""

    reason: str


Definition: TypeAlias = ModuleReference | ClassDefinition | FunctionDefinition | ValueDefinition | External | Unresolved
