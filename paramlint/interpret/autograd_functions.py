"""Applying a function that brings its own gradient (``torch.autograd.Function``)."""

from __future__ import annotations

from paramlint.interpret import calls, objects, results
from paramlint.interpret.limits import PathEnds
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.slots import Phase
from paramlint.interpret.values import UNKNOWN, ClassValue, Closure, Value
from paramlint.model.code import Span
from paramlint.project.classes import Member

_FUNCTION = "torch.autograd.Function"


def is_applied(function: ClassValue, method: str) -> bool:
    """Whether a method of a class applies it as a function of autograd's."""
    return method == "apply" and function.linked.inherits(_FUNCTION) is True


def apply(machine: Machine, frame: Frame, function: ClassValue, arguments: calls.Arguments, span: Span) -> Value:
    """What ``function.apply(...)`` gives: a tensor that is computed from the others.

    Its ``forward`` is run for what its operands meet there. What it returns is not asked: kernels that nobody can see
    compute it.
    """
    operands = results.operands_of(arguments.positional)
    if not operands:
        return UNKNOWN
    if machine.phase is Phase.FORWARD:
        _run(machine, frame, function, arguments, span)
    is_moving = any(operand.placement.is_moving for operand in operands)
    if UNKNOWN in arguments.positional and not is_moving:
        return UNKNOWN  # which of its arguments decides where the result is, only the function knows
    return results.derived(machine, frame, operands[0], "apply", span, operands=operands, rank=None)


def _run(machine: Machine, frame: Frame, function: ClassValue, arguments: calls.Arguments, span: Span) -> None:
    forward = objects.get_attribute(machine, frame, function, "forward", span)
    if not isinstance(forward, Closure):
        return
    # torch hands the context to one of the two (torch/autograd/function.py, ``setup_context``)
    setting_up = function.linked.find("setup_context")
    is_set_up_apart = isinstance(setting_up, Member) and setting_up.node is not None
    positional = arguments.positional if is_set_up_apart else [UNKNOWN, *arguments.positional]
    given = calls.Arguments(positional, arguments.keywords, arguments.is_exact, arguments.may_have_keywords)
    try:
        calls.call_closure(machine, frame, forward, given, span)
    except PathEnds:
        return  # it refuses what it does not know, which says nothing of the module
