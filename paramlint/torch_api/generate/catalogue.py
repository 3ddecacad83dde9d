"""The public functions and methods of torch, with their signatures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module

import torch

from paramlint.torch_api.generate.signatures import (
    STUB_OF_BACKEND,
    STUB_OF_FUNCTIONAL,
    STUB_OF_FUNCTIONS,
    STUB_OF_TENSOR,
    Overload,
    Parameter,
    from_python,
    from_schemas,
    from_stub,
    properties,
    property_overload,
)
from paramlint.torch_api.tables import Returns

NAMESPACES = (
    "torch",
    "torch.nn.functional",
    "torch.linalg",
    "torch.fft",
    "torch.special",
    "torch.nn.init",
    "torch.signal.windows",
    "torch.nn.utils",
    "torch.nn.utils.rnn",
)

LEGACY_CONSTRUCTORS = (
    "Tensor",
    "FloatTensor",
    "DoubleTensor",
    "HalfTensor",
    "BFloat16Tensor",
    "ByteTensor",
    "CharTensor",
    "ShortTensor",
    "IntTensor",
    "LongTensor",
    "BoolTensor",
)

BROAD_NAMESPACES = ("torch", "torch.nn.functional")

# Names in the broad namespaces that deal with the interpreter, gradients or types rather than with tensors.
NOT_TENSOR_FUNCTIONS = re.compile(
    r"(?:get_|set_|is_autocast|autocast_|sym_|import_ir|parse_|cudnn_|miopen_|mkldnn_|fbgemm_|quantized_|choose_qparams"
    r"|fake_quantize|fused_|dequantize_|boolean_dispatch|handle_torch_function|has_torch_function|native_|batch_norm_"
    r"|nested_|hspmm|sspaddmm|smm|saddmm|compile|while_loop|thread_safe|cond$|vmap|classproperty|from_file|q_"
    r"|int_repr|save$|load$|fork$|wait$|typename|unify|use_deterministic|manual_seed|initial_seed|seed$|eig$|symeig"
    r"|solve$|lstsq$|matrix_rank$|embedding_renorm_|rnn_|lstm|gru|convert_conv|segment_reduce|resize_as_sparse"
    r"|prepare_multiprocessing|profiler_|merge_type|clear_autocast|compiled_with|are_deterministic|promote_types"
    r"|result_type|can_cast|empty_quantized|from_dlpack|to_dlpack|bind$|copy_method_params|fuse_|init_num_threads"
    r"|quantize_per|kl_div$|conv_tbc|copysign_|alias_copy|.*_copy$|sparse_.*_tensor|grouped_mm|scaled_grouped_mm)"
)
KEPT_ANYWAY = frozenset({"torch.nn.functional.kl_div", "torch.kl_div", "torch.get_device", "torch.index_copy"})

OPERATORS_IN_PYTHON = ("__rmatmul__", "__rmod__", "__ipow__", "__itruediv__", "__rdiv__", "__pos__", "__len__")

# Registering the simulated accelerator gives tensors and modules these (see ``measure``).
OF_SIMULATED_DEVICE = frozenset({"accel", "is_accel"})

WITHOUT_VALUE = OF_SIMULATED_DEVICE | frozenset({"__class__", "__init__", "__new__", "__setattr__", "__deepcopy__"})


def functions() -> dict[str, tuple[Overload, ...]]:
    """The public functions, by canonical name, with their overloads."""
    found: dict[str, tuple[Overload, ...]] = {}
    for namespace in NAMESPACES:
        module = import_module(namespace)
        for name in sorted(dir(module)):
            canonical = f"{namespace}.{name}"
            function = getattr(module, name)
            if name.startswith("_") or not _is_function(function):
                continue
            if namespace in BROAD_NAMESPACES and NOT_TENSOR_FUNCTIONS.match(name) and canonical not in KEPT_ANYWAY:
                continue
            overloads = tuple(_with_input(item) for item in _overloads_of_function(namespace, name, function))
            if overloads and any(_speaks_of_tensors(item) for item in overloads):
                found[canonical] = overloads
    for name in LEGACY_CONSTRUCTORS:
        found[f"torch.{name}"] = (_legacy_constructor(),)
        if name not in ("Tensor",):
            found[f"torch.cuda.{name}"] = (_legacy_constructor(),)
    return found


def methods() -> dict[str, tuple[Overload, ...]]:
    """The public methods, operators and properties of tensors, by canonical name, with their overloads."""
    found: dict[str, tuple[Overload, ...]] = {}
    attributes = properties()
    for name in sorted(dir(torch.Tensor)):
        is_operator = name.startswith("__") and name.endswith("__")
        if (name.startswith("_") and not is_operator) or name in WITHOUT_VALUE:
            continue
        overloads = from_stub(STUB_OF_TENSOR, name, "TensorBase")
        if name in attributes:
            overloads = property_overload(attributes[name])
        elif not overloads and (not is_operator or name in OPERATORS_IN_PYTHON):
            member = inspect.getattr_static(torch.Tensor, name)
            overloads = property_overload("") if isinstance(member, property) else from_python(member)
        overloads = tuple(_with_self(item) for item in overloads)
        if overloads:
            found[f"torch.Tensor.{name}"] = overloads
    return found


def is_property(name: str) -> bool:
    """Whether that member of ``torch.Tensor`` is read without a call."""
    return name in properties() or isinstance(inspect.getattr_static(torch.Tensor, name), property)


def _is_function(value: object) -> bool:
    return callable(value) and not inspect.isclass(value) and not inspect.ismodule(value)


def _speaks_of_tensors(overload: Overload) -> bool:
    return bool(overload.names("tml")) or overload.returns in (Returns.TENSOR, Returns.TUPLE, Returns.LIST)


def _overloads_of_function(namespace: str, name: str, function: object) -> Iterator[Overload]:
    found: tuple[Overload, ...] = ()
    if namespace == "torch":
        found = from_stub(STUB_OF_FUNCTIONS, name)
    elif namespace == "torch.nn.functional":
        found = (
            from_stub(STUB_OF_FUNCTIONAL, name)
            or from_stub(STUB_OF_BACKEND, name)
            or from_python(function)
            or from_stub(STUB_OF_FUNCTIONS, name)
        )
    elif namespace in ("torch.linalg", "torch.fft", "torch.special"):
        prefix = namespace.rpartition(".")[2]
        found = from_schemas(name if name.startswith(f"{prefix}_") else f"{prefix}_{name}", "input")
    yield from found or from_python(function) or from_schemas(name, "input")


def _with_input(overload: Overload) -> Overload:
    """Functions call their first operand input even where the stubs write self."""
    if overload.has("input"):
        return overload
    return _renamed(overload, "self", "input")


def _with_self(overload: Overload) -> Overload:
    return overload._replace(parameters=(Parameter("self", "t", False, False, False), *overload.parameters[1:]))


def _renamed(overload: Overload, old: str, new: str) -> Overload:
    parameters = tuple(item._replace(name=new) if item.name == old else item for item in overload.parameters)
    return overload._replace(parameters=parameters)


def _legacy_constructor() -> Overload:
    sizes = Parameter("size", "m", True, False, True)
    device = Parameter("device", "", True, True, False)
    return Overload((sizes, device), Returns.TENSOR)
