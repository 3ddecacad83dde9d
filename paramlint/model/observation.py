"""What the worker process is asked about a Module class, and what it saw: plain frozen data that survives JSON.

This file imports the standard library only: the worker loads it under the user's interpreter, where nothing else of
paramlint need be installed. ``None`` means "not observed" wherever a field allows it; the reason is then in ``notes``.
"""

from __future__ import annotations

import functools
import sys
import typing
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import NamedTuple, TypeAlias, TypeVar

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Scalar: TypeAlias = "bool | int | float | str | None"
T = TypeVar("T")


# What is asked


class Recipe(NamedTuple):
    """A way to make an instance or an input: ``expression`` evaluated in the namespace of a module of the project.

    ``kind`` is "factory" (named by the user, tried before all else), "call" (a call of the class found in the
    project), "function" (a call of a function that may return an instance or contain one), "announced" (the same by
    the function's own annotation, of which nothing else is known: tried when guesses have failed) or "again" (the
    recipe of an earlier observation, tried first). For inputs the expression's value is a tuple of positional
    arguments, a dict of keyword arguments, or one positional argument; in it the name ``instance`` is the built
    instance, "call" means a call of an instance found in the project, whose expression is ``(argument, ...)``, and
    "again" arguments as they are written in a call. ``module`` is the dotted name and ``path`` the file of the module;
    both are used.
    """

    kind: str
    module: str
    path: str
    expression: str


AGAIN = "again"


class Touched(NamedTuple):
    """An attribute that an edit is about, of every instance of a class: ``path`` is the file that defines the class."""

    path: str
    class_name: str
    attribute: str


class ClassRequest(NamedTuple):
    """One class to build under one set of constructor arguments.

    ``key`` comes back in the observation. ``root`` is the folder from which ``module`` is importable.
    ``qualified_name`` is the class's ``__qualname__``, with ``<locals>`` where it is made inside a function.
    ``circumstances`` are constructor arguments that a finding speaks of: the instance is built with exactly these, or
    is reported as not built. ``extra_paths`` are other folders to import from. ``stages`` are the stages of observation
    to go through; None: those of the run. ``touched`` are attributes whose tensors are weights, whatever holds them.
    """

    key: str
    path: str
    root: str
    module: str
    qualified_name: str
    circumstances: tuple[tuple[str, Scalar], ...] = ()
    recipes: tuple[Recipe, ...] = ()
    input_recipes: tuple[Recipe, ...] = ()
    extra_paths: tuple[str, ...] = ()
    stages: tuple[str, ...] | None = None
    touched: tuple[Touched, ...] = ()


# What is seen

PRETENDED = " (moves to a device pretended on the CPU)"
"""How a recipe ends where the instance was built in that way."""

WITHOUT_MEMORY = " (without memory, since it is too large or too slow to build)"
"""The same for one that was built on the meta device."""

NO_ARGUMENTS = "no arguments"
"""The recipe of an empty input."""


class Place(NamedTuple):
    """A line that was executing: ``path`` absolute, ``function`` the code's own name."""

    path: str
    line: int
    function: str


class Failure(NamedTuple):
    """An exception of the user's code: ``frames`` are those outside torch and the standard library, innermost last."""

    type: str
    message: str
    frames: tuple[Place, ...] = ()


class Write(NamedTuple):
    """An in-place write to a registered tensor during construction: ``target`` is its path within the instance.

    ``operation`` is torch's name ("normal_", "copy_", "__setitem__", "data"). ``places`` as in ``Failure.frames``.
    ``raised`` where the operation failed. ``is_default`` where a layer of torch wrote it in its own constructor or
    ``reset_parameters``; ``places`` then end in the line that made the layer. ``is_whole``: every element was written.
    """

    target: str
    operation: str
    places: tuple[Place, ...]
    raised: str | None = None
    is_default: bool = False
    is_whole: bool = True


