"""Interpreting one class: every path through its constructor, and then through forward."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from paramlint import torch_api
from paramlint.interpret import calls, construct, initialisation, moving, objects, products
from paramlint.interpret.arguments import constructor_arguments, forward_arguments
from paramlint.interpret.decisions import Decider, paths
from paramlint.interpret.events import Event, LayerLeft, MadeInForward, MethodReached
from paramlint.interpret.hierarchy import (
    describe_methods,
    documentation,
    is_abstract,
    own_methods,
    takes_one,
)
from paramlint.interpret.limits import BudgetSpent, PathEnds
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.makers import makers
from paramlint.interpret.module_methods import parameters_of
from paramlint.interpret.scan import has_conditions, nodes
from paramlint.interpret.slots import REGISTERED, Phase, Place, Registration, Slot
from paramlint.interpret.snapshot import copied
from paramlint.interpret.summaries import PARAMETERS, has_state, summarise_slots
from paramlint.interpret.surroundings import Surroundings
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.interpret.turning import Turning
from paramlint.interpret.uses import starts_by_itself, takes_tensor
from paramlint.interpret.values import (
    NONE,
    Closure,
    Instance,
    Known,
    Tensor,
    Value,
)
from paramlint.interpret.zeros import zero_factors
from paramlint.model import code
from paramlint.project.classes import LinkedClass, Member
from paramlint.project.definitions import ClassDefinition
from paramlint.project.fields import dataclass_fields
from paramlint.project.project import Project

_ENTRIES = ("forward", "training_step", "validation_step", "test_step", "predict_step")
DEEPEST_STACK = 6_000
# What all paths of a class together may cost; further paths are not tried once it is spent.
MOST_STEPS_OF_CLASS = 30_000


def interpret(project: Project, linked: LinkedClass, *, turns_all: bool = False) -> ClassTrace:
    """Return what a Module class does when it is built and called, on each path that is tried.

    ``turns_all``: conditions are turned whether or not that may show anything.
    """
    runs: list[Run] = []
    steps = 0
    has_more = False

    turning = Turning(project, linked)
    built: list[_Built] = []

    def run(decider: Decider) -> bool | None:
        nonlocal steps
        result, spent = _run(project, linked, decider, built)
        steps += spent
        if result is None:
            return None
        runs.append(result)
        turning.learn(result)
        return not (turns_all or result.refuses)

    with _deep_stack():
        for waits in paths(run, turning.matters):
            has_more = waits
            if steps > MOST_STEPS_OF_CLASS:
                break
    definition = linked.definition
    place = Place(definition.module.place, definition.node.span)
    member = linked.find("__init__")
    if not (isinstance(member, Member) and member.node is not None) and dataclass_fields(linked) is not None:
        # the constructor that a dataclass is given has no source but this
        member = linked.find("__post_init__")
    constructor = None
    if isinstance(member, Member) and isinstance(member.owner, ClassDefinition) and member.node is not None:
        constructor = Place(member.owner.module.place, member.node.span)
    return ClassTrace(
        class_name=definition.qualified_name,
        place=place,
        constructor=constructor,
        constructor_is_own=isinstance(member, Member) and member.owner == definition,
        is_complete=linked.is_complete,
        is_abstract=is_abstract(linked),
        runs=tuple(runs),
        is_exhaustive=not has_more,
        methods=describe_methods(project, linked),
        documentation=documentation(linked),
        makers=tuple(makers(linked)),
        zero_factors=zero_factors(project, linked),
        is_module=linked.is_module is True,
        surroundings=Surroundings(project, linked),
    )


@contextmanager
def _deep_stack() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEPEST_STACK))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class _Built(NamedTuple):
    """A path at the end of the constructor: the outcomes of what it decided, its state, and what can be seen of that."""

    outcomes: tuple[bool, ...]
    machine: Machine
    root: Instance
    slots: tuple[Slot, ...]
    left: tuple[LayerLeft, ...]
    unfilled: tuple[LayerLeft, ...]


def _construct(project: Project, linked: LinkedClass, decider: Decider) -> tuple[_Built | None, int]:
    """Follow a path through the constructor, and say how many steps that took; None where it ends in an error."""
    machine = Machine(project, decider)
    definition = linked.definition
    place = Place(definition.module.place, definition.node.span)
    root = Instance(place, Phase.CONSTRUCTOR, linked, None, True)
    if not linked.is_complete:
        root.blur()
    machine.root = root
    frame = Frame(definition.module, definition.enclosing)
    try:
        construct.run_constructor(machine, frame, root, constructor_arguments(machine, linked), definition.node.span)
    except PathEnds:
        return None, machine.steps
    except (BudgetSpent, RecursionError):
        machine.is_complete = False
        root.blur()
    slots = summarise_slots(root)
    left = initialisation.layers_left(root)
    unfilled = initialisation.layers_unfilled(root)
    for event in initialisation.constants(root):
        machine.emit(event)
    outcomes = tuple(decision.outcome for decision in decider.taken)
    return _Built(outcomes, machine, root, slots, left, unfilled), machine.steps


def _run(project: Project, linked: LinkedClass, decider: Decider, known: list[_Built]) -> tuple[Run | None, int]:
    """Follow one path, and say how many steps that took; None where it ends in an error that the class itself raises.

    ``known`` are paths that have been followed, at the end of the constructor. One that was not left before is not
    followed anew, but counts as if it were.
    """
    earlier = next((built for built in known if decider.shares(built.outcomes)), None)
    if earlier is not None:
        built = copied(earlier)
        decider.go_on_from(built.machine.decider)
        built.machine.decider = decider
        steps = built.machine.steps
    else:
        constructed, steps = _construct(project, linked, decider)
        if constructed is None:
            return None, steps
        if _may_part_later(project, linked):
            known.append(copied(constructed))
        built = constructed
    _, machine, root, slots, left, unfilled = built
    is_complete, hides = machine.is_complete, root.hides
    events = len(machine.events)
    kept: tuple[Slot, ...] = ()
    try:
        _leave_training(machine, root, linked)
        kept = _call(machine, root, linked)
    except PathEnds:
        del machine.events[events:]
        machine.made.clear()
        machine.refuses = True
    except (BudgetSpent, RecursionError):
        pass
    names = {slot.name for slot in slots}
    later = tuple(slot for slot in summarise_slots(root) if slot.name not in names)
    run = Run(
        decisions=tuple(decider.taken),
        is_complete=is_complete,
        slots=(*slots, *later),
        events=(*machine.events, *products.dead_products(machine), *_made(machine)),
        rewritten=frozenset(machine.rewritten),
        is_opaque=root.is_opaque,
        hides=hides,
        kept=kept,
        left=left,
        unfilled=unfilled,
        is_default=decider.is_default,
        refuses=machine.refuses,
    )
    return run, steps + machine.steps


def _may_part_later(project: Project, linked: LinkedClass) -> bool:
    """Whether a method of the class's own file asks something, so that paths may differ behind the constructor alone."""
    return any(
        project.scanned(has_conditions, function)
        for base in linked.sources
        if base.module.path == linked.definition.module.path
        for function in base.node.body
        if isinstance(function, code.Function) and function.name != "__init__"
    )


