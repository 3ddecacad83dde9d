"""Moving an instance to an accelerator, simulated or real, and running forward there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import torch
from torch import nn

from paramlint.model.observation import Failure, Observation, TensorObservation
from paramlint.runtime.worker import accelerator as accelerators, function_mode, holes, shadow, snapshot, stack
from paramlint.runtime.worker.accelerator import Accelerator, unfilled
from paramlint.runtime.worker.build import Built
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.timing import Clock
from paramlint.runtime.worker.walk import Walk

_TRIED_ALONE = 6
_CLASH = re.compile(
    r"Expected all tensors to be on the same device|indices should be either on|is on (cpu|accel)|"
    r"(on|at|have) the same device|Input type .* and weight type|is not on the expected device|Placeholder storage has not been allocated"
)


def placement(
    known: Observation,
    way: Built,
    clock: Clock,
    chosen: Input | None,
    furthest: Input | None = None,
    name: str | None = None,
) -> Observation:
    """Which tensors follow the instance to another device, and whether forward runs there.

    ``furthest`` is an input on which forward raises on the CPU too: of the device it tells only what clashes before.
    ``name`` is a real device, None for the simulated one, which is also where an instance without memory is moved.
    """
    accelerator = accelerators.simulated() if name is None or way.is_meta else accelerators.real(name)
    if isinstance(accelerator, str):
        known = _by_meta(known, way, clock)._replace(notes=(*known.notes, accelerator))
        return _by_shadow(known, way, clock, chosen)
    instance = snapshot.instance(way, clock, 0)
    before = Walk(instance)
    accelerator.remember(len(before.modules))
    try:
        with clock.limit(clock.left), accelerator.mode:
            _move(instance, before, accelerator.convert)
    except Exception as error:
        known = _by_meta(known, way, clock)
        reason = f"not moved to the {accelerator.title}: {stack.first_line(stack.message(error))}"
        known = known._replace(notes=(*known.notes, reason))
        return _by_shadow(known, way, clock, chosen)
    known = _followed(known, Walk(instance), accelerator.name)._replace(device_probe=accelerator.title)
    if chosen is None and furthest is not None and known.forward is not None and not way.is_meta:
        _, made = _all_moved(way, clock, furthest, accelerator)
        return _alone(known, way, clock, furthest, accelerator, made)
    if chosen is None or known.forward is None:
        return known
    if way.is_meta:
        with clock.limit(clock.left):
            _pretend_rest(instance, accelerator)
    status, failure = _run(instance, chosen, accelerator, clock)
    if status.startswith("not run") and not accelerator.is_real:
        status, failure = on_simulated(lambda: snapshot.instance(way, clock, 0), chosen, accelerator, clock)
    is_eval = False
    if status == "ran" and _reads_its_mode(instance):
        make = way.make
        in_eval = way._replace(make=lambda: make().eval())
        again = _left_in_place(in_eval, clock, chosen, accelerator)
        if again[0] == "clash":
            way, (status, failure), is_eval = in_eval, again, True
    known = known._replace(
        forward=known.forward._replace(device_status=status, device_failure=failure, clashes_in_eval=is_eval)
    )
    if status.startswith("not run") and not way.is_meta and not accelerator.is_real:
        return _by_shadow(known, way, clock, chosen)
    if status == "clash":
        status, made = _all_moved(way, clock, chosen, accelerator)
        assert known.forward is not None
        known = known._replace(forward=known.forward._replace(forward_made_clash=made if status == "clash" else None))
        behind = [tensor.path for tensor in known.tensors if tensor.follows_device is False]
        if len(behind) == 1:  # it was alone already
            return _clashing(known, {behind[0]: None if is_same_place(failure, made) else failure})
        return _alone(known, way, clock, chosen, accelerator, made)
    return known


def _reads_its_mode(instance: nn.Module) -> bool:
    """Whether the code of a class outside torch asks for ``training``: in eval mode it may do what it else does not."""
    kinds = {kind for module in instance.modules() for kind in type(module).__mro__}
    return any(
        "training" in function.__code__.co_names and stack.is_users(function.__code__.co_filename)
        for kind in kinds
        for function in vars(kind).values()
        if inspect.isfunction(function)
    )


def _left_in_place(way: Built, clock: Clock, chosen: Input, accelerator: Accelerator) -> tuple[str, Failure | None]:
    """How forward ends on an instance that was moved as ``.to(device)`` moves it."""
    instance = snapshot.instance(way, clock, 0)
    with clock.limit(clock.left), accelerator.mode:
        _move(instance, Walk(instance), accelerator.convert)
    if way.is_meta:
        with clock.limit(clock.left):
            _pretend_rest(instance, accelerator)
    return _run(instance, chosen, accelerator, clock)


def _all_moved(way: Built, clock: Clock, chosen: Input, accelerator: Accelerator) -> tuple[str, Failure | None]:
    """How forward ends with nothing left behind: a clash is then the work of a tensor that it makes itself."""
    instance = snapshot.instance(way, clock, 0)
    with clock.limit(clock.left), accelerator.mode:
        _move(instance, Walk(instance), accelerator.convert)
        _move_rest(instance, accelerator.convert)
    return _run(instance, chosen, accelerator, clock)


def _alone(
    known: Observation, way: Built, clock: Clock, chosen: Input, accelerator: Accelerator, made: Failure | None
) -> Observation:
    """For each tensor that stayed behind: what forward raises with this one alone left there.

    ``made`` is what it raises with none left there: that is raised again, and is not the tensor's.
    """
    left = [
        tensor.path
        for tensor in known.tensors
        if tensor.registration == "plain" and tensor.follows_device is False and tensor.shape
    ]
    clashes: dict[str, Failure | None] = {}
    for path in left[:_TRIED_ALONE]:
        instance = snapshot.instance(way, clock, 0)
        with clock.limit(clock.left), accelerator.mode:
            _move(instance, Walk(instance), accelerator.convert)
            _move_rest(instance, accelerator.convert, except_for=path)
        if way.is_meta:
            _pretend_rest(instance, accelerator)
        status, failure = _run(instance, chosen, accelerator, clock)
        clashes[path] = failure if status == "clash" and not is_same_place(failure, made) else None
    return _clashing(known, clashes)


def _clashing(known: Observation, clashes: Mapping[str, Failure | None]) -> Observation:
    return known._replace(tensors=tuple(tensor._replace(clash=clashes.get(tensor.path)) for tensor in known.tensors))


def _move_rest(
    instance: nn.Module, convert: Callable[[torch.Tensor], torch.Tensor], except_for: str | None = None
) -> None:
    """Move what ``.to`` leaves behind: plain tensors, wherever they are held, and hidden modules."""
    walk = Walk(instance)
    moved = {
        id(found.tensor): convert(found.tensor.detach())
        for found in walk.tensors
        if found.tensor.device.type in ("cpu", "meta") and found.path != except_for
    }
    for found in walk.tensors:
        if id(found.tensor) in moved:
            own = vars(found.owner_module)
            for slot in ("_parameters", "_buffers"):
                if found.attribute in own.get(slot, ()):
                    own[slot][found.attribute] = moved[id(found.tensor)]
            _replace(own, moved, 0)


def _pretend_rest(instance: nn.Module, accelerator: Accelerator) -> None:
    """Turn plain tensors that stayed into fake ones in their place, so that forward itself can move them."""
    walk = Walk(instance)

    def pretended(tensor: torch.Tensor) -> torch.Tensor:
        return unfilled(tensor, "cpu") if tensor.device.type == "meta" else accelerator.mode.from_tensor(tensor)

    with accelerator.mode:
        fake = {
            id(found.tensor): pretended(found.tensor.detach())
            for found in walk.tensors
            if found.kind == "plain" and found.tensor.device.type in ("cpu", "meta") and not is_fake(found.tensor)
        }
    for found in walk.tensors:
        if id(found.tensor) in fake:
            own = vars(found.owner_module)
            for slot in ("_parameters", "_buffers"):
                if found.attribute in own.get(slot, ()):
                    own[slot][found.attribute] = fake[id(found.tensor)]
            _replace(own, fake, 0)


def is_fake(tensor: torch.Tensor) -> bool:
    return hasattr(tensor, "fake_device")


def _by_shadow(known: Observation, way: Built, clock: Clock, chosen: Input | None) -> Observation:
    """Forward on real tensors whose device is kept in books, for what fake tensors cannot run."""
    if chosen is None or known.forward is None or not function_mode.is_available():
        return known
    before = known.forward.device_status
    outcomes: list[tuple[str, Failure | None]] = []
    for moves_rest in (False, True):
        outcomes.append(on_shadow(snapshot.instance(way, clock, 0), chosen, clock, moves_rest))
        if outcomes[-1][0] != "clash":
            break
    status, failure = outcomes[0]
    reason = f" ({before})" if before is not None else ""
    note = f"forward was checked on real tensors with simulated devices{reason}"
    made = outcomes[1] if len(outcomes) > 1 else ("", None)
    return known._replace(
        forward=known.forward._replace(
            device_status=status,
            device_failure=failure,
            forward_made_clash=made[1] if made[0] == "clash" else None,
        ),
        device_probe=known.device_probe,
        notes=(*known.notes, note),
    )


def _move(instance: nn.Module, before: Walk, convert: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Move as ``.to(device)`` does; what held the very parameters that are registered then holds the moved ones.

    On a real device a parameter keeps its identity, since its data is exchanged; fake and meta tensors are new objects,
    so a list that mirrors registered parameters would look left behind. Buffers are new objects on any device
    (``Module._apply`` in torch/nn/modules/module.py).
    """
    registered = {found.path: found.tensor for found in before.tensors if found.kind == "parameter"}
    instance._apply(convert)  # type: ignore[no-untyped-call]
    after = {found.path: found.tensor for found in Walk(instance).tensors if found.kind == "parameter"}
    moved = {id(tensor): after[path] for path, tensor in registered.items() if path in after}
    for found in before.tensors:
        if found.kind == "plain" and id(found.tensor) in moved:
            _replace(vars(found.owner_module), moved, 0)


