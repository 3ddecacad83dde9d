"""What torch itself says of every fixture: the markers are true, whoever finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paramlint.rules import ALL_RULES
from tests.markers import Expectation, fixture_files, read_markers
from tests.torch_facts import (
    FACTS,
    Subject,
    build,
    call,
    import_fixture,
    module_classes,
    poisoned_memory,
    unwritten,
)

FILES = fixture_files("article", "rules")
CODES_OF_FOLDERS = {rule.slug.replace("-", "_"): rule.code for rule in ALL_RULES}
GOOD = [path for path in FILES if path.name.startswith("good")]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_good_classes_build_run_and_are_written(path: Path) -> None:
    """A silent fixture is right by torch too: it builds, it runs, and no memory is left unwritten."""
    assert CODES_OF_FOLDERS.get(path.parent.name) not in {item.code for item in read_markers(path.read_text())}
    for kind in module_classes(import_fixture(path)):
        if "abstract" in kind.__name__.lower() or kind.__name__ in BUILT_BY_OTHERS:
            continue
        if kind.__name__ in REFUSED_BY_TORCH:
            with pytest.raises((TypeError, AttributeError)):
                call(build(kind))
            continue
        with poisoned_memory():
            module = build(kind)
        assert call(module) is None, kind.__name__
        assert not unwritten(module), kind.__name__


# Bases that only their subclasses build, parts that their owner fills or hands its parameter to, losses that want labels,
# what is completed by a subclass or a checkpoint, or asks for a GPU by what it is given.
BUILT_BY_OTHERS = frozenset(
    {
        "BaseThatFills",
        "OfNumbers",
        "Hook",
        "StandsIn",
        "Holder",
        "FilledBias",
        "HeldNorm",
        "ConfiguredNorm",
        "DemandedScale",
        "Centres",
        "ConfiguredNeck",
        "GivenNorm",
        "NamedNorm",
        "Level",
        "Metric",
        "Packed",
        "Gain",
        "Move",
        "Part",
        "LikeRow",
        "MatrixLeft",
        "FoundScale",
        "FilledByCallable",
        "AllZeros",
        "SizedByShape",
        "SizedRow",
        "ShapedRow",
        "FilledByFunction",
        "FilledInLoop",
        "PreparedByArgument",
        "NeedsAKind",
        "Template",
        "Scale",
        "Shift",
        "Unit",
        "Initialised",
        "ReadByBase",
        "Weighted",
        "AllPartsDelegated",
        "Asked",
        "ToOverride",
        "WeightedLoss",
        "BuildsLossOnce",
        "OnWhatIsGiven",
        "Completed",
        "LoadsPublished",
        "Published",
        "Templated",
        "Interface",
        "LayerOfUnknown",
        "Prototypes",
        "TakesAClass",
        "Wrapper",
    }
)


# What raises for a reason that no rule is about.
REFUSED_BY_TORCH = frozenset({"NoDeviceGiven", "StarOfDict", "CannotBeBuilt", "RelativePositions"})


def _marked() -> Iterator[tuple[Path, Expectation]]:
    for path in FILES:
        seen: set[Expectation] = set()
        for item in read_markers(path.read_text()):
            if not item.is_known_miss and item not in seen:
                seen.add(item)
                yield path, item


@pytest.mark.parametrize(
    ("path", "item"),
    list(_marked()),
    ids=lambda value: f"{value.parent.name}/{value.stem}" if isinstance(value, Path) else f"{value.code}-{value.line}",
)
def test_marked_fault_is_real(path: Path, item: Expectation) -> None:
    """Torch agrees with each marker."""
    module = import_fixture(path)
    subject = Subject(path, item.line)
    if "make_module" in subject.source_line or subject.names[:1] == ["Local"]:
        kinds = [type(module.make_module())]
    else:
        kinds = subject.kinds(module)
    assert kinds
    for kind in kinds:
        FACTS[item.code](kind, subject)


def test_every_rule_has_a_witness() -> None:
    assert {rule.code for rule in ALL_RULES} <= FACTS.keys()