def _leave_training(machine: Machine, root: Instance, linked: LinkedClass) -> None:
    """Run an own ``train(False)``, as ``eval()`` does before the model is moved: what it keeps stays behind."""
    member = linked.find("train")
    if isinstance(member, Member) and isinstance(member.node, code.Function) and takes_one(member.node):
        frame = Frame(linked.definition.module, ())
        method = objects.bind_member(machine, frame, root, root, member)
        calls.call(machine, frame, method, calls.Arguments([Known(False)]), member.node.span)


def _call(machine: Machine, root: Instance, linked: LinkedClass) -> tuple[Slot, ...]:
    """Enter forward and the other methods that take tensors; return what forward leaves on the instance."""
    machine.phase = Phase.FORWARD
    machine.undecided = machine.guarded = machine.without_gradients = machine.device_tests = 0
    machine.steps = 0
    machine.is_complete = True
    moving.settle(machine.project, root, linked)
    reached: set[str] = set()
    for name in (*_stand_in(linked), *_ENTRIES):
        member = linked.find(name)
        if isinstance(member, Member) and isinstance(member.node, code.Function):
            machine.is_called_by_forward = True
            is_given = name != "__call__" or machine.project.scanned(takes_tensor, member.node)
            _enter(machine, root, member, Place(linked.definition.module.place, member.node.span), is_given)
            reached.add(name)
    machine.is_called_by_forward = False
    kept = tuple(
        slot._replace(place=machine.rewritten[slot.name])
        for slot in summarise_slots(root)
        if slot.name in machine.rewritten
    )
    reached |= {event.method for event in machine.events if isinstance(event, MethodReached)}
    for owner, function in own_methods(linked):
        name = function.name
        if name in reached or name.startswith("_") or name in torch_api.module_members():
            continue
        if owner.module.path != linked.definition.module.path:
            continue  # what a base of another file offers beside forward is looked at there
        is_given = machine.project.scanned(takes_tensor, function)
        if is_given or machine.project.scanned(starts_by_itself, function):
            member = Member(owner, function)
            events = len(machine.events)
            machine.device_tests = 0
            try:
                _enter(machine, root, member, Place(owner.module.place, function.span), is_given)
            except PathEnds:
                del machine.events[events:]
    return kept


def _stand_in(linked: LinkedClass) -> tuple[str, ...]:
    """``__call__`` where no forward is in the source, and it leads to none: it does what the class is there for."""
    forward, member = linked.find("forward"), linked.find("__call__")
    if isinstance(forward, Member) and forward.node is not None:
        return ()
    if not isinstance(member, Member) or not isinstance(member.node, code.Function):
        return ()
    names = {node.name for node in nodes(member.node.body) if isinstance(node, code.Attribute)}
    return () if names & {"forward", "__call__", "_call_impl"} else ("__call__",)