def _replace(container: Any, moved: Mapping[int, torch.Tensor], depth: int) -> Any:
    """Exchange tensors in a container in place; tuples come back new."""
    if isinstance(container, torch.Tensor):
        return moved.get(id(container), container)
    if depth > 6 or isinstance(container, nn.Module):
        return container
    if isinstance(container, dict):
        for key, item in list(container.items()):
            if depth or key not in ("_parameters", "_buffers", "_modules"):
                container[key] = _replace(item, moved, depth + 1)
    elif isinstance(container, list):
        container[:] = [_replace(item, moved, depth + 1) for item in container]
    elif type(container) is tuple:
        return tuple(_replace(item, moved, depth + 1) for item in container)
    elif hasattr(container, "__dict__") and not isinstance(container, type) and not callable(container):
        _replace(vars(container), moved, depth + 1)
    return container


def _followed(known: Observation, after: Walk, device: str) -> Observation:
    now = after.by_path

    def change(tensor: TensorObservation) -> TensorObservation:
        found = now.get(tensor.path)
        if found is None or tensor.is_uninitialised_lazy:
            return tensor
        return tensor._replace(follows_device=found.tensor.device.type == device)

    return known._replace(tensors=tuple(change(tensor) for tensor in known.tensors))


def _by_meta(known: Observation, way: Built, clock: Clock) -> Observation:
    """The move alone, to the meta device: forward there would not raise for mixed devices."""
    instance = snapshot.instance(way, clock, 0)
    with clock.limit(clock.left):
        _move(instance, Walk(instance), lambda tensor: tensor.to("meta"))
    return _followed(known, Walk(instance), "meta")._replace(device_probe="meta")


