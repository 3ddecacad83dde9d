"""Which files of a project, and which objects that they speak of, may be instances of one class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paramlint import torch_api
from paramlint.facts.source import SourceError
from paramlint.interpret.giving import DEEPEST, given_by, may_be_made, may_be_value, may_give
from paramlint.interpret.holders import MOST_FILES, Scope, defined, may_mean, mentions
from paramlint.interpret.reads import TAKING_APART, file_reads, names_called, names_given_self
from paramlint.interpret.receivers import (
    ABOUT,
    Dotted,
    Object,
    OuterRead,
    ReadKind,
    asked_of_objects,
    bindings,
    calls_of,
    changes,
)
from paramlint.interpret.scan import nodes
from paramlint.interpret.sets import names_set_in, names_set_on_others, sets_computed_names
from paramlint.model import code
from paramlint.project.classes import Member
from paramlint.project.definitions import (
    ClassDefinition,
    External,
    FunctionDefinition,
    ModuleReference,
    Unresolved,
    ValueDefinition,
)
from paramlint.project.externals import is_standard_library
from paramlint.project.names import dotted_name

if TYPE_CHECKING:
    from paramlint.project.classes import LinkedClass
    from paramlint.project.definitions import SourceModule
    from paramlint.project.project import Project

MOST_NAMES = 100
_ANSWERING = ("__getattr__", "__getattribute__")


class TooManyFiles(Exception):
    """More files mention a word than can be read for one question."""


def modules_with(project: Project, own: SourceModule, word: str, beside: tuple[str, ...] = ()) -> list[SourceModule]:
    """Return the modules of the project that mention a word, ``own`` in any case. Raises TooManyFiles.

    Where those are too many, only those count that mention one of the words ``beside`` it too, if there are any.
    """
    paths = project.files_mentioning(word, own.path)
    if paths is not None and len(paths) > MOST_FILES and beside:
        mentioning = [project.files_mentioning(other, own.path) or () for other in beside]
        named = {path for some in mentioning for path in some}
        paths = tuple(path for path in paths if path in named)
    if paths is None or len(paths) > MOST_FILES:
        raise TooManyFiles
    others = [_readable(project, path) for path in paths if path != own.path]
    return [own, *(module for module in others if module is not None)]


def is_named_in(project: Project, module: SourceModule, own: ClassDefinition) -> bool:
    """Whether a file imports a class, or uses a name that may stand for it."""
    name = own.node.name
    return (
        module.path == own.module.path
        or any(
            item.name.rsplit(".", 1)[-1] == name and may_mean(project, module, (item.alias or item.name,), own)
            for item in nodes(module.facts.body)
            if isinstance(item, code.ImportedName)
        )
        or any(mentions(project, module, statement, name, own) for statement in module.facts.body)
    )


def holding_files(project: Project, own: ClassDefinition) -> frozenset[Path]:
    """Return the files in which an object may be one of a class's. Raises TooManyFiles.

    Those that name the class, those that name what is defined by its name there, and so on; those of the classes that
    are made in the same functions, which may be handed one; and those of what its own methods hand self to.
    """
    waiting: list[tuple[str, ClassDefinition | FunctionDefinition | None]] = [(own.node.name, own)]
    asked = set(waiting)
    files = {own.module.path}
    for base in project.link(own).sources:
        handed_to = project.scanned(names_given_self, base.node.body)
        files.update(_files_of(project, base.module, handed_to, (ClassDefinition, FunctionDefinition)))
    while waiting:
        name, wanted = waiting.pop()
        for module in modules_with(project, own.module, name):
            for statement in module.facts.body:
                if not mentions(project, module, statement, name, wanted):
                    continue
                if module.path not in files:
                    files.add(module.path)
                    called = project.scanned(names_called, module.facts.body)
                    files.update(_files_of(project, module, called, (ClassDefinition,)))
                if isinstance(statement, (code.Class, code.Function)):
                    user = (statement.name, defined(project, Scope(module, statement, statement.name)))
                    waiting += [user] if user not in asked else []
                    asked.add(user)
        if len(asked) > MOST_NAMES or len(files) > MOST_FILES:
            raise TooManyFiles
    return frozenset(files)


def hands_itself_on(project: Project, linked: LinkedClass) -> bool:
    """Whether a method gives self to something that is not known: what an attribute holds, or an argument."""
    for base in linked.sources:
        for name in project.scanned(names_given_self, base.node.body):
            member = linked.find(name[1]) if len(name) == 2 and name[0] == "self" else None
            if isinstance(member, Member) and isinstance(member.node, code.Function):
                continue  # its own
            if isinstance(project.resolve(base.module, name), Unresolved):
                return True
    return False


def may_be(project: Project, linked: LinkedClass, module: SourceModule, described: Object, depth: int = 0) -> bool:
    """Whether an object in a file, as the text describes it, may be an instance of a class."""
    if not _may_be_called_so(project, linked, module, described):
        return False
    asked = project.scanned(asked_of_objects, module).get(described.place) if described.place is not None else None
    if not all(_may_have(project, linked, name) for name in asked or ()):
        return False
    return described.place is None or _may_be_given(project, linked, module, described.place, depth)


def _may_be_given(
    project: Project, linked: LinkedClass, module: SourceModule, place: tuple[code.Span, Dotted], depth: int
) -> bool:
    """Whether the parameter of a function may be an instance: some call gives it one, or what calls it is not known."""
    span, name = place
    function = _function_at(module, span)
    if function is None or function.decorators or depth > DEEPEST:
        return True
    wanted = FunctionDefinition(module, function, function.name)
    is_called = False
    for other in modules_with(project, module, function.name):
        calls, others = calls_of(other.facts.body, function.name)
        if any(may_mean(project, other, dotted, wanted) for dotted in others):
            return True
        for call, objects in calls:
            if not may_mean(project, other, dotted_name(call.function) or (), wanted):
                continue
            value = given_by(function, call).get(name[0])
            if value is None or may_be(project, linked, other, objects[id(value)], depth + 1):
                return True
            is_called = True
    return not is_called


def may_be_taken_apart(project: Project, linked: LinkedClass, module: SourceModule, reads: Iterable[OuterRead]) -> bool:
    """Whether a file may go over the children of an instance, for more than to hand each to a function."""
    return any(
        read.name in TAKING_APART and not _hands_on(module, read) and may_be(project, linked, module, read.object)
        for read in reads
    )


def _hands_on(module: SourceModule, read: OuterRead) -> bool:
    """Whether it is done as ``Module.apply`` does: by a function named so, which calls what it is given."""
    function = None if read.object.place is None else _function_at(module, read.object.place[0])
    return function is not None and function.name.endswith("apply")


def _function_at(module: SourceModule, span: code.Span) -> code.Function | None:
    """The function of a file that stands at a place; None where something else does."""
    found = next((part for part in module.facts.body if getattr(part, "span", None) == span), None)
    return found if isinstance(found, code.Function) else None


def takes_value(project: Project, module: SourceModule, read: OuterRead, with_gradient: bool) -> bool:
    """Whether a read in a file takes the value of an attribute (and the gradient).

    A method that tensors have, called there and then, is theirs (``x.norm(1)``), unless the text asks the object,
    whatever happens, for something that no tensor has.
    """
    if read.kind is ReadKind.ABOUT or (with_gradient and read.kind is ReadKind.CUT):
        return False
    if not read.is_called or torch_api.method(read.name) is None:
        return True
    place = read.object.place
    asked = project.scanned(asked_of_objects, module).get(place) if place is not None else None
    return any(torch_api.method(name) is None and name not in ABOUT for name in asked or ())


def _may_have(project: Project, linked: LinkedClass, name: str) -> bool:
    """Whether an instance of a class, or of one that inherits from it, may have an attribute."""
    own = linked.definition
    is_everybodys = name.startswith("__") and name.endswith("__")
    if is_everybodys or name in torch_api.module_members() or _gives(project, linked, name):
        return True
    if any(name in project.scanned(names_set_on_others, other) for other in modules_with(project, own.module, name)):
        return True
    return any(
        own in found.mro and _gives(project, found, name)
        for module in modules_with(project, own.module, own.node.name)
        for found in project.classes(module)
    )


def _gives(project: Project, linked: LinkedClass, name: str) -> bool:
    """Whether the classes that an instance comes from may give it an attribute."""
    if not linked.is_complete or linked.find(name) is not None:
        return True
    if any(isinstance(base, External) and base.name != "torch.nn.Module" for base in linked.mro):
        return True
    return any(
        name in project.scanned(names_set_in, base.node.body)
        or sets_computed_names(base.node)
        or any(isinstance(part, code.Function) and part.name in _ANSWERING for part in base.node.body)
        for base in linked.sources
    )


def _may_be_called_so(project: Project, linked: LinkedClass, module: SourceModule, described: Object) -> bool:
    if described.classes:
        return any(_may_inherit(project, linked, module, name) for name in described.classes)
    if described.maker:
        return may_give(project, linked, module, described.maker)
    if described.holder is not None:
        return _may_hold(project, linked, module, described)
    return not described.receiver or _may_name_one(project, linked, module, described.receiver)


def _may_name_one(project: Project, linked: LinkedClass, module: SourceModule, name: Dotted) -> bool:
    """Whether what a name stands for throughout a file may be an instance of some class of the project.

    A module is none, nor is a function, a class, or what comes from torch or the standard library.
    """
    match project.resolve(module, name):
        case ModuleReference() | ClassDefinition() | FunctionDefinition():
            return False
        case External(name=found):
            return not (found.partition(".")[0] == "torch" or is_standard_library(found))
        case ValueDefinition(module=home, node=value):
            return may_be_value(project, linked, home, value)
    return True


def _may_inherit(project: Project, linked: LinkedClass, module: SourceModule, name: Dotted) -> bool:
    """Whether an instance of the class may be one of what a name stands for."""
    found = project.resolve(module, name)
    if isinstance(found, External) and found.name in torch_api.layers:
        return not linked.is_complete or found in linked.mro
    if not isinstance(found, ClassDefinition):
        return True
    other = project.link(found)
    if other.is_module is None or _is_structural(other):
        return True
    is_related = found in linked.mro or linked.definition in other.mro
    return not linked.is_complete or is_related or (other.is_module is False and _has_heir_of(project, linked, found))


def _is_structural(linked: LinkedClass) -> bool:
    """Whether a class says what objects have, and not what they are made of: a protocol."""
    return any(isinstance(base, External) and base.name.endswith(".Protocol") for base in linked.mro)


def _has_heir_of(project: Project, linked: LinkedClass, other: ClassDefinition) -> bool:
    """Whether a class of the project inherits from another one as well as from this one."""
    own = linked.definition
    return any(
        own in found.mro and other in found.mro
        for module in modules_with(project, own.module, own.node.name)
        for found in project.classes(module)
    )


def _may_hold(project: Project, linked: LinkedClass, module: SourceModule, described: Object) -> bool:
    """Whether an attribute of self may hold an instance: what its class, those it comes from and its heirs bind to it."""
    owners = [item for item in project.classes(module) if item.definition.node.span == described.holder]
    if len(owners) != 1 or not owners[0].is_complete:
        return True
    (owner,) = owners
    is_bound = False
    for other in modules_with(project, module, described.attribute):
        if described.attribute in project.scanned(names_set_on_others, other):
            return True
        for found in project.classes(other):
            if owner.definition not in found.mro and found.definition not in owner.mro:
                continue
            made = bindings(found.definition.node, described.attribute)
            if described.at is not None and changes(found.definition.node, described.attribute):
                return True
            if made is None or project.scanned(sets_computed_names, found.definition.node):
                return True
            if any(may_be_made(project, linked, other, call, described.at) for call in made):
                return True
            is_bound = is_bound or bool(made)
    return not is_bound


def may_be_held_as(project: Project, linked: LinkedClass, name: str) -> bool:
    """Whether some object of the project may hold an instance as an attribute of that name."""
    own = linked.definition
    try:
        for module in modules_with(project, own.module, name):
            is_key = name in project.scanned(file_reads, module).words and is_named_in(project, module, own)
            if is_key or name in project.scanned(names_set_on_others, module):
                return True
            for found in project.classes(module):
                made = bindings(found.definition.node, name)
                if made is None or any(may_be_made(project, linked, module, call, None) for call in made):
                    return True
        makers = modules_with(project, own.module, own.node.name)
    except TooManyFiles:
        return True
    classes = (found.definition.node for module in makers for found in project.classes(module))
    return any(project.scanned(sets_computed_names, node) for node in classes)


def _files_of(
    project: Project, module: SourceModule, called: Iterable[Dotted], kinds: tuple[type, ...]
) -> Iterator[Path]:
    """The files of what some names stand for in a module, of those kinds of definitions."""
    for dotted in called:
        found = project.resolve(module, dotted)
        if isinstance(found, (ClassDefinition, FunctionDefinition)) and isinstance(found, kinds):
            yield found.module.path


def _readable(project: Project, path: Path) -> SourceModule | None:
    try:
        return project.module_at(path)
    except SourceError:
        return None
