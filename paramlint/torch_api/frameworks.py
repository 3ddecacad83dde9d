"""Well-known bases outside torch, for when their packages cannot be read."""

from __future__ import annotations

MODULE_CLASSES: frozenset[str] = frozenset(
    {
        "lightning.LightningModule",
        "lightning.pytorch.LightningModule",
        "lightning.pytorch.core.LightningModule",
        "lightning.pytorch.core.module.LightningModule",
        "pytorch_lightning.LightningModule",
        "pytorch_lightning.core.LightningModule",
        "pytorch_lightning.core.lightning.LightningModule",
        "pytorch_lightning.core.module.LightningModule",
        "lightning.fabric.wrappers._FabricModule",
        "torchmetrics.Metric",
        "torchmetrics.metric.Metric",
        "transformers.PreTrainedModel",
        "transformers.modeling_utils.PreTrainedModel",
        "diffusers.ModelMixin",
        "diffusers.models.ModelMixin",
        "diffusers.models.modeling_utils.ModelMixin",
        "torch_geometric.nn.MessagePassing",
        "torch_geometric.nn.conv.MessagePassing",
        "torch_geometric.nn.conv.message_passing.MessagePassing",
        "mmengine.model.BaseModule",
        "mmengine.model.base_module.BaseModule",
        "mmengine.model.BaseModel",
        "mmcv.runner.BaseModule",
        "mmcv.runner.base_module.BaseModule",
        "gpytorch.Module",
        "gpytorch.module.Module",
        "gpytorch.kernels.Kernel",
        "pyro.nn.PyroModule",
        "pyro.nn.module.PyroModule",
        "fastai.torch_core.Module",
        "allennlp.models.Model",
        "allennlp.models.model.Model",
        "compressai.models.CompressionModel",
        "stable_baselines3.common.policies.BasePolicy",
        "stable_baselines3.common.torch_layers.BaseFeaturesExtractor",
    }
)
"""Classes that inherit from ``torch.nn.Module`` and whose constructors run its constructor."""

EMPTY_CLASSES: frozenset[str] = frozenset(
    {"abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol"}
)
"""Bases without members of their own that matter: constructors pass them by."""

PLAIN_CLASSES: frozenset[str] = EMPTY_CLASSES | {
    "object",
    "dict",
    "list",
    "tuple",
    "set",
    "str",
    "int",
    "float",
    "type",
    "Exception",
    "enum.Enum",
    "enum.IntEnum",
    "typing.NamedTuple",
    "typing.TypedDict",
    "collections.OrderedDict",
    "threading.Thread",
}
"""Classes of Python's own that are no modules."""