def on_shadow(instance: nn.Module, chosen: Input, clock: Clock, moves_rest: bool = False) -> tuple[str, Failure | None]:
    """Move an instance in the books alone, with all its plain tensors on demand, and run forward on real tensors."""
    books = shadow.Books()
    with clock.limit(clock.left):
        for found in Walk(instance).tensors:
            books.put(found.tensor, False)
        shadow.accelerate(books, instance)
        if moves_rest:
            for found in Walk(instance).tensors:
                books.put(found.tensor, True)
        arguments, keywords = chosen.make()
        for tensor in shadow.tensors_in((arguments, keywords)):
            books.put(tensor, True)
        return attempt(lambda: instance(*arguments, **keywords), shadow.running(books))


def on_simulated(
    make: Callable[[], nn.Module], chosen: Input, accelerator: Accelerator, clock: Clock
) -> tuple[str, Failure | None]:
    """Move an instance to the simulated accelerator, as ``.to`` does, and run forward there.

    Plain tensors stay real at first, so that forward can read their values; where forward moves them, which only fake
    ones can be, a second pass has fake ones in their place.
    """
    outcomes: list[tuple[str, Failure | None]] = []
    for pretends in (False, True):
        instance = make()
        with clock.limit(clock.left), accelerator.mode:
            _move(instance, Walk(instance), accelerator.convert)
            if pretends:
                _pretend_rest(instance, accelerator)
        outcomes.append(_run(instance, chosen, accelerator, clock))
        if not outcomes[-1][0].startswith("not run"):
            return outcomes[-1]
    return outcomes[0]


def _run(instance: nn.Module, chosen: Input, accelerator: Accelerator, clock: Clock) -> tuple[str, Failure | None]:
    arguments, keywords = chosen.make()

    def call() -> None:
        instance(*_on(accelerator, arguments), **_on(accelerator, keywords))

    with clock.limit(clock.left):
        return attempt(
            call,
            accelerator.mode,
            nullcontext()
            if accelerator.is_real or not function_mode.is_available()
            else holes.filled(accelerator.name),
        )


def is_same_place(one: Failure | None, other: Failure | None) -> bool:
    """Whether two failures were raised at one place of the user's code, as all its lines on the way there tell."""
    return one is not None and other is not None and one.frames == other.frames


def attempt(call: Callable[[], object], *contexts: AbstractContextManager[object]) -> tuple[str, Failure | None]:
    """The status of a call on another device, and its error."""
    try:
        with ExitStack() as active:
            for context in contexts:
                active.enter_context(context)
            call()
    except Exception as error:
        failure = stack.failure(error)
        if _CLASH.search(failure.message):
            return "clash", failure
        return f"not run: {failure.type}: {stack.first_line(failure.message)}", failure
    return "ran", None


def _on(accelerator: Accelerator, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return accelerator.convert(value)
    if isinstance(value, dict):
        return {key: _on(accelerator, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_on(accelerator, item) for item in value]
        if hasattr(value, "_fields"):
            return type(value)(*items)
        return items if isinstance(value, list) else tuple(items)
    return value
