"""Whether code outside a class may give its parameters their first values, by name, by a method's name or in a walk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from paramlint import torch_api
from paramlint.facts.source import SourceError
from paramlint.interpret.holders import MOST_FILES, Scope
from paramlint.interpret.initialised import initialised_attributes
from paramlint.interpret.instances import TooManyFiles, may_be, may_be_held_as
from paramlint.interpret.receivers import objects_with
from paramlint.interpret.scan import nodes
from paramlint.interpret.slots import Care
from paramlint.interpret.writes import BUFFER_WALKS, PARAMETER_WALKS, calls_method, writes_attribute
from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, External
from paramlint.project.files import is_of_tests
from paramlint.project.frameworks import packages_calling_parts
from paramlint.project.names import is_name
from paramlint.project.project import Project

_NO_WALKS = frozenset[str]()
# What torch's own layers, and many a class, call the methods by which they begin.
_EVERYBODYS = frozenset({"reset_parameters", "_reset_parameters", "init_weights", "_init_weights", "forward"})


def may_initialise(
    project: Project,
    linked: LinkedClass,
    holding: Iterable[Scope] | None,
    attribute: str,
    rank: int | None,
    methods: frozenset[str],
    *,
    is_buffer: bool,
    care: Care,
    is_of_layer: bool = False,
) -> bool:
    """Whether code outside a class may write a tensor registered under a name, or call one of the methods that do.

    Such code must be able to hold an instance; ``holding`` are the scopes that can. Where those are too many to list
    (None), all code counts that speaks of the name, of a method, or of parameters in general. ``care``: which other
    such tensors the class gives their values itself; where there are some, what one owner writes to a part it names does
    not count, and where some are of this one's kind, neither does what goes over all parameters. ``is_of_layer``: the
    tensor is one of a layer that an instance holds, which other objects may be.
    """
    names = frozenset(
        entry.node.name if isinstance(entry, ClassDefinition) else entry.name.rsplit(".", 1)[-1] for entry in linked.mro
    )
    own = {base.node.name for base in linked.sources}
    walks = BUFFER_WALKS if is_buffer else PARAMETER_WALKS
    words = (attribute, *sorted({*methods, *walks}))
    scopes = holding if holding is not None else _speaking(project, linked, words)
    is_test = is_of_tests(linked.definition.module.path)
    for scope in scopes:
        if scope is None:
            return True
        if not is_test and is_of_tests(scope.module.path):
            continue
        is_heir = _inherits(project, linked, scope)
        if project.scanned(_configures_parts, scope.statement):
            return True
        if methods and scope.name not in own and calls_method(scope.statement, methods, is_heir):
            return True
        gone_over = walks if is_heir or care is not Care.OF_ITS_LIKE else _NO_WALKS
        among = (scope.statement, attribute, names, rank, gone_over)
        is_part_another = care is not Care.NONE and not is_heir
        if writes_attribute(*among, in_walks_only=is_part_another):
            if is_of_layer or writes_attribute(
                *among,
                in_walks_only=is_part_another,
                others=_of_others(project, linked, scope, attribute),
                may_be_held_as=partial(may_be_held_as, project, linked),
            ):
                return True
        if is_heir and attribute in initialised_attributes((scope.statement,)):
            return True
    return any(_is_called_anywhere(project, linked, method) for method in sorted(methods - _EVERYBODYS))


def _is_called_anywhere(project: Project, linked: LinkedClass, method: str) -> bool:
    """Whether code of the project calls a method by a name that this class alone gives, on whatever it holds."""
    is_called = False
    for scope in _speaking(project, linked, (method,)):
        if scope is None:
            return False
        if isinstance(scope.statement, code.Class) and any(
            isinstance(part, code.Function) and part.name == method for part in scope.statement.body
        ):
            return False
        is_called = is_called or calls_method(scope.statement, frozenset({method}), is_heir=False)
    return is_called


def _configures_parts(statement: code.Statement) -> bool:
    """Whether a class says in its settings how parts of it begin, by their names: mmengine's ``init_cfg``.

    ``dict(type="Constant", val=1, override=dict(name="norm"))`` (mmengine/model/weight_init.py, ``initialize``).
    """
    if not isinstance(statement, code.Class):
        return False
    every = list(nodes(statement.body))
    return any(isinstance(node, code.Argument) and node.keyword == "override" for node in every) and any(
        isinstance(node, code.Attribute) and node.name == "init_cfg" for node in every
    )


def _of_others(project: Project, linked: LinkedClass, scope: Scope, attribute: str) -> frozenset[int]:
    """Where a scope speaks of an attribute of objects that cannot be of the class, or gives one to what writes nothing.

    Nowhere, where there is too much to tell.
    """
    try:
        others = {
            id(node)
            for node, described in objects_with(scope.statement, attribute)
            if not may_be(project, linked, scope.module, described)
        }
    except TooManyFiles:
        return frozenset()
    for node in nodes(scope.statement):
        if isinstance(node, code.Call) and isinstance(node.function, code.Name):
            found = project.resolve(scope.module, (node.function.identifier,))
            if isinstance(found, External) and _writes_nothing(found.name):
                others |= {id(part) for part in nodes(node.arguments) if isinstance(part, code.Attribute)}
    return frozenset(others)


def _writes_nothing(function: str) -> bool:
    """Whether a function of another package only computes with what it is given: one of torch's or of einops'."""
    known = torch_api.functions.get(function)
    return function.startswith("einops.") or (
        known is not None and known.kind is not torch_api.Kind.IN_PLACE and not function.endswith("_")
    )


def may_call(project: Project, linked: LinkedClass, holding: Iterable[Scope] | None, method: str) -> bool:
    """Whether code that can hold an instance calls a method of that name, or spells it; ``holding`` as above.

    A framework that the project uses may do so for all that its roots hold, and code that asks an object whether it has
    the method (``hasattr(module, "init_weights")``) for whatever a model is built of.
    """
    if any(_imports(project, linked.definition.module.path, package) for package in packages_calling_parts(method)):
        return True
    methods = frozenset({method})
    speaking = _speaking(project, linked, methods)
    if holding is not None and any(scope is None or _asks_for(scope.statement, method) for scope in speaking):
        return True
    scopes = holding if holding is not None else speaking  # where all code counts, to spell the name is enough
    return any(
        scope is None or calls_method(scope.statement, methods, _inherits(project, linked, scope)) for scope in scopes
    )


def _asks_for(statement: code.Statement, name: str) -> bool:
    """Whether a statement asks an object other than self for an attribute by a name that it spells."""
    return any(
        isinstance(node, code.Call)
        and (is_name(node.function, "hasattr") or is_name(node.function, "getattr"))
        and not (node.arguments and is_name(node.arguments[0].value, "self"))
        and any(isinstance(item.value, code.Constant) and item.value.value == name for item in node.arguments)
        for node in nodes(statement)
    )


def _imports(project: Project, around: Path, package: str) -> bool:
    """Whether a file of the project imports a package; True where too many mention it to look."""
    found = project.files_mentioning(package, around)
    if found is None or len(found) > MOST_FILES:
        return True
    return any(
        package
        in (name.partition(".")[0] for name in (statement.module or "", *(each.name for each in statement.names)))
        for path in found
        for statement in _statements(project, path)
        if isinstance(statement, code.Import)
    )


def _statements(project: Project, path: Path) -> tuple[code.Statement, ...]:
    try:
        return project.module_at(path).facts.body
    except SourceError:
        return ()


def _speaking(project: Project, linked: LinkedClass, words: Iterable[str]) -> Iterator[Scope | None]:
    """The scopes of the files in which one of the words stands, the class's own left out; None: too many."""
    own = linked.definition
    paths = {own.module.path}
    for word in words:
        found = project.files_mentioning(word, own.module.path)
        if found is None or len(paths | {*found}) > MOST_FILES:
            yield None
            return
        paths |= {*found}
    for path in sorted(paths):
        try:
            module = project.module_at(path)
        except SourceError:
            continue
        for statement in module.facts.body:
            if not (module.path == own.module.path and getattr(statement, "span", None) == own.node.span):
                yield Scope(module, statement, getattr(statement, "name", ""))


def _inherits(project: Project, linked: LinkedClass, scope: Scope) -> bool:
    """Whether a scope is a class that inherits from this one."""
    return isinstance(scope.statement, code.Class) and any(
        other.definition.node.span == scope.statement.span and linked.definition in other.mro
        for other in project.classes(scope.module)
    )
