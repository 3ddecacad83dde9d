"""Judgements on constructors: base constructors that did not run, ran twice, and names that do not exist."""

from __future__ import annotations

import re

from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Failure, Observation
from paramlint.runtime.judge import seen
from paramlint.runtime.judge.outcome import Outcome, confirmed, refuted, unconfirmed

# torch/nn/modules/module.py: __setattr__, register_buffer, register_parameter; and the tables that a Module without
# its constructor lacks, as __getattr__ and friends report them.
_BEFORE_INIT = re.compile(r"before Module\.__init__\(\) call")
_NO_TABLES = re.compile(
    r"has no attribute '(_parameters|_buffers|_modules|_non_persistent_buffers_set|training|"
    r"_(forward|backward|state_dict|load_state_dict)\w*hooks\w*|_is_full_backward_hook)'"
)


def missing_super_init(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM401: torch complains of an instance whose tables were never made."""
    for where, failure in seen.failures(observation):
        if _BEFORE_INIT.search(failure.message) and _is_in_file(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
        if _NO_TABLES.search(failure.message):
            return confirmed(f"{where} {seen.raised(failure)}")
    for assignment in observation.assignments:
        if assignment.raised is not None and _BEFORE_INIT.search(assignment.raised):
            return confirmed(f'construction raised "{assignment.raised}"{seen.at(assignment.place)}')
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    if observation.move_failure is not None or observation.state_failure is not None:
        return unconfirmed("the model could not be moved or its state taken, for another reason")
    return refuted("the instance has its tables: its state_dict() was taken without an error")


def assignment_before_super_init(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM402: torch refused the assignment."""
    for assignment in observation.assignments:
        if (
            assignment.raised is not None
            and _BEFORE_INIT.search(assignment.raised)
            and seen.on_any_line(diagnostic, assignment.place)
        ):
            return confirmed(f'construction raised "{assignment.raised}"{seen.at(assignment.place)}')
    for where, failure in seen.failures(observation):
        is_early = _BEFORE_INIT.search(failure.message) or _NO_TABLES.search(failure.message)
        if is_early and seen.passes_finding(diagnostic, failure):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    if seen.was_bound_on_finding(diagnostic, observation):
        return refuted(f"'{diagnostic.attribute}' was bound at line {diagnostic.span.line} without an error")
    return unconfirmed("the assignment was not reached in this build")


def repeated_base_init(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM403: what was registered before the second base constructor is gone from the instance."""
    held = {tensor.path for tensor in observation.tensors} | {module.path for module in observation.modules}
    wanted = seen.names(diagnostic)
    bound = {
        assignment.attribute
        for assignment in observation.assignments
        if assignment.owner == "" and assignment.raised is None and assignment.when == "construction"
    }
    # What could not be built holds nothing, or what was seen of it before it failed: neither decides.
    for attribute in wanted if observation.status == "built" else ():
        if attribute in bound and not any(seen.is_under(path, attribute) for path in held):
            return confirmed(f"'{attribute}' was bound during construction, and the built instance holds nothing there")
        if any(seen.is_under(path, attribute) for path in held):
            return refuted(f"the built instance holds '{attribute}'")
    for where, failure in seen.failures(observation):
        missing = seen.missing_attribute(failure)
        if missing is not None and missing in bound:
            return confirmed(f"'{missing}' was bound during construction; {where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    for assignment in observation.assignments:
        path = assignment.attribute
        is_registration = assignment.how in ("register_parameter", "register_buffer", "add_module")
        if assignment.owner == "" and is_registration and not any(seen.is_under(each, path) for each in held):
            return confirmed(f"'{path}' was registered{seen.at(assignment.place)}, and the built instance has lost it")
    return unconfirmed("nothing that was registered was seen to be lost in this build")


def undefined_init_method(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM404: the call raised AttributeError over the method's name."""
    for where, failure in seen.failures(observation):
        if seen.missing_attribute(failure) == diagnostic.attribute and diagnostic.attribute is not None:
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    if seen.writes_on_finding(diagnostic, observation):
        return refuted(f"the call at line {diagnostic.span.line} ran and wrote parameters")
    return unconfirmed("construction did not raise; the call may not have been reached")


def unassigned_attribute(diagnostic: Diagnostic, observation: Observation) -> Outcome:
    """PRM405: forward raised AttributeError over the name."""
    for where, failure in seen.failures(observation):
        if seen.missing_attribute(failure) in seen.names(diagnostic):
            return confirmed(f"{where} {seen.raised(failure)}")
    if observation.status != "built":
        return unconfirmed(seen.not_built(observation))
    if seen.assignments_of(diagnostic, observation):
        return refuted(f"'{diagnostic.attribute}' was bound in this build")
    return unconfirmed(seen.forward_gap(observation) or "forward ran without asking for the name")


def _is_in_file(diagnostic: Diagnostic, failure: Failure) -> bool:
    """Whether the traceback goes through the finding's file; one without frames tells nothing against it."""
    return not failure.frames or any(seen.same_file(frame.path, diagnostic.path) for frame in failure.frames)
