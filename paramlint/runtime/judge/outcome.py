"""What a judgement says of one finding, before the recipe is added."""

from __future__ import annotations

from typing import NamedTuple

from paramlint.model.diagnostic import Verdict


class Outcome(NamedTuple):
    """``text`` is the evidence of a confirmed or refuted finding, and the reason of an unconfirmed one.

    ``evidence`` is what was seen all the same where the verdict is unconfirmed.
    """

    verdict: Verdict
    text: str
    evidence: str | None = None

    @property
    def is_confirmed(self) -> bool:
        return self.verdict is Verdict.CONFIRMED


def confirmed(evidence: str) -> Outcome:
    """The finding was observed: ``evidence`` is one line that a user can check by hand."""
    return Outcome(Verdict.CONFIRMED, evidence)


def refuted(evidence: str) -> Outcome:
    """The opposite of the finding was observed in the circumstances that it speaks of."""
    return Outcome(Verdict.REFUTED, evidence)


def unconfirmed(reason: str, evidence: str | None = None) -> Outcome:
    """Nothing that was observed decides."""
    return Outcome(Verdict.UNCONFIRMED, reason, evidence)