class Assignment(NamedTuple):
    """A binding of an attribute of a Module: ``owner`` is the module's path within the instance, "" for itself.

    ``how`` is "setattr", "register_parameter", "register_buffer" or "add_module"; ``when`` is "construction" or
    "forward"; ``raised`` where it failed (``cannot assign 'torch.FloatTensor' as parameter``, also where the exception
    was caught by the user's code).
    """

    owner: str
    attribute: str
    how: str
    when: str
    place: Place | None
    raised: str | None = None


class TensorObservation(NamedTuple):
    """A tensor reachable from the instance.

    ``path`` is how Python reaches it from the instance (``layers[0].weight``, ``cache['k']``, ``helper.table``);
    ``owner`` the path of the nearest Module on the way ("" for the instance itself), ``owner_class`` its qualified name
    with its module, and ``attribute`` the name on that Module. ``registration`` is "parameter", "buffer",
    "non-persistent buffer" or "plain" with regard to the instance as a whole (a parameter of a hidden module is
    "plain" here; ``is_parameter`` tells its type). ``same_as`` is the path of a registered tensor that is this object
    or shares its storage (for a registered one: the first path of the same object). ``uninitialised`` is the share of elements, 0 to 1, that nothing wrote after allocation.
    ``is_random``: the value differs between two builds under different seeds, or its building was seen to draw it.
    ``follows_device``, ``follows_dtype``: whether the tensor under this path moves with the instance.
    ``place``: where the attribute was last bound. ``gradient`` after a backward pass: "none", "zero" or "flows".
    ``changed_by_forward``: bound to another tensor, or rewritten in place, by a forward pass.
    ``read_in_forward``: an operation of a forward pass took it, or a view of it, as operand.
    ``registration_elsewhere``: the registration under this path when each ``.to(device)`` and ``.cuda()`` in the
    constructor really moves, as it does on a machine whose device is not the CPU ("absent" where there is none).
    ``clash``: what forward raised on the accelerator with this plain tensor *alone* left behind and all other plain
    tensors moved by hand, so that a device error is this tensor's (None: it ran, or was not tried).
    ``starts_dead``: a parameter is all zero after construction, and its gradient there is exactly zero.
    """

    path: str
    owner: str
    owner_class: str
    attribute: str
    registration: str
    is_parameter: bool
    requires_grad: bool
    is_leaf: bool
    shape: tuple[int, ...]
    dtype: str
    device: str
    elements: int
    is_uninitialised_lazy: bool = False
    same_as: str | None = None
    uninitialised: float | None = None
    is_random: bool | None = None
    in_state_dict: bool = False
    follows_device: bool | None = None
    follows_dtype: bool | None = None
    place: Place | None = None
    gradient: str | None = None
    changed_by_forward: bool | None = None
    read_in_forward: bool | None = None
    registration_elsewhere: str | None = None
    clash: Failure | None = None
    starts_dead: bool | None = None


class ModuleObservation(NamedTuple):
    """A Module reachable from the instance: ``is_registered`` where ``modules()`` yields it.

    ``elements`` counts its own and its children's parameter elements, ``has_state`` buffers too. ``place``: where the
    attribute that leads to it was last bound.
    """

    path: str
    owner: str
    owner_class: str
    attribute: str
    class_name: str
    is_registered: bool
    has_state: bool
    elements: int
    place: Place | None = None


class Creation(NamedTuple):
    """A Parameter or Module constructed during a forward pass.

    ``class_name`` is "torch.nn.Parameter" or the Module's class. ``place`` is the innermost line of the user's code.
    ``stored_as``: the path under which the instance holds it afterwards, else None.
    ``passes`` says in how many of the two forward passes the line made one (1: lazily, 2: every time).
    ``is_rewritten``: the user's code gave each its values in the same pass.
    """

    class_name: str
    place: Place | None
    stored_as: str | None
    passes: int
    has_state: bool = True
    is_rewritten: bool = False


