"""What the interpreter learnt of one Module class: the frozen data that rules read."""

from __future__ import annotations

from typing import NamedTuple

from paramlint.interpret.events import Event, LayerLeft
from paramlint.interpret.makers import Maker
from paramlint.interpret.slots import Decision, Place, Slot
from paramlint.interpret.surroundings import Surroundings


class Run(NamedTuple):
    """One path through the constructor, and through forward.

    ``is_complete`` is False where the interpreter gave up on a part (a budget, an unknown base): nothing may then be
    said of what is *missing*. ``is_opaque``: names may be set that it did not see, to what it did not see where
    construction ``hides`` something. ``rewritten`` are the names that forward binds; ``kept`` what they hold when it
    returns, with the statement in forward as their place. ``left`` are torch's layers that still have their default
    initialisation, ``unfilled`` those whose memory nothing has written.
    ``is_default``: it is the path that the defaults lead to. ``refuses``: forward raises on it, whatever it is given.
    """

    decisions: tuple[Decision, ...]
    is_complete: bool
    slots: tuple[Slot, ...]
    events: tuple[Event, ...]
    rewritten: frozenset[str]
    is_opaque: bool
    hides: bool
    kept: tuple[Slot, ...]
    left: tuple[LayerLeft, ...] = ()
    unfilled: tuple[LayerLeft, ...] = ()
    is_default: bool = False
    refuses: bool = False


class MethodFacts(NamedTuple):
    """A method in the hierarchy: where it is defined, and what its body does to initialise.

    ``is_hook``: a framework calls it. ``types`` are the class names of its ``isinstance`` tests, ``mentions`` the
    attributes of self in it, ``ties`` those that it mentions only to tie their parameters, ``delegates`` those whose
    method of the same name it calls. ``has_wrong_subject``: a walk over modules in it tests and initialises something
    else than the module it has come to. ``is_explained``: its docstring names it, as it does to say how it is called.
    ``carries``: the attributes that it writes only by going on from what they hold; ``cancels`` those that it mentions
    only to add them and to take them away again, or to hand them to a checkpoint, ``takes`` those that it binds to an
    argument as it is given, ``exports`` those that it reads only while the model is exported,
    ``may_fill`` those that it gives to a bare call, or whose ``data`` it replaces (an empty name: something else).
    ``answers``: it hands its caller something. ``is_idle``: it takes anything (``*args``), and does nothing.
    """

    name: str
    place: Place
    owner: str
    is_own: bool
    initialises: tuple[str, ...]
    walks_modules: bool
    is_hook: bool = False
    types: tuple[str, ...] = ()
    mentions: frozenset[str] = frozenset()
    delegates: frozenset[str] = frozenset()
    has_wrong_subject: bool = False
    assigns: frozenset[str] = frozenset()
    carries: frozenset[str] = frozenset()
    cancels: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    exports: frozenset[str] = frozenset()
    may_fill: frozenset[str] = frozenset()
    ties: frozenset[str] = frozenset()
    is_explained: bool = False
    answers: bool = False
    is_idle: bool = False


class ZeroFactor(NamedTuple):
    """An attribute that a method makes of zeros, that nothing else sets or writes, and that is only multiplied with."""

    attribute: str
    method: str
    made: Place
    multiplied: Place


class ClassTrace(NamedTuple):
    """Everything rules may know of one Module class, or of one that would be (``is_module`` tells).

    ``is_exhaustive`` is False where the budget was spent before each condition that matters had been turned: there a name
    may be what no run says.
    """

    class_name: str
    place: Place
    constructor: Place | None
    constructor_is_own: bool
    is_complete: bool
    is_abstract: bool
    runs: tuple[Run, ...]
    is_exhaustive: bool
    methods: tuple[MethodFacts, ...]
    documentation: str
    makers: tuple[Maker, ...]
    zero_factors: tuple[ZeroFactor, ...]
    is_module: bool
    surroundings: Surroundings
