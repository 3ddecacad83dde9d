"""What an audit found: findings with source lines, every tensor, and how each parameter was initialised."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import NamedTuple

from paramlint.engine.outcome import Report, place_order
from paramlint.engine.suppression import Suppressions
from paramlint.facts.source import SourceError
from paramlint.model.diagnostic import Diagnostic
from paramlint.model.observation import Observation
from paramlint.model.surroundings import Surroundings
from paramlint.report import text
from paramlint.report.excerpt import printable
from paramlint.report.tables import Table, html_table, text_lines
from paramlint.report.view import Lines, View
from paramlint.runtime.coverage import State, coverage, initialised, summary
from paramlint.runtime.reveal.all import revealed
from paramlint.runtime.reveal.spans import text_of
from paramlint.runtime.witness import joined

_ROWS_IN_REPR = 40


def audit_of(observation: Observation, surroundings: Surroundings, codes: Collection[str]) -> Audit:
    """The audit of what was observed, with the findings of these codes that no ``# noqa`` silences."""
    observation = observation._replace(notes=tuple(dict.fromkeys(observation.notes)))
    return Audit(not_silenced(revealed(observation, surroundings), codes), observation, surroundings)


def not_silenced(findings: Collection[Diagnostic], codes: Collection[str]) -> tuple[Diagnostic, ...]:
    """The findings of these codes whose line has no ``# noqa`` for them."""
    return tuple(item for item in findings if item.code in codes and not _silenced(item))


class TensorRow(NamedTuple):
    """One tensor that the model can reach.

    ``registration`` is "parameter", "buffer", "non-persistent buffer" or "unregistered"; ``persistent`` is whether
    ``state_dict()`` holds it. ``initialised_by`` is "not watched" where the building was not. ``gradient`` is "flows",
    "zero" or "none" after a backward pass, None where none was seen or asked for.
    """

    name: str
    registration: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    requires_grad: bool
    persistent: bool
    initialised_by: str
    gradient: str | None


class Audit:
    """The result of ``audit``: findings with source lines, every tensor, and how each parameter was initialised."""

    def __init__(self, findings: tuple[Diagnostic, ...], observation: Observation, surroundings: Surroundings) -> None:
        self.findings = findings
        self.observation = observation
        self._surroundings = surroundings

    def with_source(self, findings: Iterable[Diagnostic], notes: Iterable[str]) -> Audit:
        """This audit with what the source says of the same classes, judged by the same observation."""
        together = sorted(joined(self.findings, findings), key=place_order)
        observation = self.observation._replace(notes=(*self.observation.notes, *notes))
        return Audit(tuple(together), observation, self._surroundings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be observed, and why."""
        return self.observation.notes

    @property
    def tensors(self) -> tuple[TensorRow, ...]:
        """Every registered and unregistered tensor."""
        return tuple(
            TensorRow(
                tensor.path,
                _registration(tensor.registration, tensor.same_as),
                tensor.shape,
                tensor.dtype.removeprefix("torch."),
                tensor.device,
                tensor.requires_grad,
                tensor.in_state_dict,
                initialised(self.observation, tensor, tensor.owner in self._surroundings.watched).text,
                tensor.gradient,
            )
            for tensor in self.observation.tensors
        )

    @property
    def report(self) -> Report:
        """The findings as ``paramlint check`` reports them."""
        return Report(self.findings, (), len({item.path for item in self.findings}) or 1)

    def init_coverage(self) -> InitCoverage:
        """Which parameters an init scheme reached, which kept the layer's default, which nothing wrote."""
        rows = coverage(self.observation, self._surroundings.watched)
        table = Table(
            ("layer", "parameter", "how it came by its values", "tensors", "elements", "for example"),
            tuple(
                (
                    row.layer,
                    row.attribute,
                    row.initialised.text,
                    str(row.tensors),
                    f"{row.elements:,}",
                    row.examples[0] + (", …" if row.tensors > 1 else ""),
                )
                for row in rows
            ),
            frozenset((3, 4)),
            frozenset(n for n, row in enumerate(rows) if row.initialised.state in (State.UNWRITTEN, State.PARTLY)),
        )
        return InitCoverage(summary(rows), table)

    def table(self) -> Table:
        """The tensors as a table; what is not registered is marked."""
        rows = self.tensors
        return Table(
            ("name", "registration", "shape", "dtype", "device", "grad?", "saved", "initialised by", "gradient"),
            tuple(
                (
                    row.name,
                    row.registration,
                    "×".join(map(str, row.shape)) or "scalar",
                    row.dtype,
                    row.device,
                    "yes" if row.requires_grad else "no",
                    "yes" if row.persistent else "no",
                    row.initialised_by,
                    row.gradient or "",
                )
                for row in rows
            ),
            marked=frozenset(number for number, row in enumerate(rows) if row.registration == "unregistered"),
        )

    def __repr__(self) -> str:
        view = View(Path(os.getcwd()))
        lines = [f"audit of {self.observation.class_name}", ""]
        lines += text.render(self.report, view, Lines(_texts(self.findings)))
        lines += ["", *text_lines(self.table(), _ROWS_IN_REPR)]
        lines += [f"note: {printable(note)}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The view of notebooks: plain HTML, with everything that came from the model escaped."""
        parts = [f"<h4>audit of {escape(self.observation.class_name)}</h4>"]
        parts += [
            f"<p><code>{escape(where(item))}</code> <b>{item.code}</b> {escape(item.name)}: "
            f"{escape(printable(item.message))}<br><small>{escape(_told(item))}</small></p>"
            for item in self.findings
        ]
        parts += ["" if self.findings else "<p>No findings.</p>", html_table(self.table())]
        parts += [f"<p><small>note: {escape(printable(note))}</small></p>" for note in self.notes]
        return "".join(parts)


class InitCoverage(NamedTuple):
    """The init coverage of a model; printing it prints the table."""

    summary: str
    table: Table

    def __str__(self) -> str:
        return "\n".join([self.summary, "", *text_lines(self.table)])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.summary)}</p>{html_table(self.table)}"


def _registration(registration: str, same_as: str | None) -> str:
    if registration != "plain":
        return registration
    return "unregistered" if same_as is None else f"alias of {same_as}"


def where(item: Diagnostic) -> str:
    """``path:line`` of a finding, as a user would type it."""
    return f"{View(Path(os.getcwd())).path(item.path)}:{item.span.line}"


def _told(item: Diagnostic) -> str:
    if item.proof is None:
        return ""
    return f"{item.proof.verdict.value}: {printable('; '.join(filter(None, (item.proof.reason, item.proof.evidence))))}"


def _texts(findings: Iterable[Diagnostic]) -> dict[str, str]:
    """The texts of the files that findings and their related places are in, where they can be read."""
    found: dict[str, str] = {}
    for path in {path for item in findings for path in (item.path, *(there.path for there in item.related))}:
        with suppress(SourceError, OSError):
            found[path] = text_of(path)
    return found


def _silenced(item: Diagnostic) -> bool:
    """Whether a ``# noqa`` on the finding's line silences it."""
    try:
        return Suppressions(text_of(item.path)).silences(item.code, item.span.line)
    except (SourceError, OSError):
        return False