class ForwardObservation(NamedTuple):
    """What a forward pass on an example input showed.

    ``status`` is "ran", "raised", "no input found" or "no forward". ``recipe`` is the input as a readable line.
    ``failure`` is the last error where it did not run. ``device_failure`` is the error of a forward pass on the
    simulated accelerator (None: ran, or see ``device_status``). ``device_status`` is "ran", "clash",
    "not run: <reason>". ``clashes_in_eval``: it ran in training mode, and in eval mode it clashed. ``written_attributes`` are paths of attributes that forward bound to a tensor,
    ``graph_tensors`` those left holding a tensor with a gradient function, ``left_zero`` those
    of the written ones that hold nothing but zeros after the passes.
    ``differs_between_calls``: two passes in eval mode under different seeds gave different outputs.
    ``differs_after_reload``: the state of this instance loaded into one built under another seed gives another output.
    ``lost_on_reload``: paths of the tensors that no state holds and that make this difference (empty: not told).
    ``without_gradient``: parameters whose gradient is None after backward (None: no backward was possible).
    ``forward_made_clash``: what forward raised on the accelerator with every plain tensor of the instance moved by
    hand: then only a tensor that forward made can be in the wrong place.
    ``called`` are the paths of the Modules that the passes called, "" for the instance itself.
    ``loading_failure``: what ``load_state_dict`` of a fresh instance raised over the state after the passes, and
    ``unloadable`` the names in that state which a fresh one lacks or holds in another shape (None: not tried).
    """

    status: str
    recipe: str | None = None
    failure: Failure | None = None
    device_status: str | None = None
    device_failure: Failure | None = None
    creations: tuple[Creation, ...] = ()
    written_attributes: tuple[str, ...] = ()
    graph_tensors: tuple[str, ...] = ()
    left_zero: tuple[str, ...] = ()
    differs_between_calls: bool | None = None
    differs_after_reload: bool | None = None
    lost_on_reload: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] | None = None
    zero_gradient: tuple[str, ...] = ()
    forward_made_clash: Failure | None = None
    called: tuple[str, ...] = ()
    loading_failure: Failure | None = None
    unloadable: tuple[str, ...] | None = None
    clashes_in_eval: bool = False


class MaterialisedObservation(NamedTuple):
    """What a build on the meta device, ``to_empty``, the model's own initialisation and the original's state give.

    ``is_built``: the constructor ran on meta; else ``reason`` says why not, or why the rest could not be done.
    ``initialisers`` are the methods of the model's own that were called, as ``path.method``. ``lost`` are paths of
    tensors that the constructor gave a value and that hold another one at the end (non-persistent buffers, tensors
    that no state names), ``lost_ties`` pairs of paths that were one parameter and are two. ``not_initialised`` are
    parameters that the model's own initialisation left unwritten, before the state was loaded. ``seconds`` is the time
    of the constructor on meta. ``recast``: parameters that the model's own initialisation, run after
    ``.to(torch.float64)``, left in another dtype.
    """

    is_built: bool
    reason: str | None = None
    initialisers: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    lost_ties: tuple[tuple[str, str], ...] = ()
    not_initialised: tuple[str, ...] = ()
    recast: tuple[str, ...] = ()
    seconds: float = 0.0


class StateDigest(NamedTuple):
    """A tensor by its path, which for a parameter or buffer is its name in ``state_dict()``.

    ``registration`` as in ``TensorObservation``.

    ``digest`` is equal for equal values (None: not read). ``touched`` are those of the request's that hold it.
    """

    name: str
    registration: str
    shape: tuple[int, ...]
    dtype: str
    digest: str | None
    touched: tuple[Touched, ...] = ()


