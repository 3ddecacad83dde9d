"""Names of torch that the generated tables do not list, by the rules that torch's folders follow."""

from __future__ import annotations

_MODULES = """
    _C _dynamo amp ao ao.nn ao.nn.quantized ao.quantization autograd autograd.forward_ad autograd.function
    autograd.functional backends backends.cuda backends.cudnn backends.mps cpu cuda cuda.amp distributed
    distributed.nn distributions distributions.constraints distributions.kl distributions.transforms
    distributions.utils export fft func functional fx hub jit library linalg masked monitor mps multiprocessing
    nested nn nn.attention nn.functional nn.init nn.intrinsic nn.modules nn.modules.activation
    nn.modules.batchnorm nn.modules.container nn.modules.conv nn.modules.dropout nn.modules.instancenorm
    nn.modules.lazy nn.modules.linear nn.modules.loss nn.modules.module nn.modules.normalization
    nn.modules.padding nn.modules.pooling nn.modules.rnn nn.modules.sparse nn.modules.transformer
    nn.modules.upsampling nn.modules.utils nn.parallel nn.parameter nn.qat nn.quantized nn.utils
    nn.utils.parametrizations nn.utils.parametrize nn.utils.prune nn.utils.rnn nn.utils.spectral_norm
    nn.utils.stateless nn.utils.weight_norm onnx optim optim.lr_scheduler optim.swa_utils overrides package
    profiler quantization quasirandom random return_types sparse special storage testing types utils
    utils.checkpoint utils.cpp_extension utils.data utils.dlpack utils.model_zoo utils.tensorboard version xpu
"""
MODULES = frozenset({"torch", *(f"torch.{name}" for name in _MODULES.split())})

# Classes of torch.nn by exception: those that start with a capital and are no Module.
_NOT_MODULES = frozenset({"Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"})

# Packages none of whose classes is a Module.
_WITHOUT_MODULES = ("torch.utils.data.", "torch.autograd.", "torch.distributions.", "torch.optim.lr_scheduler.")

_MOVED = {
    "torch.nn.parameter": "torch.nn",
    "torch.nn.parallel.DataParallel": "torch.nn.DataParallel",
    "torch.nn.parallel.data_parallel": "torch.nn",
    "torch._tensor": "torch",
    "torch.tensor.Tensor": "torch.Tensor",
    "torch.functional": "torch",
    "torch.autograd.function": "torch.autograd",
    "torch.autograd.variable": "torch.autograd",
}
# Packages that re-export the public classes of their submodules: torch.optim.adam.Adam is torch.optim.Adam.
_REEXPORTING = ("torch.nn.modules", "torch.optim", "torch.distributions", "torch.utils.data", "torch.nn.parallel")


def canonical_by_rule(name: str) -> str:
    """Return the public spelling of a name in torch, where the rules give one; the name itself otherwise."""
    for old, new in _MOVED.items():
        if name == old and "." in old.removeprefix("torch.") and name not in MODULES:
            return new
        if name.startswith(old + ".") and name[len(old) + 1 :][:1].isalpha():
            return f"{new}.{name[len(old) + 1 :]}"
    for package in _REEXPORTING:
        if name.startswith(package + "."):
            parts = name[len(package) + 1 :].split(".")
            public = "torch.nn" if package == "torch.nn.modules" else package
            if parts[0][:1].isupper():
                return f"{public}.{'.'.join(parts)}"
            if len(parts) > 1 and parts[1][:1].isupper() and parts[1] != "LazyModuleMixin":
                return f"{public}.{'.'.join(parts[1:])}"
    return name


def is_module_class_by_rule(name: str) -> bool | None:
    """Whether a canonical name of torch is a Module class: those of ``torch.nn`` with a capital are, but for a few."""
    parts = name.split(".")
    last = parts[-1]
    if name.startswith(_WITHOUT_MODULES) and last[:1].isupper():
        return False
    if parts[:2] != ["torch", "nn"] or len(parts) < 3:
        return None
    if parts[2] in ("functional", "init", "utils", "attention"):
        return None
    if last.endswith("Mixin") or last in _NOT_MODULES:
        return False
    is_private_base = parts[2] == "modules" and last.startswith("_") and last[1:2].isupper()
    if (last[:1].isupper() or is_private_base) and len(parts) in (3, 5):
        return True
    return None
