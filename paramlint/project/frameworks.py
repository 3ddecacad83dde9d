"""What is known of well-known packages that build on torch, for when they are not installed and cannot be read."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple


class Known(NamedTuple):
    """Classes of one package, by a pattern of their last name.

    ``is_module``: they inherit from ``torch.nn.Module``. Each such class runs ``Module.__init__`` when its own
    constructor is run; ``prepares_instances``: even when it is not, since a metaclass does it before. ``hooks`` are
    patterns of methods that the framework calls on its own. ``leaves_heirs_alone``: its constructor does nothing to
    what a class that inherits from it registers or keeps. ``source`` is the file (or folder) that says so.
    """

    package: str
    pattern: str
    is_module: bool
    source: str
    hooks: tuple[str, ...] = ()
    prepares_instances: bool = False
    leaves_heirs_alone: bool = False


_LIGHTNING_HOOKS = (
    "configure_*",
    "setup",
    "teardown",
    "prepare_data",
    "on_*",
    "*_step",
    "*_dataloader",
    "transfer_batch_to_device",
    "optimizer_zero_grad",
    "lr_scheduler_step",
    "backward",
    "*_epoch_end",
)
_TRANSFORMERS_HOOKS = (
    "_init_weights",
    "init_weights",
    "_initialize_weights",
    "initialize_weights",
    "post_init",
    "_smart_apply",
    "tie_weights",
    "_tie_weights",
    "get_*_embeddings",
    "set_*_embeddings",
    "resize_*",
    "_prune_heads",
    "prepare_inputs_for_generation",
    "_set_gradient_checkpointing",
)

_CONVOLUTION_HOOKS = ("reset_parameters", "message*", "aggregate*")

# The first row that fits a class is the one that counts, so exceptions stand before the pattern they except.
CLASSES: tuple[Known, ...] = (
    *(
        Known(
            package,
            "LightningModule",
            True,
            "lightning/pytorch/core/module.py",
            _LIGHTNING_HOOKS,
            leaves_heirs_alone=True,
        )
        for package in ("lightning", "pytorch_lightning")
    ),
    *(
        Known(package, pattern, is_module, source, hooks)
        for package in ("lightning", "pytorch_lightning", "lightning_fabric")
        for pattern, is_module, source, hooks in (
            ("_FabricModule", True, "lightning/fabric/wrappers.py", ()),
            ("LightningDataModule", False, "lightning/pytorch/core/datamodule.py", ()),
            ("*Callback", False, "lightning/pytorch/callbacks/callback.py", ()),
            ("Trainer", False, "lightning/pytorch/trainer/trainer.py", ()),
            ("Tuner", False, "lightning/pytorch/tuner/tuning.py", ()),
            ("*Writer", False, "lightning/pytorch/callbacks/prediction_writer.py", ()),
            ("*Logger", False, "lightning/pytorch/loggers/logger.py", ()),
            ("*Strategy", False, "lightning/pytorch/strategies/strategy.py", ()),
            ("*Checkpoint", False, "lightning/pytorch/callbacks/model_checkpoint.py", ()),
            ("Fabric", False, "lightning/fabric/fabric.py", ()),
        )
    ),
    Known("torchmetrics", "Metric*", True, "torchmetrics/metric.py", ("update", "compute", "reset", "sync")),
    *(
        Known("transformers", pattern, False, "transformers/")
        for pattern in (
            "*Config",
            "*Tokenizer",
            "*TokenizerFast",
            "PreTrainedTokenizer*",
            "*Processor",
            "*FeatureExtractor",
            "*Output",
            "*OutputWith*",
            "*Arguments",
            "*Callback",
            "*Trainer",
            "*Pipeline",
            "*GenerationMixin",
            "*Cache",
            "*Mixin",
        )
    ),
    Known("transformers", "*PreTrainedModel", True, "transformers/modeling_utils.py", _TRANSFORMERS_HOOKS),
    Known("transformers", "*For*", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("transformers", "*Model", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("transformers", "*Attention", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("transformers", "*Layer", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("transformers", "*MLP", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("transformers", "*RMSNorm", True, "transformers/models/", _TRANSFORMERS_HOOKS),
    Known("diffusers", "*ModelMixin", True, "diffusers/models/modeling_utils.py"),
    Known("diffusers", "*Mixin", False, "diffusers/configuration_utils.py, diffusers/schedulers/scheduling_utils.py"),
    Known("diffusers", "*Pipeline", False, "diffusers/pipelines/pipeline_utils.py"),
    Known("diffusers", "*Scheduler", False, "diffusers/schedulers/"),
    Known("diffusers", "*Output", False, "diffusers/utils/outputs.py"),
    Known("diffusers", "*Model", True, "diffusers/models/"),
    Known("huggingface_hub", "*Mixin", False, "huggingface_hub/hub_mixin.py"),
    Known("accelerate", "Accelerator", False, "accelerate/accelerator.py"),
    Known("sentence_transformers", "SentenceTransformer", True, "sentence_transformers/SentenceTransformer.py"),
    Known("peft", "Peft*Model*", True, "peft/peft_model.py"),
    Known("peft", "BaseTuner", True, "peft/tuners/tuners_utils.py"),
    Known("peft", "BaseTunerLayer", False, "peft/tuners/tuners_utils.py"),
    Known(
        "torch_geometric",
        "MessagePassing",
        True,
        "torch_geometric/nn/conv/message_passing.py",
        _CONVOLUTION_HOOKS,
        leaves_heirs_alone=True,
    ),
    *(
        Known("torch_geometric", pattern, True, "torch_geometric/nn/", _CONVOLUTION_HOOKS)
        for pattern in ("*Conv", "*Norm", "*Aggregation", "*Pooling", "MLP", "BasicGNN", "GCN", "GAE")
    ),
    *(
        Known("torch_geometric", pattern, False, "torch_geometric/data/, torch_geometric/loader/")
        for pattern in ("*Dataset", "Data", "HeteroData", "Batch", "*Loader", "*Transform", "*Sampler")
    ),
    Known("dgl", "*Conv", True, "dgl/python/dgl/nn/pytorch/conv/", ("reset_parameters",)),
    Known("fastai", "Module", True, "fastai/torch_core.py", ("__pre_init__",), prepares_instances=True),
    Known("fastai", "*Callback", False, "fastai/callback/core.py"),
    Known("fastai", "Learner", False, "fastai/learner.py"),
    Known("fastai", "*Transform", False, "fastcore/transform.py"),
    Known("fastai", "*Block", False, "fastai/data/block.py"),
    *(
        Known("fastai", pattern, False, "fastai/data/core.py, fastai/torch_core.py")
        for pattern in ("*DL", "DataLoaders", "Datasets", "TfmdLists", "Tensor*", "*Dataset", "L", "GetAttr", "*Metric")
    ),
    *(
        Known(package, pattern, True, source, ("init_weights", "train_step", "val_step", "test_step"))
        for package, pattern, source in (
            ("mmengine", "BaseModule", "mmengine/model/base_module.py"),
            ("mmengine", "BaseModel", "mmengine/model/base_model/base_model.py"),
            ("mmengine", "ModuleList", "mmengine/model/base_module.py"),
            ("mmengine", "ModuleDict", "mmengine/model/base_module.py"),
            ("mmengine", "Sequential", "mmengine/model/base_module.py"),
            ("mmengine", "BaseAveragedModel", "mmengine/model/averaged_model.py"),
            ("mmengine", "BaseDataPreprocessor", "mmengine/model/base_model/data_preprocessor.py"),
            ("mmengine", "ImgDataPreprocessor", "mmengine/model/base_model/data_preprocessor.py"),
            ("mmcv", "BaseModule", "mmcv/runner/base_module.py"),
            ("mmcv", "ModuleList", "mmcv/runner/base_module.py"),
            ("mmcv", "Sequential", "mmcv/runner/base_module.py"),
            ("mmcv", "ConvModule", "mmcv/cnn/bricks/conv_module.py"),
            ("mmcv", "BaseTransformerLayer", "mmcv/cnn/bricks/transformer.py"),
            ("mmcv", "TransformerLayerSequence", "mmcv/cnn/bricks/transformer.py"),
        )
    ),
    *(
        Known(package, pattern, False, source)
        for package, pattern, source in (
            ("mmengine", "*Hook", "mmengine/hooks/hook.py"),
            ("mmengine", "*Metric", "mmengine/evaluator/metric.py"),
            ("mmengine", "*Dataset", "mmengine/dataset/base_dataset.py"),
            ("mmengine", "BaseDataElement", "mmengine/structures/base_data_element.py"),
            ("mmengine", "*Loop", "mmengine/runner/base_loop.py"),
            ("mmengine", "*Visualizer", "mmengine/visualization/visualizer.py"),
            ("mmcv", "BaseTransform", "mmcv/transforms/base.py"),
        )
    ),
    Known("speechbrain", "Brain", False, "speechbrain/core.py"),
    *(
        Known("speechbrain", pattern, True, "speechbrain/nnet/")
        for pattern in ("Sequential", "ModuleList", "LengthsCapableSequential", "Conv1d", "Linear")
    ),
    Known("gpytorch", "Module", True, "gpytorch/module.py"),
    *(
        Known("gpytorch", pattern, True, f"gpytorch/{folder}/")
        for pattern, folder in (
            ("*Kernel", "kernels"),
            ("*Mean", "means"),
            ("*Likelihood", "likelihoods"),
            ("*Prior", "priors"),
            ("*GP", "models"),
            ("*VariationalStrategy", "variational"),
            ("*VariationalDistribution", "variational"),
            ("*MarginalLogLikelihood", "mlls"),
        )
    ),
    Known("botorch", "*Model", True, "botorch/models/model.py"),
    Known("pyro", "PyroModule*", True, "pyro/nn/module.py"),
    Known("e3nn", "TensorProduct", True, "e3nn/o3/_tensor_product/_tensor_product.py"),
    Known("e3nn", "FullyConnected*", True, "e3nn/o3/_tensor_product/_sub.py"),
    Known("e3nn", "CodeGenMixin", False, "e3nn/util/codegen/_mixin.py"),
    Known("escnn", "EquivariantModule", True, "escnn/nn/modules/equivariant_module.py"),
    *(
        Known("fairseq", pattern, True, "fairseq/models/, fairseq/criterions/", ("upgrade_state_dict*",))
        for pattern in ("*FairseqModel", "Fairseq*Model", "Fairseq*Encoder", "Fairseq*Decoder", "FairseqCriterion")
    ),
    Known("fairseq", "*Task", False, "fairseq/tasks/fairseq_task.py"),
    Known("detectron2", "Backbone", True, "detectron2/modeling/backbone/backbone.py", leaves_heirs_alone=True),
    Known("allennlp", "Model", True, "allennlp/models/model.py"),
    Known("allennlp", "*Encoder", True, "allennlp/modules/"),
    Known("nflows", "Transform", True, "nflows/transforms/base.py", leaves_heirs_alone=True),
    Known("nflows", "Distribution", True, "nflows/distributions/base.py", leaves_heirs_alone=True),
    Known("tensordict", "TensorDictModule*", True, "tensordict/nn/common.py"),
    Known("tensordict", "TensorDictSequential", True, "tensordict/nn/sequence.py"),
    Known(
        "stable_baselines3",
        "BaseFeaturesExtractor",
        True,
        "stable_baselines3/common/torch_layers.py",
        leaves_heirs_alone=True,
    ),
    Known("stable_baselines3", "*Policy", True, "stable_baselines3/common/policies.py"),
    Known("stable_baselines3", "*Extractor", True, "stable_baselines3/common/torch_layers.py"),
    Known("ray", "TorchModelV2", False, "rllib/models/torch/torch_modelv2.py"),
    Known("composer", "*Model", True, "composer/models/base.py"),
    Known("nemo", "NeuralModule", True, "nemo/core/classes/module.py"),
    Known("nemo", "ModelPT", True, "nemo/core/classes/modelPT.py", _LIGHTNING_HOOKS),
    Known("megatron", "MegatronModule", True, "megatron/core/transformer/module.py"),
    Known("flash_attn", "MHA", True, "flash_attn/modules/mha.py"),
    Known("mamba_ssm", "Mamba*", True, "mamba_ssm/modules/"),
    Known("bitsandbytes", "Linear*", True, "bitsandbytes/nn/modules.py"),
    Known("apex", "*Norm", True, "apex/normalization/"),
    Known("einops", "Rearrange", True, "einops/layers/torch.py"),
    Known("einops", "Reduce", True, "einops/layers/torch.py"),
    Known("einops", "EinMix", True, "einops/layers/torch.py"),
    Known("vector_quantize_pytorch", "*", True, "vector_quantize_pytorch/"),
    Known("ema_pytorch", "EMA", True, "ema_pytorch/ema_pytorch.py"),
    Known("snntorch", "SpikingNeuron", True, "snntorch/_neurons/neurons.py"),
    Known("compressai", "CompressionModel", True, "compressai/models/base.py"),
    Known("torchvision", "*_Weights", False, "torchvision/models/_api.py"),
    Known("torchvision", "*Dataset", False, "torchvision/datasets/vision.py"),
    *(
        Known("torchvision", pattern, False, "torchvision/transforms/transforms.py")
        for pattern in ("ToTensor", "PILToTensor", "ToPILImage")
    ),
    *(
        Known("torchvision", pattern, True, "torchvision/models/, torchvision/ops/")
        for pattern in (
            "ResNet",
            "BasicBlock",
            "Bottleneck",
            "VGG",
            "DenseNet",
            "MobileNetV?",
            "EfficientNet",
            "VisionTransformer",
            "SwinTransformer",
            "*RCNN",
            "FrozenBatchNorm2d",
            "IntermediateLayerGetter",
            "FeaturePyramidNetwork",
            "Conv?dNormActivation",
            "MLP",
        )
    ),
)

# Methods that the roots of a package call on every part of them that has one; mmengine/model/base_module.py.
_CALLED_ON_PARTS = {"init_weights": ("mmengine", "mmcv")}

# Their classes are no Modules, whatever their names.
_OTHER_PACKAGES = """
    numpy scipy pandas sklearn pydantic omegaconf hydra gym gymnasium datasets tokenizers PIL matplotlib yaml
    typing_extensions ignite skbase sphinx webdataset optuna fasttransform fastcore docutils IPython
    h5py networkx tensorflow tqdm skimage numba attr attrs nltk spacy pytest setuptools requests
    rich
