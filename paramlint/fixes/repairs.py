"""Which repair each rule has, and attaching it to the findings of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from paramlint.fixes import (
    buffers,
    construction,
    containers,
    device_caches,
    devices,
    graph,
    hoisting,
    initialisation,
    parameters,
    registration,
    ties,
    writes,
)
from paramlint.fixes.edits import Text
from paramlint.fixes.site import Site
from paramlint.fixes.style import buffer_style
from paramlint.model.diagnostic import Diagnostic, Fix
from paramlint.project.definitions import SourceModule
from paramlint.project.project import Project

Repair = Callable[[Site], Fix | None]


def hard_coded_device(site: Site) -> Fix | None:
    """PRM501: what the constructor pins is built without a device, and what forward pins is no copy any more."""
    return devices.hard_coded_device(site) or device_caches.cached_copy(site)


REPAIRS: Mapping[str, Repair] = MappingProxyType(
    {
        "PRM101": buffers.unregistered_tensor,
        "PRM102": parameters.unregistered_weight,
        "PRM103": parameters.detached_parameter,
        "PRM104": containers.parameter_in_container,
        "PRM105": containers.module_in_container,
        "PRM106": buffers.parameter_as_buffer,
        "PRM107": parameters.tensor_over_parameter,
        "PRM108": hoisting.parameter_created_in_forward,
        "PRM109": hoisting.module_created_in_forward,
        "PRM110": devices.tensor_in_container,
        "PRM112": buffers.stale_alias,
        "PRM113": registration.shadowed_registration,
        "PRM114": ties.broken_tie,
        "PRM201": buffers.parameter_to_buffer,
        "PRM202": buffers.parameter_to_buffer,
        "PRM203": buffers.parameter_to_buffer,
        "PRM206": registration.parameter_of_no_tensor,
        "PRM301": initialisation.uninitialised_parameter,
        "PRM303": initialisation.init_never_called,
        "PRM304": initialisation.init_too_early,
        "PRM305": initialisation.init_misses_layer,
        "PRM306": writes.init_on_none,
        "PRM308": writes.init_wrong_target,
        "PRM309": writes.init_without_effect,
        "PRM401": construction.missing_super_init,
        "PRM402": construction.assignment_before_super_init,
        "PRM403": registration.repeated_base_init,
        "PRM501": hard_coded_device,
        "PRM502": devices.default_device_in_forward,
        "PRM504": registration.buffer_persistence,
        "PRM505": graph.graph_tensor_attribute,
        "PRM506": writes.lost_on_materialise,
    }
)
"""The repairs by the code of their rule: pure functions of a finding's place; None where there is no clear repair."""


def with_fixes(
    project: Project, module: SourceModule, text: str, style: str, diagnostics: Iterable[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yield the diagnostics of a file, lowered from libcst, each with its fix where there is one.

    ``text`` is the file's; ``style`` is one of BUFFER_STYLES.
    """
    written = Text(text)
    chosen = None
    for diagnostic in diagnostics:
        repair = REPAIRS.get(diagnostic.code)
        if repair is None:
            yield diagnostic
            continue
        if chosen is None:
            chosen = buffer_style(project, module, style)
        yield diagnostic._replace(fix=repair(Site(project, module, written, chosen, diagnostic)))
