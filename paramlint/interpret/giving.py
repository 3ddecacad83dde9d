"""What a call may give: an instance of one class, or something that cannot be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramlint import torch_api
from paramlint.interpret.receivers import Dotted, made_locally, rebinds
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import ClassDefinition, External, FunctionDefinition, ValueDefinition
from paramlint.project.names import dotted_name

if TYPE_CHECKING:
    from paramlint.project.classes import LinkedClass
    from paramlint.project.definitions import SourceModule
    from paramlint.project.project import Project

# Functions that hand on what another gives them are followed so far.
DEEPEST = 3
# Of the standard library, what hands nothing on that it is given, but objects of its own kinds: modules, options, paths.
_MAKING_THEIR_OWN = frozenset({"argparse", "datetime", "importlib", "json", "logging", "os", "pathlib", "re", "time"})
_IMPORT = "builtins.__import__"
# The functions of torchvision that build a model of its own.
_MODELS = "torchvision.models."


def _may_make(project: Project, linked: LinkedClass, module: SourceModule, name: Dotted, depth: int) -> bool:
    """Whether what a call of a name returns may be an instance of the class."""
    found = project.resolve(module, name)
    if isinstance(found, External):
        is_model = found.name.startswith(_MODELS) and not found.name.endswith("get_model")
        makes_its_own = is_model or found.name.partition(".")[0] in _MAKING_THEIR_OWN or found.name == _IMPORT
        return found.name not in torch_api.layers and not makes_its_own
    if isinstance(found, ClassDefinition):
        made = project.link(found)
        is_known = made.is_complete and made.is_module is not None and made.find("__new__") is None
        return not is_known or linked.definition in made.mro
    holder = project.resolve(module, name[:1]) if len(name) > 1 and depth <= DEEPEST else None
    maker = _maker(holder.node, {}) if isinstance(holder, ValueDefinition) else None
    if not isinstance(holder, ValueDefinition) or maker is None:
        return True
    return _may_make(project, linked, holder.module, (*maker, *name[1:]), depth + 1)


def may_be_value(project: Project, linked: LinkedClass, module: SourceModule, value: code.Expression) -> bool:
    """Whether what an expression of a file stands for may be an instance of the class: anything but a known call may."""
    maker = _maker(value, {})
    return maker is None or not isinstance(value, code.Call) or may_give(project, linked, module, maker, value)


def _maker(value: code.Expression | None, made: dict[str, code.Call]) -> Dotted | None:
    """The name that an expression calls, with what ``made`` says of a local name in its front; None where it calls none."""
    called = dotted_name(value.function) if isinstance(value, code.Call) else None
    for _ in range(DEEPEST):
        if called is None or called[0] not in made:
            break
        first = dotted_name(made[called[0]].function)
        called = None if first is None or len(called) == 1 else (*first, *called[1:])
    return called


def may_give(
    project: Project,
    linked: LinkedClass,
    module: SourceModule,
    name: Dotted,
    call: code.Call | None = None,
    depth: int = 0,
) -> bool:
    """Whether a call of a name may give an instance of the class: it makes one, or a function hands one of its own on.

    ``call``: the call, where what it gives the function is of that module as well; otherwise that may be anything.
    """
    found = project.resolve(module, name)
    if not isinstance(found, FunctionDefinition) or found.enclosing or depth > DEEPEST:
        return _may_make(project, linked, module, name, depth)
    given = {} if call is None else given_by(found.node, call)
    local = made_locally(found.node)
    for value in _returned(found.node, local):
        home, made, names = found.module, value, local
        if isinstance(value, code.Name) and value.identifier in given:
            home, made, names = module, given[value.identifier], {}
        maker = _maker(made, names)
        if not isinstance(made, code.Call) or maker is None:
            return True
        if may_give(project, linked, home, maker, made, depth + 1):
            return True
    return False


def given_by(function: code.Function, call: code.Call) -> dict[str, code.Expression]:
    """What a call gives those parameters of a function that the function does not bind anew."""
    if any(argument.star for argument in call.arguments) or function.decorators:
        return {}
    plain = [parameter.name for parameter in function.parameters if parameter.kind.startswith("positional")]
    unnamed = [argument.value for argument in call.arguments if argument.keyword is None]
    given = dict(zip(plain, unnamed, strict=False))
    given |= {argument.keyword: argument.value for argument in call.arguments if argument.keyword is not None}
    return {name: value for name, value in given.items() if not rebinds(function.body, (name,))}


def _returned(function: code.Function, made: dict[str, code.Call]) -> list[code.Expression | None]:
    """What the returns of a function say, or what ``made`` says of their names; None for what no expression of it tells."""
    every = list(nodes(function.body))
    if function.decorators or function.is_async or any(isinstance(node, (code.Yield, code.Function)) for node in every):
        return [None]
    values = [node.value for node in every if isinstance(node, code.Return)]
    return [made.get(value.identifier, value) if isinstance(value, code.Name) else value for value in values] or [None]


def may_be_made(
    project: Project, linked: LinkedClass, module: SourceModule, call: code.Call, index: int | None
) -> bool:
    """Whether what a call of a name returns, or its element at an index, may be an instance of the class."""
    made: code.Expression | None = call
    if index is not None:
        found = project.resolve(module, dotted_name(call.function) or ())
        layer = torch_api.layers.get(found.name) if isinstance(found, External) else None
        if layer is not None and not layer.is_container:
            return False  # a layer has no elements
        made = _element(found, call, index) if isinstance(found, External) else None
    return made is None or may_be_value(project, linked, module, made)


def _element(container: External, call: code.Call, index: int) -> code.Expression | None:
    """The element of a container that is made of modules which stand there; None where that is not so."""
    if any(argument.star or argument.keyword for argument in call.arguments):
        return None
    elements = tuple(argument.value for argument in call.arguments)
    if container.name.endswith(".ModuleList") and len(elements) == 1 and isinstance(elements[0], code.Display):
        elements = elements[0].elements
    elif not container.name.endswith(".Sequential"):
        return None
    if any(isinstance(element, code.Starred) for element in elements) or not -len(elements) <= index < len(elements):
        return None
    return elements[index]
