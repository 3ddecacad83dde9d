"""Whether a model after a fix is what it was before it, but for what the fix is about: pure functions of two runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import (
    AGAIN,
    NO_ARGUMENTS,
    PRETENDED,
    WITHOUT_MEMORY,
    ClassRequest,
    Observation,
    Recipe,
    StateDigest,
    Touched,
)

_NAME = re.compile(r"\w+")


class Allowed(NamedTuple):
    """What several fixes together may change: the effect of each, of the attributes of its own class alone."""

    touched: tuple[Touched, ...] = ()
    values: bool = False
    outputs: bool = False
    reveals: bool = False
    draws: bool = False


def allowed(fixed: Iterable[Diagnostic]) -> Allowed:
    """What the fixes of some findings may change."""
    pairs = [(item, item.fix.effect) for item in fixed if item.fix is not None]
    effects = [effect for _, effect in pairs]
    return Allowed(
        tuple(
            dict.fromkeys(
                Touched(item.path, item.class_name, name)
                for item, effect in pairs
                for name in effect.names
                if item.class_name is not None
            )
        ),
        any(effect.values for effect in effects),
        any(effect.outputs for effect in effects),
        any(effect.reveals for effect in effects),
        any(effect.draws for effect in effects),
    )


def again(request: ClassRequest, earlier: Observation | None) -> ClassRequest:
    """The request, to be built and called first in the way that an earlier observation found by guessing."""
    if earlier is None or earlier.status != "built":
        return request

    def recipe(text: str) -> Recipe:
        return Recipe(AGAIN, request.module, request.path, text)

    if earlier.recipe_kind == "guessed" and earlier.recipe is not None:
        request = request._replace(recipes=(recipe(_way(earlier)), *request.recipes))
    called = earlier.forward.recipe if earlier.forward is not None else None
    if called is not None and all(called != item.expression for item in request.input_recipes):
        text = "" if called == NO_ARGUMENTS else called
        request = request._replace(input_recipes=(recipe(text), *request.input_recipes))
    return request


def difference(before: Observation | None, after: Observation | None, allowed: Allowed) -> str | None:
    """What keeps the fix from being proved, in one line; None where it is.

    The class must be built after the fix. Where it was built before, every parameter and buffer that ``allowed`` does
    not name must be the same in registration, shape, type and value, none may be new, and forward must return the same
    where it ran (as far as ``allowed`` says that values and outputs stay). What those it does name held must be held
    under the same names. Where weights have other values, forward must return the same for equal ones.
    """
    if after is None or after.status != "built":
        reason = after.reason if after is not None else None
        return f"the model is not built after it: {reason or 'no answer'}"
    if after.state is None:
        return f"the state of the model could not be read after it{_told(after)}"
    if before is None or before.status != "built":
        return None
    if _way(before) != _way(after):
        return f"the model is built in another way after it: {after.recipe}"
    if before.state is None and allowed.reveals:
        return None  # without its tables, which the fix gives it, a Module has no state to compare
    if before.state is None:
        return f"the state of the model could not be read before it{_told(before)}"
    if allowed.draws and _reaches(before, after, allowed):
        allowed = allowed._replace(values=True)  # and what it draws for them, it does not draw for the others
    return (
        _state(before.state, after.state, allowed) or _held(before, after, allowed) or _forward(before, after, allowed)
    )


def difference_beside(before: Observation | None, after: Observation | None, allowed: Allowed) -> str | None:
    """What differs in a class that derives from the one that was fixed or holds it; None where nothing does.

    What could not be built before has nothing to keep. Where the fix draws random numbers, what is built after it gets
    others.
    """
    if before is None or before.status != "built":
        return None
    found = difference(before, after, allowed._replace(values=allowed.values or allowed.draws))
    return None if found is None else f"{before.class_name}: {found}"


def raised_in_written(
    before: Observation | None, after: Observation, path: str, old_text: str, new_text: str
) -> str | None:
    """The line of a file at which forward fails after fixes, where it did not run before and they wrote that line."""
    ran = [seen is not None and seen.forward is not None and seen.forward.status == "ran" for seen in (before, after)]
    failure = after.forward.failure if after.forward is not None else None
    if any(ran) or failure is None or not failure.frames or failure.frames[-1].path != path:
        return None
    lines = new_text.splitlines()
    number = failure.frames[-1].line
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return line if line.strip() and line not in old_text.splitlines() else None


def has_new_values(before: Observation | None, after: Observation) -> bool:
    """Whether a parameter or buffer of the same name has other values than before, under the same seed.

    What could not be built before had none.
    """
    if before is not None and before.status != "built":
        return after.status == "built"
    if before is None or before.state is None or after.state is None:
        return False
    old = {item.name: item.digest for item in before.state}
    return any(item.name in old and item.digest != old[item.name] for item in after.state)


def _told(observation: Observation) -> str:
    """The worker's own word on why something was not seen."""
    if (observation.recipe or "").endswith(WITHOUT_MEMORY):
        return f": it was built {WITHOUT_MEMORY.strip(' ()')}"
    notes = [note for note in observation.notes if "digests" in note] or observation.notes
    return f": {notes[-1]}" if notes else ""


