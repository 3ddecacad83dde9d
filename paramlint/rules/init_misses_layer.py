"""PRM305: an initialisation scheme passes layers by."""

from __future__ import annotations

from collections.abc import Iterator

from paramlint import torch_api
from paramlint.interpret.events import LayerLeft, SchemeRan
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.diagnostic import Severity
from paramlint.rules.base import Finding, Rule
from paramlint.rules.common import finding, is_named, related

_FAMILIES = (
    frozenset({"Linear", "Bilinear"}),
    frozenset({"Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"}),
    frozenset({"Embedding", "EmbeddingBag"}),
)
_LAYERS = frozenset().union(*_FAMILIES)


def check(trace: ClassTrace) -> Iterator[Finding]:
    """Yield layers with weights that no scheme of the constructor names, where one names at least two kinds of layers."""
    seen: set[str] = set()
    for run in trace.runs:
        schemes = [event for event in run.events if isinstance(event, SchemeRan) and event.types]
        if not schemes or not run.is_complete:
            continue
        for left in run.left:
            scheme = _passing_by(schemes, left)
            if scheme is None or left.attribute in seen:
                continue
            seen.add(left.attribute)
            yield _finding(trace, run, scheme, left)


def _passing_by(schemes: list[SchemeRan], left: LayerLeft) -> SchemeRan | None:
    """The scheme that went over a layer without naming its kind; None where any scheme names it, or means few kinds."""
    if left.class_name not in _LAYERS or any(is_named(left, scheme) for scheme in schemes):
        return None
    for scheme in schemes:
        family = next(family for family in _FAMILIES if left.class_name in family)
        if left.number in scheme.reached and (len({*filter(_is_layer, scheme.types)}) > 1 or family & {*scheme.types}):
            return scheme
    return None


def _is_layer(name: str) -> bool:
    """Whether a name is a layer's: the blocks of a model, whose last gains are set to zero, are no kinds of layers."""
    return name in torch_api.layer_words() or "norm" in name.lower()


def _finding(trace: ClassTrace, run: Run, scheme: SchemeRan, left: LayerLeft) -> Finding:
    named = ", ".join(dict.fromkeys(scheme.types))
    place = left.made if left.made.path == trace.place.path else scheme.place
    return finding(
        trace,
        run,
        place,
        left.attribute,
        f"the initialisation scheme names {named} and passes this {left.class_name} by: it keeps its default",
        related(scheme.place, "the scheme runs here"),
    )


RULE = Rule(
    code="PRM305",
    slug="init-misses-layer",
    severity=Severity.WARNING,
    enabled_by_default=False,
    summary="An initialisation scheme names some layers of the model and passes others by.",
    rationale="""\
A chain of `isinstance` tests reaches the types it names. A layer of another type keeps torch's default: one half of the
model starts from another distribution than its author meant, and where the model is built without memory (`meta`,
large-model loading) the scheme is all there is, so that the layer is never initialised. Often the default is good
enough, so the rule is off unless it is selected.""",
    bad="""\
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3)
        self.up = nn.ConvTranspose2d(8, 3, 3)
        self.apply(self._init)

    def _init(self, module):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.up(self.down(x))
""",
    good="""\
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3)
        self.up = nn.ConvTranspose2d(8, 3, 3)
        self.apply(self._init)

    def _init(self, module):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        return self.up(self.down(x))
""",
    silent_when=(
        "the layer is a normalisation or has no weight: the defaults are the usual choice",
        "something else writes the layer's weight",
        "the scheme names one kind of layer (a block of the model is none), and the layer is of another family",
    ),
    check=check,
)
