"""What paramlint says about a place in the source, and how sure it is."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from paramlint.model.code import Span


class Severity(str, Enum):
    """How wrong a finding is when it is true."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Applicability(str, Enum):
    """Whether an edit keeps behaviour and checkpoint keys (safe), changes them (unsafe), or is only shown."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


class Edit(NamedTuple):
    """Replace the text of ``span`` by ``replacement``; an empty span inserts."""

    span: Span
    replacement: str


class Effect(NamedTuple):
    """What a fix may change of a built model beside the fault itself; everything else must stay as it was.

    ``names`` are the attributes whose registration (and with it the keys of a checkpoint) the edit is about;
    ``values``: other initial values may come out differently, and forward may return what follows from them alone;
    ``outputs``: forward may compute something else, of the same types and shapes. ``draws``: random numbers are drawn that
    were not drawn before, by the constructor or by an initialisation that walks over what is registered now, so that what
    is built after it differs.
    ``reveals``: the class could not be built before, or not as a whole, so what is then found in lines that the edits
    do not touch was there all along.
    """

    names: tuple[str, ...] = ()
    values: bool = False
    outputs: bool = False
    reveals: bool = False
    draws: bool = False


class Fix(NamedTuple):
    """A repair as edits of the finding's own file.

    ``message`` says what is done and what becomes of checkpoints. A fix without edits says in ``message`` why there is
    none. Edits do not overlap; line ends in a replacement are "\\n", whatever the file uses.
    """

    message: str
    applicability: Applicability
    edits: tuple[Edit, ...]
    effect: Effect = Effect()


class Related(NamedTuple):
    """A second place that a reader needs: where the parameter was lost, where the devices clash."""

    path: str
    span: Span
    message: str


class Verdict(str, Enum):
    """What running the model said of a finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNCONFIRMED = "unconfirmed"


class Proof(NamedTuple):
    """The verdict on one finding.

    ``evidence`` is the observed fact in one line that a user can check by hand (None where nothing was observed);
    ``reason`` says why the verdict is *unconfirmed*; ``recipe`` says how the instance was made.
    """

    verdict: Verdict
    evidence: str | None
    reason: str | None
    recipe: str | None


class Diagnostic(NamedTuple):
    """One finding.

    ``class_name`` is the qualified name of the Module class whose instance suffers (None in a plain function);
    ``attribute`` the name on self (a local's name for what is never stored, the method's name for an init scheme),
    None where there is none. ``circumstances`` are the constructor arguments under which the finding holds, as
    (parameter name, constant) pairs: the runtime builds an instance that way. ``proof`` is None until asked for.
    """

    code: str
    name: str
    severity: Severity
    path: str
    span: Span
    class_name: str | None
    attribute: str | None
    message: str
    related: tuple[Related, ...] = ()
    circumstances: tuple[tuple[str, bool | int | float | str | None], ...] = ()
    fix: Fix | None = None
    proof: Proof | None = None

    @property
    def counts(self) -> bool:
        """Whether the finding is reported and counts for the exit code: refuted ones do not."""
        return self.proof is None or self.proof.verdict is not Verdict.REFUTED
