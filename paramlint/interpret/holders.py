"""The code of a project that may hold an instance of a class: what mentions the class, what mentions that, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramlint.facts.source import SourceError
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import ClassDefinition, External, FunctionDefinition, SourceModule
from paramlint.project.names import dotted_name

if TYPE_CHECKING:
    from paramlint.project.project import Project

MOST_SCOPES = 250
MOST_FILES = 300
# Source that is read for one class; where it is not enough, the class is at home everywhere and nothing can be told.
MOST_BYTES = 2_000_000
DEEPEST = 6
# What gives a class's subclasses: Python's own, and the resolvers' of the ``class-resolver`` package.
_SUBCLASSES = ("__subclasses__", "from_subclasses")
_DEVICE_WORDS = frozenset({"to", "cuda", "device", "to_empty", "xpu"})


class Scope(NamedTuple):
    """A statement at the top of a module, with the name that it gives (empty where it gives none)."""

    module: SourceModule
    statement: code.Statement
    name: str

    @property
    def key(self) -> tuple[str, object]:
        """What tells one scope from another."""
        return self.module.path.as_posix(), getattr(self.statement, "span", id(self.statement))


def holders(project: Project, definition: ClassDefinition) -> list[Scope] | None:
    """Return the scopes that may hold an instance, with the bases and functions they use; None: too many to tell."""
    found: dict[tuple[str, object], Scope] = {}
    waiting: list[tuple[str, ClassDefinition | FunctionDefinition | None, int]] = [
        (definition.node.name, definition, 0)
    ]
    waiting += [(base.node.name, base, 0) for base in _bases_found_by(project, definition)]
    asked: set[str] = set()
    sizes: dict[Path, int] = {}
    while waiting:
        name, wanted, depth = waiting.pop()
        if name in asked or depth > DEEPEST:
            continue
        asked.add(name)
        paths = _files(project, definition, name, wanted)
        sizes.update((path, _size(path)) for path in paths or () if path not in sizes)
        if paths is None or sum(sizes.values()) > MOST_BYTES:
            return None
        users = _mentioning(project, paths, name, wanted)
        for scope in users:
            key = scope.key
            if key in found:
                continue
            found[key] = scope
            if len(found) > MOST_SCOPES:
                return None
            if scope.name and scope.name not in asked:
                waiting.append((scope.name, defined(project, scope), depth + 1))
    found.pop((definition.module.path.as_posix(), definition.node.span), None)
    return [*found.values(), *_used(project, list(found.values()))]


def _bases_found_by(project: Project, definition: ClassDefinition) -> Iterator[ClassDefinition]:
    """The bases of a class whose subclasses something looks for: who mentions one may hold them all."""
    for base in project.link(definition).sources[1:]:
        for word in _SUBCLASSES:
            paths = project.files_mentioning(word, definition.module.path)
            if paths is None or any(
                mentions(project, scope.module, scope.statement, word, None)
                for scope in _mentioning(project, paths, base.node.name, base)
            ):
                yield base
                break


def users_of(
    project: Project, definition: ClassDefinition, name: str, wanted: ClassDefinition | FunctionDefinition | None
) -> Iterator[Scope] | None:
    """The scopes of the project that mention what a name stands for; None: too many files to tell."""
    paths = _files(project, definition, name, wanted)
    return None if paths is None else _mentioning(project, paths, name, wanted)


def _files(
    project: Project, definition: ClassDefinition, name: str, wanted: ClassDefinition | FunctionDefinition | None
) -> tuple[Path, ...] | None:
    """The class's own file and those that mention a name; None: too many to tell.

    A private name of one module is that module's in such files only as import it from there, or from one that does.
    """
    own = definition.module.path
    paths = project.files_mentioning(name, own)
    if paths is not None and name.startswith("_") and wanted is not None and not wanted.module.is_package:
        homes, rest = [wanted.module.path], [path for path in paths if path != wanted.module.path]
        for home in homes:
            word = home.parent.name if home.stem == "__init__" else home.stem
            importing = set(project.files_mentioning(word, own) or rest)
            homes += [path for path in rest if path in importing]
            rest = [path for path in rest if path not in importing]
        paths = tuple(homes)
    if paths is None or len(paths) > MOST_FILES:
        return None
    return tuple(dict.fromkeys((own, *paths)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_never_moved(project: Project, definition: ClassDefinition) -> bool:
    """Whether a private class is made by functions of the project alone, none of which speaks of a device.

    What such a function keeps to itself no user can move. A class that nothing uses is there for anyone: False.
    """
    waiting: list[tuple[str, ClassDefinition | FunctionDefinition | None, int]] = [
        (definition.node.name, definition, 0)
    ]
    seen: set[tuple[str, object]] = {(definition.module.path.as_posix(), definition.node.span)}
    is_made = False
    while waiting:
        name, wanted, depth = waiting.pop()
        users = users_of(project, definition, name, wanted) if name.startswith("_") else None
        if users is None or depth > DEEPEST:
            return False
        for scope in users:
            if scope.key in seen:
                continue
            seen.add(scope.key)
            if isinstance(scope.statement, code.Function):
                is_made = True
                if speaks_of_devices(scope.statement.body):
                    return False
                if not scope.name.startswith("_"):
                    continue  # what it makes ends with it
            elif not isinstance(scope.statement, code.Class):
                return False
            waiting.append((scope.name, defined(project, scope), depth + 1))
    return is_made


def speaks_of_devices(code_read: object) -> bool:
    """Whether code moves something to a device, or names one."""
    return any(
        (isinstance(node, code.Attribute) and node.name in _DEVICE_WORDS)
        or (isinstance(node, code.Name) and node.identifier == "device")
        or (isinstance(node, code.Argument) and node.keyword == "device")
        for node in nodes(code_read)
    )


def _mentioning(
    project: Project, paths: tuple[Path, ...], name: str, wanted: ClassDefinition | FunctionDefinition | None
) -> Iterator[Scope]:
    for path in paths:
        try:
            module = project.module_at(path)
        except SourceError:
            continue
        for statement in module.facts.body:
            if mentions(project, module, statement, name, wanted):
                yield Scope(module, statement, _name(statement))


def mentions(
    project: Project,
    module: SourceModule,
    statement: code.Statement,
    name: str,
    wanted: ClassDefinition | FunctionDefinition | None,
) -> bool:
    """Whether a statement uses, or spells, a name that may stand for a definition (None: whatever it is)."""
    if isinstance(statement, code.Import) or _name(statement) == "__all__":
        return False
    meant: set[tuple[str, ...]] = set()
    for node in nodes(statement):
        if isinstance(node, code.Constant) and node.value == name:
            return True
        if isinstance(node, code.Attribute) and node.name == name:
            dotted = dotted_name(node)
            if dotted is None:
                return True
            meant.add(dotted)
        elif isinstance(node, code.Name) and node.identifier == name:
            meant.add((name,))
    return any(may_mean(project, module, dotted, wanted) for dotted in sorted(meant))


def may_mean(
    project: Project,
    module: SourceModule,
    dotted: tuple[str, ...],
    wanted: ClassDefinition | FunctionDefinition | None,
) -> bool:
    """Whether a name in a module may stand for a definition: ``nn.LayerNorm`` is none of the project's."""
    found = project.resolve(module, dotted)
    return wanted is None or found == wanted or not isinstance(found, (ClassDefinition, FunctionDefinition, External))