def _enter(machine: Machine, root: Instance, member: Member, place: Place, is_given: bool = True) -> None:
    """Run a method of the instance; ``is_given``: its first argument is a tensor where nothing else is said of it."""
    assert isinstance(member.node, code.Function)
    assert isinstance(member.owner, ClassDefinition)
    frame = Frame(member.owner.module, ())
    method = objects.bind_member(machine, frame, root, root, member)
    if isinstance(method, Closure):
        result = calls.call(machine, frame, method, forward_arguments(machine, method, place, is_given), place.span)
        products.count_reads([result])


def _made(machine: Machine) -> Iterator[Event]:
    """The Parameters and Modules that forward made, each place once."""
    parts = {
        id(binding.value)
        for made in machine.made
        if isinstance(made.value, Instance)
        for binding in made.value.bindings.values()
    }
    rewritten = machine.rewritten.keys() | machine.changed
    trained = [made for made in machine.made if _is_trained(machine, made.value)]
    trains = any(isinstance(made.value, Tensor) for made in trained)
    # What is made at the same place again, in the course of the training, is of the same kind.
    seen = {made.place for made in trained}
    for made in machine.made:
        if made.place in seen or id(made.value) in parts:
            continue
        seen.add(made.place)
        value = made.value
        stored = made.stored
        once = made.is_below_none or not rewritten.isdisjoint(made.guards)
        if once and stored not in made.guards:
            continue  # a whole is set up once, on its first use; who does that on purpose is not known here
        if isinstance(value, Tensor):
            if value.requires_grad is False or trains:
                continue  # nothing is learned in it that could be lost, or what is learned is there for the call
            yield MadeInForward(
                made.place, Registration.PARAMETER, "Parameter", True, False, stored, made.local, stored in made.guards
            )
            continue
        if _takes_over(value):
            continue
        layer = torch_api.layers.get(value.external or "")
        is_lazy_once = stored in made.guards or value.is_lazy
        state = _state_of(value, layer)
        learned = has_state(value, PARAMETERS) if state else None
        if state and (learned is False or _holds_buffers(value)):
            state = learned  # buffers alone are what they are computed from, and nothing is learned in them
        if state and _is_fixed(value):
            state = False
        yield MadeInForward(
            made.place,
            Registration.SUBMODULE,
            value.class_name,
            state,
            bool(layer and layer.depends_on_training and not layer.buffers),
            stored,
            made.local,
            is_lazy_once,
        )


def _holds_buffers(made: Instance) -> bool:
    """Whether a class of the source registers buffers, which are all that is known of its state if the rest is not."""
    own = made.bindings.values() if made.linked is not None else ()
    return any(held.registration is Registration.BUFFER for held in own)


def _is_fixed(made: Instance) -> bool:
    """Whether a class of the source has frozen all its parameters when it is built: it is set, as a filter is."""
    parameters, is_all = parameters_of(made)
    frozen = [isinstance(item, Tensor) and item.requires_grad is False for _, item in parameters]
    return made.linked is not None and is_all and bool(frozen) and all(frozen)


def _is_trained(machine: Machine, made: Value) -> bool:
    """Whether an optimiser is given a parameter, or some of a module: what forward makes and trains is there for that."""
    if not machine.optimised:
        return False
    parameters = [item for _, item in parameters_of(made)[0]] if isinstance(made, Instance) else [made]
    return any(parameter is given for parameter in parameters for given in machine.optimised)


def _takes_over(made: Instance) -> bool:
    """Whether every part of a module that has state was another's before: what is built is new, its weights are not."""
    held = [binding for binding in made.bindings.values() if binding.registration in REGISTERED]
    parts = [
        binding.value
        for binding in held
        if binding.value != NONE and not (isinstance(binding.value, Instance) and has_state(binding.value) is False)
    ]
    return bool(parts) and all(_was_before(part) for part in parts)


def _was_before(part: Value) -> bool:
    """Whether a part is from before forward, or has been given the values of a Parameter that is (``p.data = q.data``)."""
    if isinstance(part, Tensor) and part.values_of is not None:
        return part.values_of.phase is Phase.CONSTRUCTOR
    return isinstance(part, (Instance, Tensor)) and part.phase is Phase.CONSTRUCTOR


def _state_of(value: Instance, layer: torch_api.Layer | None) -> bool | None:
    if layer is not None and not layer.is_container:
        if layer.children or layer.is_lazy:
            return True
        if not layer.parameters and not layer.depends_on_training:
            return False  # the buffers of a loss are what it is given
        return any(binding.value != NONE for binding in value.bindings.values()) if value.bindings else False
    return has_state(value)
