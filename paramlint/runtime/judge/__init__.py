"""The judge: a pure function from a finding and what was observed to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import NamedTuple

from paramlint.model.diagnostic import Diagnostic, Proof, Verdict
from paramlint.model.observation import Observation
from paramlint.runtime.judge import (
    construction,
    initialisation,
    materialising,
    parameters,
    placement,
    registration,
    seen,
)
from paramlint.runtime.judge.outcome import Outcome, unconfirmed


class Judgement(NamedTuple):
    """How one rule's findings are decided.

    ``stages`` are those of the worker's that show what ``decide`` reads, beyond what each built instance shows.
    ``is_about_construction``: a constructor that raises can confirm the finding, so that no instance is needed.
    ``needs``: what an older torch does not show (``Observation.lacks``) and without which nothing is decided.
    """

    decide: Callable[[Diagnostic, Observation], Outcome]
    stages: tuple[str, ...] = ()
    is_about_construction: bool = False
    needs: str | None = None


# Stages of ``paramlint.runtime.worker.inspection``.
_CALLED = ("forward",)
_LEARNED = (*_CALLED, "gradients")
_MOVED = (*_CALLED, "reload", "placement", "evaluated")

JUDGEMENTS = MappingProxyType(
    {
        "PRM101": Judgement(placement.unregistered_tensor, _MOVED),
        "PRM102": Judgement(registration.unregistered_weight, _CALLED),
        "PRM103": Judgement(registration.detached_parameter, _CALLED, is_about_construction=True),
        "PRM104": Judgement(registration.parameter_in_container),
        "PRM105": Judgement(registration.module_in_container),
        "PRM106": Judgement(registration.parameter_as_buffer),
        "PRM107": Judgement(registration.tensor_over_parameter, _CALLED, is_about_construction=True),
        "PRM108": Judgement(registration.parameter_created_in_forward, _CALLED),
        "PRM109": Judgement(registration.module_created_in_forward, _CALLED),
        "PRM110": Judgement(placement.tensor_in_container, _MOVED),
        "PRM111": Judgement(registration.state_in_helper_object, _MOVED),
        "PRM112": Judgement(placement.stale_alias, _MOVED),
        "PRM113": Judgement(registration.shadowed_registration, _CALLED, is_about_construction=True),
        "PRM114": Judgement(registration.broken_tie, ("materialise",)),
        "PRM201": Judgement(parameters.constant_parameter, _LEARNED),
        "PRM202": Judgement(parameters.frozen_parameter),
        "PRM203": Judgement(parameters.integer_parameter, _CALLED, is_about_construction=True),
        "PRM204": Judgement(parameters.gradient_cut, _LEARNED),
        "PRM205": Judgement(parameters.unread_parameter, _LEARNED, needs="in-place writes"),
        "PRM206": Judgement(parameters.parameter_of_no_tensor, _CALLED, is_about_construction=True),
        "PRM301": Judgement(initialisation.uninitialised_parameter, _CALLED, needs="unwritten memory"),
        "PRM302": Judgement(initialisation.uninitialised_buffer, _CALLED, needs="unwritten memory"),
        "PRM303": Judgement(initialisation.init_never_called, needs="in-place writes"),
        "PRM304": Judgement(
            initialisation.init_too_early, _CALLED, is_about_construction=True, needs="in-place writes"
        ),
        "PRM305": Judgement(initialisation.init_misses_layer, needs="in-place writes"),
        "PRM306": Judgement(initialisation.init_on_none, _CALLED, is_about_construction=True),
        "PRM307": Judgement(initialisation.init_overwritten, needs="in-place writes"),
        "PRM308": Judgement(
            initialisation.init_wrong_target, _CALLED, is_about_construction=True, needs="in-place writes"
        ),
        "PRM309": Judgement(initialisation.init_without_effect, needs="in-place writes"),
        "PRM310": Judgement(initialisation.dead_initialisation, (*_LEARNED, "first gradients")),
        "PRM401": Judgement(construction.missing_super_init, _CALLED, is_about_construction=True),
        "PRM402": Judgement(construction.assignment_before_super_init, _CALLED, is_about_construction=True),
        "PRM403": Judgement(construction.repeated_base_init, _CALLED, is_about_construction=True),
        "PRM404": Judgement(construction.undefined_init_method, _CALLED, is_about_construction=True),
        "PRM405": Judgement(construction.unassigned_attribute, _CALLED),
        "PRM501": Judgement(placement.hard_coded_device, _CALLED, is_about_construction=True),
        "PRM502": Judgement(placement.default_device_in_forward, (*_CALLED, "placement")),
        "PRM503": Judgement(placement.to_override, ("placement",)),
        "PRM504": Judgement(materialising.buffer_persistence, (*_CALLED, "loading")),
        "PRM505": Judgement(registration.graph_tensor_attribute, (*_CALLED, "copying")),
        "PRM506": Judgement(materialising.lost_on_materialise, ("materialise",)),
    }
)


def stages(codes: Iterable[str]) -> frozenset[str]:
    """The stages of observation that decide findings of these codes."""
    return frozenset(stage for code in codes if code in JUDGEMENTS for stage in JUDGEMENTS[code].stages)


def judge(diagnostic: Diagnostic, observation: Observation | None) -> Proof:
    """Decide one finding by what was observed of its class (or of a subclass of it).

    *confirmed* carries evidence about the same class and attribute; *refuted* needs an instance that was built under
    the finding's own circumstances and shows the opposite; all else is *unconfirmed* with its reason. ``observation``
    is None where no instance could be asked for.
    """
    if observation is None:
        return _proof(unconfirmed("no instance of a class could be made for this finding"), None)
    outcome = _decide(diagnostic, observation)
    if outcome.verdict is Verdict.REFUTED and not _is_under_circumstances(diagnostic, observation):
        outcome = unconfirmed(f"the instance was not built with {_circumstances(diagnostic)}", outcome.text)
    return _proof(outcome, observation.recipe)


def _decide(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    judgement = JUDGEMENTS.get(diagnostic.code)
    if judgement is None:
        return unconfirmed("no observation decides this rule")
    if judgement.needs is not None and judgement.needs in observation.lacks:
        return unconfirmed(f"this version of torch does not show {judgement.needs}")
    if observation.status != "built" and not judgement.is_about_construction:
        return unconfirmed(seen.not_built(observation))
    return judgement.decide(diagnostic, observation)


def _is_under_circumstances(diagnostic: Diagnostic, observation: Observation) -> bool:
    """Whether the instance was built with the arguments that the finding speaks of."""
    built_with = dict(observation.circumstances)
    return all(
        name in built_with and type(built_with[name]) is type(value) and built_with[name] == value
        for name, value in diagnostic.circumstances
    )


def _circumstances(diagnostic: Diagnostic) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in diagnostic.circumstances)


def _proof(outcome: Outcome, recipe: str | None) -> Proof:
    if outcome.verdict is Verdict.UNCONFIRMED:
        return Proof(outcome.verdict, outcome.evidence, outcome.text, recipe)
    return Proof(outcome.verdict, outcome.text, None, recipe)
