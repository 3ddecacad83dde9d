"""Operand places whose devices the measurement cannot judge, each with the reason."""

from __future__ import annotations

from typing import NamedTuple


class Mend(NamedTuple):
    """Places in which a tensor on another device raises, or does not, whatever the measurement says."""

    places: tuple[str, ...]
    clashes: bool
    reason: str


CONVOLUTION = (
    "fake tensors do not check the devices of a convolution; hardware raises 'Input type (...) and weight type (...) "
    "should be the same' (aten/src/ATen/native/Convolution.cpp, check_input_same_type_as_parameters)"
)
DATA_DEPENDENT = "cannot run on fake tensors, because its result depends on data"
ARITHMETIC = "no samples; it is plain arithmetic between its operands"
PRODUCT = "no samples that bind; it is a matrix product"
EXACT_SAME = "no samples; native_functions.yaml keeps the device check ExactSame for it"

DEVICE_MENDS: dict[str, Mend] = {
    **{
        f"{namespace}.{name}": Mend(("input", "weight", "bias"), True, CONVOLUTION)
        for namespace in ("torch", "torch.nn.functional")
        for name in (
            "conv1d",
            "conv2d",
            "conv3d",
            "conv_transpose1d",
            "conv_transpose2d",
            "conv_transpose3d",
        )
    },
    "torch.convolution": Mend(("input", "weight", "bias"), True, CONVOLUTION),
    "torch.allclose": Mend(("input", "other"), True, f"{DATA_DEPENDENT}; it is isclose and all"),
    "torch.equal": Mend(("input", "other"), True, DATA_DEPENDENT),
    "torch.cov": Mend(("input", "fweights", "aweights"), True, f"{DATA_DEPENDENT}; it multiplies by its weights"),
    "torch.istft": Mend(("input", "window"), True, f"{DATA_DEPENDENT}; it multiplies by its window"),
    "torch.masked_select": Mend(("input", "mask"), True, DATA_DEPENDENT),
    "torch.bincount": Mend(("input", "weights"), True, DATA_DEPENDENT),
    "torch.repeat_interleave": Mend(
        ("input", "repeats"), True, f"{DATA_DEPENDENT}; it is index_select by what repeats says"
    ),
    "torch.nn.functional.gaussian_nll_loss": Mend(("input", "target", "var"), True, f"{DATA_DEPENDENT}; arithmetic"),
    "torch.tensordot": Mend(("a", "b"), True, PRODUCT),
    "torch.chain_matmul": Mend(("matrices",), True, PRODUCT),
    "torch.block_diag": Mend(("tensors",), True, "samples do not bind; Tensor shapes refuses several devices"),
    "torch.cartesian_prod": Mend(("tensors",), True, "it is meshgrid and stack"),
    "torch.cdist": Mend(("x1", "x2"), True, "it raises 'X1 and X2 must have the same device type'"),
    "torch.normal": Mend(("mean", "std"), True, f"{ARITHMETIC} after drawing"),
    "torch.svd_lowrank": Mend(("A", "M"), True, PRODUCT),
    "torch.dsmm": Mend(("input", "mat2"), True, PRODUCT),
    "torch.spmm": Mend(("input", "mat2"), True, PRODUCT),
    "torch.nn.functional.ctc_loss": Mend(
        ("log_probs", "targets", "input_lengths", "target_lengths"),
        False,
        "targets and lengths are copied where they are needed (aten/src/ATen/native/LossCTC.cpp); cuDNN wants the CPU",
    ),
    "torch.ctc_loss": Mend(
        ("log_probs", "targets", "input_lengths", "target_lengths"), False, "as torch.nn.functional.ctc_loss"
    ),
    "torch.index_put": Mend(("indices",), False, "an index on the CPU is allowed; see reading_clashes"),
    "torch.tensor_split": Mend(
        ("tensor_indices_or_sections",),
        False,
        "it demands the CPU ('expected tensor_indices_or_sections to be on cpu')",
    ),
    "torch.broadcast_tensors": Mend(("tensors",), False, "it only reads shapes"),
    "torch.Tensor.copy_": Mend(("self", "src"), False, "it copies between devices"),
    "torch.Tensor.module_load": Mend(("self", "other"), False, "it copies between devices"),
    "torch.Tensor.type_as": Mend(("self", "other"), False, "it converts to the other's device"),
    "torch.nn.utils.rnn.pad_sequence": Mend(("sequences",), False, "it copies each into a new tensor"),
    "torch.nn.utils.rnn.pack_padded_sequence": Mend(("lengths",), False, "it demands lengths on the CPU"),
    "torch.einsum": Mend(("operands",), True, "measured, but its samples give the operands before the equation"),
    "torch.nn.functional.conv_tbc": Mend(("input", "weight", "bias"), True, CONVOLUTION),
    "torch.embedding": Mend(("weight", "indices"), True, "as torch.nn.functional.embedding, under other names"),
    "torch.grid_sampler": Mend(("input", "grid"), True, "as torch.nn.functional.grid_sample"),
    "torch.searchsorted": Mend(
        ("sorted_sequence", "input", "sorter"),
        True,
        "samples bind one operand only; it raises 'boundaries and input value tensors should have same device type'",
    ),
    **{
        f"torch.{name}": Mend(
            ("input", "q"), True, "it raises 'q tensor must be on the same device as the input tensor'"
        )
        for name in ("quantile", "nanquantile")
    },
    "torch.pow": Mend(("input", "exponent", "other"), True, "measured; operators call the exponent other"),
    "torch.orgqr": Mend(("input", "input2"), True, "as torch.linalg.householder_product, under other names"),
    "torch.linalg.lstsq": Mend(("input", "b"), True, f"{DATA_DEPENDENT}; it is a solver"),
    "torch.special.gammainc": Mend(("input", "other"), True, "as torch.igamma, of which it is an alias"),
    "torch.special.gammaincc": Mend(("input", "other"), True, "as torch.igammac, of which it is an alias"),
    "torch.binomial": Mend(("count", "prob"), True, EXACT_SAME),
    "torch.hsmm": Mend(("input", "mat2"), True, PRODUCT),
    "torch.nn.functional.scaled_dot_product_attention": Mend(
        ("query", "key", "value", "attn_mask"), True, "samples draw masks rarely; the mask is added to a product"
    ),
    "torch.nn.functional.soft_margin_loss": Mend(("input", "target"), True, ARITHMETIC),
    "torch.nn.functional.multilabel_soft_margin_loss": Mend(("input", "target", "weight"), True, ARITHMETIC),
}
