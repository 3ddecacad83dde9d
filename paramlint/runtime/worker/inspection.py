"""One class from request to observation, in stages: what is known is handed out before the next risk is taken."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator

import torch

from paramlint.model.observation import PRETENDED, WITHOUT_MEMORY, ClassRequest, Observation, TensorObservation
from paramlint.runtime.worker import (
    accelerator,
    build,
    device,
    digest,
    evaluated,
    forward,
    materialise,
    preparation,
    probes,
    snapshot,
    stack,
)
from paramlint.runtime.worker.inputs import Input
from paramlint.runtime.worker.options import Options
from paramlint.runtime.worker.snapshot import Subject
from paramlint.runtime.worker.timing import Clock, TimeLimit

# What is shown of each instance whose request names stages, beside these.
_ALWAYS = frozenset(probe.__name__ for probe in probes.ALL)
# The stages that say something true of an instance whose tensors have no memory.
_NEEDS_NO_MEMORY = frozenset({"forward", "placement"})


def inspect_class(request: ClassRequest, options: Options) -> Iterator[tuple[Observation, bool]]:
    """Yield observations that know more and more; the flag is True with the last."""
    clock = Clock(options.timeout)
    wanted = options.stages if request.stages is None else _ALWAYS.union(request.stages)
    preparation.fill_uninitialized()
    blank = Observation(
        request.key,
        request.path,
        request.qualified_name,
        "",
        circumstances=request.circumstances,
        lacks=preparation.lacks(),
    )
    way = build.build(request, clock)
    if isinstance(way, build.NotBuilt) and way.status in ("out of memory", "timed out"):
        way = _without_memory(request, way, clock)
    if isinstance(way, build.NotBuilt):
        yield (
            blank._replace(
                status=way.status,
                reason=way.reason,
                constructor_failure=way.failure,
                is_failure_certain=way.is_certain,
                attempts=way.attempts,
                seconds=clock.elapsed,
            ),
            True,
        )
        return
    known = blank._replace(
        status="built",
        recipe=way.text + _manner(way),
        recipe_kind=way.kind,
        within=way.within,
        constructor_failure=build.failure_of(way.trusted_error),
        is_failure_certain=way.trusted_error is not None,
        attempts=way.attempts[:12],
        build_seconds=clock.elapsed,
    )
    if wanted == ():
        yield known._replace(seconds=clock.elapsed), True
        return
    try:
        subject = snapshot.take(way, clock, 0)
    except TimeLimit:
        yield known._replace(notes=("the second build took too long to be observed",), seconds=clock.elapsed), True
        return
    except BaseException as error:  # a class that is built once and not twice
        note = f"built once, but not again: {stack.type_name(error)}: {stack.first_line(stack.message(error))}"
        yield known._replace(notes=(note,), seconds=clock.elapsed), True
        return
    known = snapshot.describe(known, subject)
    if way.is_meta:
        known = probes.update(known, lambda tensor: tensor._replace(device="cpu"))
    if "unwritten memory" in known.lacks:
        known = probes.update(known, lambda tensor: tensor._replace(uninitialised=None))
    yield known._replace(seconds=clock.elapsed), False
    chosen: Input | None = None
    furthest: Input | None = None

    def passes(known: Observation) -> Observation:
        nonlocal chosen, furthest
        known, found = forward.forward_passes(known, subject, way, request, clock)
        chosen, furthest = (found, None) if isinstance(found, Input) else (None, found.furthest)
        return known

    compared: list[tuple[str, Callable[[Observation], Observation]]] = [
        ("digests", lambda known: digest.digests(known, way, clock, chosen, request.touched)),
        ("levelled", lambda known: digest.levelled(known, way, clock, chosen, request.touched) if chosen else known),
    ]
    stages: list[tuple[str, Callable[[Observation], Observation]]] = [
        *((probe.__name__, functools.partial(_apply, probe, subject, way, clock)) for probe in probes.ALL),
        ("forward", passes),
        # Before what may take long: a comparison that there is no time for proves nothing.
        *(compared if options.digests else ()),
        ("copying", lambda known: probes.copying(known, subject, clock)),
        ("loading", lambda known: forward.loading(known, subject, way, clock)),
        ("gradients", lambda known: forward.gradients(known, way, clock, chosen) if chosen else known),
        ("first gradients", lambda known: forward.dead_starts(known, way, clock, chosen) if chosen else known),
        ("reload", lambda known: forward.outputs(known, way, clock, chosen) if chosen else known),
        ("materialise", lambda known: materialise.materialised(known, way, clock)),
        ("placement", lambda known: device.placement(known, way, clock, chosen, furthest, options.device)),
    ]
    stages.append(("evaluated", lambda known: evaluated.evaluated(known, way, clock, chosen, options.device)))
    stages = [
        (name, stage)
        for name, stage in stages
        if (wanted is None or name in wanted) and (name in _NEEDS_NO_MEMORY or not way.is_meta)
    ]
    for number, (name, stage) in enumerate(stages, start=1):
        before = known
        try:
            known = stage(known)
        except (
            BaseException
        ) as error:  # a probe that user code upsets, by whatever it raises, costs its own answer only
            told = f"out of time in {name}" if isinstance(error, TimeLimit) else f"{name}: {_traced(error)}"
            known = known._replace(notes=(*known.notes, told))
            if name == probes.true_uninitialised.__name__:
                # Without it, values that are NaN on purpose look like memory that nothing wrote.
                known = probes.update(known, _untold)
        if known is not before and number < len(stages):
            yield known._replace(seconds=clock.elapsed), False
    yield known._replace(seconds=clock.elapsed), True


def _without_memory(request: ClassRequest, failed: build.NotBuilt, clock: Clock) -> build.Built | build.NotBuilt:
    """Try again on the meta device, in the time that is left."""
    if not hasattr(torch.device, "__enter__") or isinstance(accelerator.simulated(), str):
        return failed
    way = build.build_without_memory(request, Clock(clock.left))
    return failed if isinstance(way, build.NotBuilt) else way._replace(attempts=(*failed.attempts, *way.attempts))


def _manner(way: build.Built) -> str:
    if way.is_meta:
        return WITHOUT_MEMORY
    return PRETENDED if way.needs_pretence else ""


def _untold(tensor: TensorObservation) -> TensorObservation:
    return tensor._replace(uninitialised=None) if tensor.uninitialised else tensor


def _apply(probe: probes.Probe, subject: Subject, way: build.Built, clock: Clock, known: Observation) -> Observation:
    return probe(known, subject, way, clock)


def _traced(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{stack.type_name(error)}: {stack.first_line(stack.message(error))} ({last.name}, line {last.lineno})"


def own_fault(request: ClassRequest, error: BaseException) -> Observation:
    """The observation for a class on which the worker itself failed."""
    return Observation(
        request.key,
        request.path,
        request.qualified_name,
        "not run",
        f"the worker failed: {_traced(error)}",
        circumstances=request.circumstances,
        notes=tuple(traceback.format_exception(type(error), error, error.__traceback__)[-6:]),
    )