def _name(statement: code.Statement) -> str:
    if isinstance(statement, (code.Class, code.Function)):
        return statement.name
    if isinstance(statement, code.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        return target.identifier if isinstance(target, code.Name) else ""
    return ""


def defined(project: Project, scope: Scope) -> ClassDefinition | FunctionDefinition | None:
    meant = project.resolve(scope.module, (scope.name,))
    return meant if isinstance(meant, (ClassDefinition, FunctionDefinition)) else None


def _used(project: Project, scopes: list[Scope]) -> Iterator[Scope]:
    """The bases of holding classes, and the functions that holders call or pass on."""
    seen = {scope.key for scope in scopes}
    waiting = [(scope, 0) for scope in scopes]
    while waiting and len(seen) < 2 * MOST_SCOPES:
        scope, depth = waiting.pop()
        for definition in _definitions(project, scope):
            inner = Scope(definition.module, definition.node, definition.node.name)
            if inner.key not in seen and not definition.enclosing:
                seen.add(inner.key)
                yield inner
                if depth < 2:
                    waiting.append((inner, depth + 1))


def _definitions(project: Project, scope: Scope) -> Iterator[ClassDefinition | FunctionDefinition]:
    if isinstance(scope.statement, code.Class):
        for linked in project.classes(scope.module):
            if linked.definition.node.span == scope.statement.span:
                yield from linked.sources
    names = {node.identifier for node in nodes(scope.statement) if isinstance(node, code.Name)}
    for name in sorted(names):
        meant = project.resolve(scope.module, (name,))
        if isinstance(meant, FunctionDefinition):
            yield meant