def _way(observation: Observation) -> str:
    """The recipe, whether or not moves were pretended: nothing has moved then either."""
    return (observation.recipe or "").removesuffix(PRETENDED)


def _state(before: Sequence[StateDigest], after: Sequence[StateDigest], allowed: Allowed) -> str | None:
    old = {item.name: item for item in before if not _is_meant(item, allowed)}
    new = {item.name: item for item in after if not _is_meant(item, allowed)}
    for name, item in old.items():
        other = new.get(name)
        if other is None:
            return f"the {item.registration} '{name}' is gone after it"
        if (item.registration, item.shape, item.dtype) != (other.registration, other.shape, other.dtype):
            return f"'{name}' is another {other.registration} after it: {other.dtype} of shape {list(other.shape)}"
        if not allowed.values and item.digest != other.digest:
            return f"'{name}' has other values after it, under the same seed"
    added = next((name for name in new if name not in old), None)
    return None if added is None else f"the {new[added].registration} '{added}' is new after it"


def _forward(before: Observation, after: Observation, allowed: Allowed) -> str | None:
    ran = before.forward is not None and before.forward.status == "ran"
    if not ran:
        return None
    if after.forward is None or after.forward.status != "ran":
        failure = None if after.forward is None else after.forward.failure
        return "forward does not run after it" + (f": {failure.type}: {failure.message}" if failure else "")
    assert before.forward is not None
    if before.forward.recipe != after.forward.recipe:
        return "forward is called in another way after it"
    if before.form != after.form:
        return f"forward returns another structure after it: {after.form}, not {before.form}"
    if before.output is None or before.output == after.output or allowed.outputs:
        return None
    if not allowed.values and not _reaches(before, after, allowed):
        return "forward returns something else after it"
    if before.levelled is None or after.levelled is None:
        return "forward returns something else after it, and whether by other values of its weights alone is not known"
    return (
        None if before.levelled == after.levelled else "forward computes something else after it, for equal weights too"
    )


def _held(before: Observation, after: Observation, allowed: Allowed) -> str | None:
    """What attributes that the fix is about held before it and do not hold after it, in the same shape and type."""
    old, new = (_below(item, allowed) for item in (before, after))
    for name, item in old.items():
        other = new.get(name)
        if other is None:
            return f"'{item.name}' is gone after it"
        if (item.shape, item.dtype) != (other.shape, other.dtype):
            return f"'{item.name}' is another tensor after it: {other.dtype} of shape {list(other.shape)}"
    return None


def _reaches(before: Observation, after: Observation, allowed: Allowed) -> bool:
    """Whether what is registered now holds other values than before: an initialisation that walks over it reaches it.

    Then forward has to return something else.
    """
    old, new = (_below(item, allowed) for item in (before, after))
    return any(name in old and item.digest != old[name].digest for name, item in new.items())


def _below(observation: Observation, allowed: Allowed) -> dict[tuple[str, ...], StateDigest]:
    """The tensors that the fix is about by the steps to them, which registering them does not change."""
    entries = (*observation.hidden, *(observation.state or ()))
    return {tuple(_NAME.findall(item.name)): item for item in entries if _is_meant(item, allowed)}


def _is_meant(item: StateDigest, allowed: Allowed) -> bool:
    """Whether a tensor is, or lies below, an attribute that the fix is about."""
    return any(touched in allowed.touched for touched in item.touched)
