"""What a function of another file may do, itself or by others: told from names, as everything about silence is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from paramlint.interpret.ingredients import Dotted, Ingredients, ingredients
from paramlint.interpret.tame import facts_of_value, follows_a_tensor, writes_in_place
from paramlint.project.definitions import Definition, External, FunctionDefinition, ModuleReference, ValueDefinition
from paramlint.project.names import Enclosing, dotted_name, last_word
from paramlint.project.project import Project
from paramlint.torch_api import Kind, distribution_parameters, functions, initialisers, tensor_classes

_Source: TypeAlias = FunctionDefinition | ValueDefinition

# So many functions are looked into before the answer is yes.
_MOST_FUNCTIONS = 200


def brings_tensors(project: Project, definition: Definition, path: Path) -> bool:
    """Whether a function of another file than ``path`` may make a tensor that follows no other, itself or by others.

    So may a value that stands for one, whichever file it is in.
    """
    if isinstance(definition, FunctionDefinition) and definition.module.path == path:
        return False  # its own mentions are looked at
    if not isinstance(definition, (FunctionDefinition, ValueDefinition)):
        return False
    return _leads_to(project, definition, _makers)


def writes_given(project: Project, definition: Definition, path: Path) -> bool:
    """Whether a function of another file than ``path`` may write in place, to what it is given or anything else."""
    if not isinstance(definition, FunctionDefinition) or definition.module.path == path:
        return False
    return _leads_to(project, definition, _writers)


def _leads_to(
    project: Project, definition: _Source, mentioned: Callable[[Project, _Source], Iterator[_Source | None]]
) -> bool:
    """Whether following what functions and values mention comes to a None."""
    key = (mentioned, definition)
    if key not in project.remembered:
        project.remembered[key] = _follow(project, definition, mentioned)
    return bool(project.remembered[key])


def _follow(
    project: Project, definition: _Source, mentioned: Callable[[Project, _Source], Iterator[_Source | None]]
) -> bool:
    seen: set[_Source] = {definition}
    waiting = [definition]
    while waiting:
        if len(seen) > _MOST_FUNCTIONS:
            return True
        for found in mentioned(project, waiting.pop()):
            if found is None:
                return True
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return False


def _facts(project: Project, definition: _Source) -> tuple[Ingredients, Enclosing]:
    if isinstance(definition, FunctionDefinition):
        return project.scanned(ingredients, definition.node), (*definition.enclosing, definition.node)
    return project.scanned(facts_of_value, definition.node), ()


def _writers(project: Project, definition: _Source) -> Iterator[_Source | None]:
    """The functions and values that one mentions; None stands for what writes in place."""
    facts, scope = _facts(project, definition)
    if writes_in_place(facts):
        yield None
    for dotted in facts.mentions:
        match project.resolve(definition.module, dotted, scope):
            case External(name=name) if name in initialisers:
                yield None
            case FunctionDefinition() | ValueDefinition() as named:
                yield named


def _makers(project: Project, definition: _Source) -> Iterator[_Source | None]:
    """The functions and values that one mentions; None stands for what makes a tensor."""
    facts, scope = _facts(project, definition)
    looks_up = ("getattr",) in facts.mentions
    for dotted in facts.mentions:
        match project.resolve(definition.module, dotted, scope):
            case External(name=name):
                function = functions.get(name)
                is_factory = function is not None and function.kind is Kind.FACTORY
                if name in tensor_classes() and not _is_used_to_make(facts, dotted):
                    continue
                if is_factory and not follows_a_tensor(facts, dotted, name):
                    yield None
                if name in distribution_parameters:
                    yield None  # of numbers, it makes tensors
            case ModuleReference(name=name) if looks_up and name.startswith("torch"):
                yield None
            case FunctionDefinition() | ValueDefinition() as named:
                yield named


def _is_used_to_make(facts: Ingredients, dotted: Dotted) -> bool:
    """Whether a class of tensors is called, or handed to what may call it: most are only asked for."""
    return any(
        dotted_name(call.function) == dotted
        or (
            last_word(call.function) not in ("isinstance", "issubclass")
            and any(dotted_name(item.value) == dotted for item in call.arguments)
        )
        for call in facts.calls
    )