class Observation(NamedTuple):
    """All that was seen of one class.

    ``status`` is "built", "not built", "abstract", "not importable", "not found" (no such class after the import), or
    what became of the process: "crashed" (``reason`` names the signal), "exited", "timed out", "out of memory",
    "not run" (the interpreter has no torch, or could not be started). ``reason`` is one line, set for all but "built".
    ``recipe`` is how the instance was made (``Dice(emb_size=8)``, ``models.make_net()``); ``within`` is the path of the
    instance inside what the recipe made ("" where it made the instance itself).
    ``constructor_failure`` is what construction raised with the most trusted arguments, where it raised *in the
    constructor's own body* rather than for wrong arguments; ``is_failure_certain`` where the recipe was given, or needed
    no argument, so that the arguments cannot be to blame. ``attempts`` are the recipes tried with their errors.
    ``deepcopy_failure`` and ``pickle_failure`` are of the instance after forward passes, where there were any.
    ``lacks`` says what this torch is too old to show: "in-place writes", "unwritten memory".
    ``build_seconds`` is the time it took to find a way to make an instance, ``seconds`` that of everything.
    ``state`` and ``output`` are digests of a build and a forward pass under one seed, taken where they are asked for;
    ``hidden`` are those of plain tensors. ``form`` is the types and shapes of the output. ``levelled`` is the output where every weight holds values that follow from its
    name alone, whatever the constructor drew (None where that tells nothing).
    """

    key: str
    path: str
    class_name: str
    status: str
    reason: str | None = None
    circumstances: tuple[tuple[str, Scalar], ...] = ()
    recipe: str | None = None
    recipe_kind: str | None = None
    within: str = ""
    constructor_failure: Failure | None = None
    is_failure_certain: bool = False
    attempts: tuple[str, ...] = ()
    tensors: tuple[TensorObservation, ...] = ()
    modules: tuple[ModuleObservation, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    writes: tuple[Write, ...] = ()
    deepcopy_failure: Failure | None = None
    pickle_failure: Failure | None = None
    state_failure: Failure | None = None
    move_failure: Failure | None = None
    device_probe: str | None = None
    forward: ForwardObservation | None = None
    materialised: MaterialisedObservation | None = None
    lacks: tuple[str, ...] = ()
    build_seconds: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    state: tuple[StateDigest, ...] | None = None
    hidden: tuple[StateDigest, ...] = ()
    output: str | None = None
    form: str | None = None
    levelled: str | None = None


# JSON both ways


def to_json(value: object) -> JSON:
    """Named tuples as dicts by field name, tuples as lists; anything but scalars and these is a TypeError."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: to_json(item) for name, item in zip(value._fields, value, strict=False)}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} does not belong in an observation")


def from_json(kind: type[T], value: JSON) -> T:
    """The inverse of ``to_json`` for one of the classes above; fields without a value take their default.

    Raises TypeError or ValueError where the JSON does not fit.
    """
    decoded = _decode(kind, value)
    assert isinstance(decoded, kind)
    return decoded


@functools.cache
def _hints(kind: object) -> Mapping[str, object]:
    # The worker has taken its modules out of sys.modules: what it decodes is named in this file.
    name = str(getattr(kind, "__module__", ""))
    own = vars(sys.modules[name]) if name in sys.modules else {}
    return typing.get_type_hints(kind, {**globals(), **own})


def _decode(kind: object, value: JSON) -> object:
    if hasattr(kind, "_fields"):
        if not isinstance(value, Mapping):
            raise TypeError(f"{kind} expected, not {value!r}")
        hints = _hints(kind)
        return kind(**{name: _decode(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError(f"{kind} expected, not {value!r}")
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(arguments[0], item) for item in value)
        return tuple(_decode(part, item) for part, item in zip(arguments, value, strict=True))
    if origin in (UnionType, typing.Union):
        if value is None and NoneType in arguments:
            return None
        others = [part for part in arguments if part is not NoneType]
        if len(others) == 1:
            return _decode(others[0], value)
        return value
    if kind is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, kind):  # type: ignore[arg-type]
        raise TypeError(f"{kind} expected, not {value!r}")
    return value