"""
OTHER_PACKAGES = frozenset(_OTHER_PACKAGES.split())

# Metaclasses whose __call__ runs a method of the class before its __init__; fastcore/meta.py, fastai/torch_core.py.
_PREPARING_METACLASSES = {
    ("fastcore", "PrePostInitMeta"): "__pre_init__",
    ("fastai", "PrePostInitMeta"): "__pre_init__",
    ("tsai", "PrePostInitMeta"): "__pre_init__",
}

# Star imports that hand on more than their own package's names, as fastai's course style relies on:
# fastai/torch_imports.py (torch, nn, F, ...), fastai/torch_core.py (Module), fastcore/basics.py and its like.
_STAR_EXPORTS: dict[str, dict[str, str]] = {
    "fastai": {
        "torch": "torch",
        "nn": "torch.nn",
        "F": "torch.nn.functional",
        "Tensor": "torch.Tensor",
        "as_tensor": "torch.as_tensor",
        "LongTensor": "torch.LongTensor",
        "FloatTensor": "torch.FloatTensor",
        "Module": "fastai.torch_core.Module",
        "partial": "functools.partial",
    },
}


@cache
def known_class(name: str) -> Known | None:
    """Return what is known of a class, by a dotted name that may pass through any module of its package."""
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    if package in OTHER_PACKAGES:
        return Known(package, "*", False, f"{package}/")
    if not last[:1].isupper() and not last.startswith("_"):
        return None
    for known in CLASSES:
        if known.package == package and fnmatchcase(last, known.pattern):
            return known
    return None


@cache
def is_framework_hook(class_name: str, method: str) -> bool:
    """Whether the package of a class (read or not) calls that method of its subclasses on its own."""
    known = known_class(class_name)
    return known is not None and any(fnmatchcase(method, pattern) for pattern in known.hooks)


@cache
def leaves_heirs_alone(class_name: str) -> bool:
    """Whether the constructor of a class (read or not) does nothing to what its heirs register or keep."""
    known = known_class(class_name)
    return known is not None and known.leaves_heirs_alone


def packages_calling_parts(method: str) -> tuple[str, ...]:
    """Return the packages whose classes call a method of that name on the modules within an instance."""
    return _CALLED_ON_PARTS.get(method, ())


def method_before_init(metaclass_name: str) -> str | None:
    """Return the method that a metaclass, by its dotted name, runs on each new instance before ``__init__``."""
    return _PREPARING_METACLASSES.get((metaclass_name.partition(".")[0], metaclass_name.rpartition(".")[2]))


def star_member(module: str, name: str) -> str | None:
    """Return what ``name`` is after ``from module import *`` of a package that is not read; None if not known."""
    package = module.partition(".")[0]
    exported = _STAR_EXPORTS.get(package, {}).get(name)
    if exported is None and package not in OTHER_PACKAGES and known_class(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    return exported
