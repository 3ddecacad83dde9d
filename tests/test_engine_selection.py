"""Selectors: which of two that speak of a rule decides."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from paramlint.engine.selection import SelectionLayer, UnknownSelector, codes_for, selected_codes


class FakeRule(NamedTuple):
    code: str
    slug: str
    enabled_by_default: bool
    shown_if_proved: bool = False


RULES = (
    FakeRule("PRM101", "unregistered-tensor", True),
    FakeRule("PRM102", "unregistered-weight", False),
    FakeRule("PRM110", "tensor-in-container", False, shown_if_proved=True),
    FakeRule("PRM301", "uninitialised-parameter", True),
)
DEFAULT = {"PRM101", "PRM301"}
EVERY = {rule.code for rule in RULES}


@pytest.mark.parametrize(
    ("selector", "codes"),
    [
        pytest.param("ALL", EVERY, id="ALL"),
        pytest.param("PRM", EVERY, id="family of families"),
        pytest.param("PRM1", {"PRM101", "PRM102", "PRM110"}, id="family"),
        pytest.param("PRM10", {"PRM101", "PRM102"}, id="longer prefix"),
        pytest.param("PRM301", {"PRM301"}, id="code"),
        pytest.param("tensor-in-container", {"PRM110"}, id="name"),
    ],
)
def test_what_a_selector_means(selector: str, codes: set[str]) -> None:
    assert codes_for(selector, RULES) == codes


@pytest.mark.parametrize("selector", ["PRM9", "prm101", "tensor", "", "E501", "PRM1011"])
def test_unknown_selectors_are_refused(selector: str) -> None:
    with pytest.raises(UnknownSelector):
        codes_for(selector, RULES)


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSelector, match="did you mean unregistered-tensor"):
        codes_for("unregisterd-tensor", RULES)
    with pytest.raises(UnknownSelector, match="did you mean PRM101"):
        codes_for("prm101", RULES)


@pytest.mark.parametrize(
    ("layers", "codes"),
    [
        pytest.param([], DEFAULT, id="nothing said"),
        pytest.param([SelectionLayer()], DEFAULT, id="an empty layer says nothing"),
        pytest.param([SelectionLayer(select=("PRM110",))], {"PRM110"}, id="select replaces the defaults"),
        pytest.param([SelectionLayer(select=())], set(), id="select of nothing"),
        pytest.param([SelectionLayer(extend_select=("PRM110",))], {*DEFAULT, "PRM110"}, id="extend-select adds"),
        pytest.param([SelectionLayer(ignore=("PRM1",))], {"PRM301"}, id="ignore a family"),
        pytest.param(
            [SelectionLayer(select=("ALL",), ignore=("PRM1",), extend_select=("PRM102",))],
            {"PRM102", "PRM301"},
            id="the more specific decides",
        ),
        pytest.param([SelectionLayer(select=("PRM101",), ignore=("PRM101",))], set(), id="ignore wins a tie"),
        pytest.param([SelectionLayer(select=("PRM101",), ignore=("ALL",))], {"PRM101"}, id="ALL is the least specific"),
        pytest.param(
            [SelectionLayer(select=("tensor-in-container",), ignore=("PRM1",))],
            {"PRM110"},
            id="a name is as specific as a code",
        ),
        pytest.param(
            [SelectionLayer(select=("ALL",)), SelectionLayer(select=("PRM301",))],
            {"PRM301"},
            id="the command line's select replaces the configuration's",
        ),
        pytest.param(
            [SelectionLayer(extend_select=("PRM110",)), SelectionLayer(select=("PRM301",))],
            {"PRM301"},
            id="and its extend-select",
        ),
        pytest.param(
            [SelectionLayer(ignore=("PRM301",)), SelectionLayer(select=("PRM3", "PRM101"))],
            {"PRM101"},
            id="but a configured ignore holds",
        ),
        pytest.param(
            [SelectionLayer(ignore=("PRM301",)), SelectionLayer(select=("PRM301",))],
            {"PRM301"},
            id="unless the command line names the rule",
        ),
        pytest.param(
            [SelectionLayer(select=("PRM301",)), SelectionLayer(extend_select=("PRM102",))],
            {"PRM301", "PRM102"},
            id="the command line's extend-select adds to the configuration's select",
        ),
    ],
)
def test_which_rules_are_on(layers: list[SelectionLayer], codes: set[str]) -> None:
    assert selected_codes(RULES, layers) == codes


def test_what_is_shown_if_proved_is_on_where_proofs_are_asked_for_and_nothing_else_is_said_of_it() -> None:
    assert selected_codes(RULES, [], proving=True) == {*DEFAULT, "PRM110"}
    assert selected_codes(RULES, [SelectionLayer(ignore=("PRM110",))], proving=True) == DEFAULT
    assert selected_codes(RULES, [SelectionLayer(select=("PRM102",))], proving=True) == {"PRM102"}
