"""Binding a function's parameters to what a call gives them."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from paramlint.interpret import evaluate
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.uses import takes_plain
from paramlint.interpret.values import UNKNOWN, Closure, Container, Known, Symbol, Tensor, Value
from paramlint.model import code

if TYPE_CHECKING:
    from paramlint.interpret.calls import Arguments


def lacks_argument(closure: Closure, arguments: Arguments) -> bool:
    """Whether a parameter without a default gets nothing, so that Python raises TypeError."""
    given = len(arguments.positional) + (closure.bound is not None)
    own = takewhile(lambda parameter: not parameter.kind.startswith("*"), closure.node.parameters)
    return arguments.is_exact and any(
        parameter.default is None
        and parameter.name not in arguments.keywords
        and (number >= given or parameter.kind == "keyword")
        for number, parameter in enumerate(own)
    )


def bind(machine: Machine, inner: Frame, closure: Closure, arguments: Arguments) -> None:
    """Bind a function's parameters to arguments, defaults and what is not known."""
    positional = list(arguments.positional)
    if closure.bound is not None:
        positional.insert(0, closure.bound)
    keywords = dict(arguments.keywords)
    for parameter in closure.node.parameters:
        name = parameter.name
        if parameter.kind == "*":
            inner.names[name] = Container("tuple", [*positional, *arguments.unplaced], is_exact=arguments.is_exact)
            positional = []
        elif parameter.kind == "**":
            extra = Container("dict", list(keywords.values()), [Known(key) for key in keywords], arguments.is_exact)
            inner.names[name] = extra
            keywords = {}
        elif parameter.kind != "keyword" and positional:
            inner.names[name] = positional.pop(0)
        elif name in keywords:
            inner.names[name] = keywords.pop(name)
        elif not arguments.is_exact:
            inner.names[name] = _perhaps_given(machine, parameter)
        elif parameter.default is not None:
            scope = Frame(closure.module, closure.enclosing, closure.outer)
            inner.names[name] = evaluate.evaluate(machine, scope, parameter.default)
        else:
            inner.names[name] = UNKNOWN
        value = inner.names[name]
        if isinstance(value, Tensor) and not value.is_certain and takes_plain(parameter):
            inner.names[name] = UNKNOWN  # what may be no tensor at all is none


def _perhaps_given(machine: Machine, parameter: code.Parameter) -> Value:
    """What settings of unknown keys may give a parameter: its default first, where that is a constant."""
    default = parameter.default
    if not isinstance(default, code.Constant) or isinstance(default.value, type(...)):
        return UNKNOWN
    machine.counter += 1
    return Symbol(f"{parameter.name}#{machine.counter}", default=Known(default.value))
