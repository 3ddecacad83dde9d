"""The rules: pure functions over what the interpreter learnt of a class, each beside its documentation."""

from __future__ import annotations

from paramlint.rules import (
    assignment_before_super_init,
    default_device_in_forward,
    detached_parameter,
    graph_tensor_attribute,
    hard_coded_device,
    init_never_called,
    init_on_none,
    init_too_early,
    init_without_effect,
    init_wrong_target,
    integer_parameter,
    missing_super_init,
    module_created_in_forward,
    module_in_container,
    parameter_as_buffer,
    parameter_created_in_forward,
    parameter_in_container,
    repeated_base_init,
    shadowed_registration,
    stale_alias,
    tensor_in_container,
    tensor_over_parameter,
    undefined_init_method,
    uninitialised_parameter,
    unread_parameter,
    unregistered_tensor,
    unregistered_weight,
)
from paramlint.rules.base import Rule
from paramlint.rules.run import check_module

ALL_RULES: tuple[Rule, ...] = (
    unregistered_tensor.RULE,
    unregistered_weight.RULE,
    detached_parameter.RULE,
    parameter_in_container.RULE,
    module_in_container.RULE,
    parameter_as_buffer.RULE,
    tensor_over_parameter.RULE,
    parameter_created_in_forward.RULE,
    module_created_in_forward.RULE,
    tensor_in_container.RULE,
    stale_alias.RULE,
    shadowed_registration.RULE,
    integer_parameter.RULE,
    unread_parameter.RULE,
    uninitialised_parameter.RULE,
    init_never_called.RULE,
    init_too_early.RULE,
    init_on_none.RULE,
    init_wrong_target.RULE,
    init_without_effect.RULE,
    missing_super_init.RULE,
    assignment_before_super_init.RULE,
    repeated_base_init.RULE,
    undefined_init_method.RULE,
    hard_coded_device.RULE,
    default_device_in_forward.RULE,
    graph_tensor_attribute.RULE,
)

__all__ = ["ALL_RULES", "Rule", "check_module"]
