"""Whether a function of another file may bring a tensor of its own: told from names, as everything about silence is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from paramlint.interpret.ingredients import Dotted, Ingredients, ingredients
from paramlint.interpret.tame import facts_of_value, follows_a_tensor
from paramlint.project.definitions import Definition, External, FunctionDefinition, ModuleReference, ValueDefinition
from paramlint.project.names import Enclosing, dotted_name, last_word
from paramlint.project.project import Project
from paramlint.torch_api import Kind, distribution_parameters, functions, tensor_classes

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
    key = ("brings tensors", definition)
    if key not in project.remembered:
        project.remembered[key] = _brings(project, definition)
    return bool(project.remembered[key])


def _brings(project: Project, definition: _Source) -> bool:
    seen: set[_Source] = {definition}
    waiting = [definition]
    while waiting:
        if len(seen) > _MOST_FUNCTIONS:
            return True
        for found in _mentioned(project, waiting.pop()):
            if found is None:
                return True
            if found not in seen:
                seen.add(found)
                waiting.append(found)
    return False


def _mentioned(project: Project, definition: _Source) -> Iterator[_Source | None]:
    """The functions and values that one mentions; None stands for what makes a tensor."""
    facts: Ingredients
    if isinstance(definition, FunctionDefinition):
        facts = project.scanned(ingredients, definition.node)
        scope: Enclosing = (*definition.enclosing, definition.node)
    else:
        facts, scope = project.scanned(facts_of_value, definition.node), ()
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
