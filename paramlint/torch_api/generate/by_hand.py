"""What torch cannot be asked about its functions, each with the reason."""

from __future__ import annotations

from paramlint.torch_api.tables import Kind, ResultDevice, ResultRank

MOVES_BY_ARGUMENT = ("to", "type", "type_as")
MOVES_TO_ACCELERATOR = ("cuda", "xpu", "ipu", "mtia", "hpu")
CHANGES_TYPE = (
    "half",
    "float",
    "double",
    "bfloat16",
    "chalf",
    "cfloat",
    "cdouble",
    "int",
    "long",
    "short",
    "char",
    "byte",
    "bool",
)
TO_INTEGER = frozenset({"int", "long", "short", "char", "byte", "bool"})

KINDS: dict[str, Kind] = {
    **{
        f"torch.Tensor.{name}": Kind.CONVERSION
        for name in (*MOVES_BY_ARGUMENT, *MOVES_TO_ACCELERATOR, *CHANGES_TYPE, "cpu", "pin_memory")
    },
    **{f"torch.Tensor.{name}": Kind.VIEW for name in ("data", "T", "H", "mT", "mH", "real", "imag", "grad")},
    **{
        f"{namespace}.{name}": Kind.VIEW
        for namespace in ("torch", "torch.Tensor")
        for name in ("reshape", "flatten", "unflatten", "ravel", "moveaxis", "movedim", "adjoint", "reshape_as")
    },
    **{f"torch.Tensor.{name}": Kind.VIEW for name in ("contiguous", "__getitem__", "__iter__", "as_subclass")},
    **{f"torch.{name}": Kind.VIEW for name in ("broadcast_tensors", "atleast_1d", "atleast_2d", "atleast_3d")},
    "torch.autograd.Variable": Kind.VIEW,
    "torch.as_tensor": Kind.FACTORY,
    "torch.asarray": Kind.FACTORY,
    "torch.tensor": Kind.FACTORY,
    "torch.normal": Kind.OPERATION,
    "torch.from_numpy": Kind.FACTORY,
    "torch.frombuffer": Kind.FACTORY,
    "torch.Tensor.new": Kind.LIKE,
    "torch.Tensor.numpy": Kind.TO_PYTHON,
    "torch.Tensor.__setitem__": Kind.IN_PLACE,
    "torch.Tensor.grad_fn": Kind.TO_PYTHON,
    "torch.Tensor.storage": Kind.TO_PYTHON,
    "torch.Tensor.untyped_storage": Kind.TO_PYTHON,
    "torch.Tensor.register_hook": Kind.OTHER,
    "torch.Tensor.backward": Kind.OTHER,
    "torch.Tensor.register_post_accumulate_grad_hook": Kind.OTHER,
    **{
        f"torch.nn.utils.{name}": Kind.OTHER
        for name in (
            "vector_to_parameters",
            "clip_grad_norm",
            "clip_grad_norm_",
            "clip_grad_value_",
            "clip_grads_with_norm_",
            "fuse_conv_bn_weights",
            "fuse_linear_bn_weights",
        )
    },
    "torch.nn.utils.rnn.pack_padded_sequence": Kind.OPERATION,
    "torch.nn.utils.rnn.pack_sequence": Kind.OPERATION,
    "torch.nn.utils.rnn.pad_packed_sequence": Kind.OPERATION,
}

RESULT_DEVICES: dict[str, ResultDevice] = {
    **{f"torch.Tensor.{name}": ResultDevice.ARGUMENT for name in MOVES_BY_ARGUMENT},
    **{f"torch.Tensor.{name}": ResultDevice.ACCELERATOR for name in MOVES_TO_ACCELERATOR},
    **{f"torch.Tensor.{name}": ResultDevice.FIRST for name in CHANGES_TYPE},
    "torch.Tensor.cpu": ResultDevice.CPU,
    "torch.Tensor.pin_memory": ResultDevice.CPU,
    "torch.from_numpy": ResultDevice.CPU,
    "torch.frombuffer": ResultDevice.CPU,
    "torch.as_tensor": ResultDevice.DATA,
    "torch.asarray": ResultDevice.DATA,
    "torch.tensor": ResultDevice.DATA,
}

# In place on something other than the values: nothing is written that initialises.
WRITES_NO_VALUES = frozenset(
    {
        "requires_grad_",
        "detach_",
        "share_memory_",
        "rename_",
        "resize_",
        "resize_as_",
        "unsqueeze_",
        "squeeze_",
        "t_",
        "transpose_",
        "swapaxes_",
        "swapdims_",
        "as_strided_",
        "refine_names_",
        "sparse_resize_",
        "sparse_resize_and_clear_",
        "resize_as_sparse_",
    }
)

RANDOM = frozenset(
    {
        *(
            f"torch.nn.functional.{name}"
            for name in (
                "dropout",
                "dropout1d",
                "dropout2d",
                "dropout3d",
                "alpha_dropout",
                "feature_alpha_dropout",
                "gumbel_softmax",
                "rrelu",
                "rrelu_",
                "fractional_max_pool2d",
                "fractional_max_pool3d",
            )
        ),
        *(
            f"torch.{name}"
            for name in ("randint", "dropout_", "alpha_dropout_", "feature_dropout_", "feature_alpha_dropout_")
        ),
        "torch.svd_lowrank",
        "torch.pca_lowrank",
    }
)

UNINITIALISED = frozenset(
    {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "new"}
)

# None: follows its arguments.
INTEGER: dict[str, bool | None] = {
    **{f"torch.{name}": None for name in ("arange", "range", "full", "tensor", "as_tensor", "asarray", "from_numpy")},
    **{f"torch.{name}": True for name in ("randint", "randperm", "tril_indices", "triu_indices")},
    **{
        f"torch.{prefix}{name}": name
        in ("ByteTensor", "CharTensor", "ShortTensor", "IntTensor", "LongTensor", "BoolTensor")
        for prefix in ("", "cuda.")
        for name in (
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
    },
    "torch.Tensor": False,
    "torch.nn.functional.one_hot": True,
    "torch.bincount": None,
    "torch.frombuffer": None,
}

# Rules that samples cannot tell (one rank only, lists of lists) or that hold where sizes are given in several ways.
RANKS: dict[str, ResultRank] = {
    **{f"torch.{name}": ResultRank.DATA for name in ("tensor", "as_tensor", "asarray")},
    **{
        f"torch.{name}": ResultRank.SIZE
        for name in ("zeros", "ones", "empty", "full", "rand", "randn", "randint", "empty_strided", "empty_permuted")
    },
    **{f"torch.Tensor.{name}": ResultRank.SIZE for name in ("new", "new_zeros", "new_ones", "new_empty", "new_full")},
    **{f"torch.{name}": ResultRank.ONE for name in ("linspace", "logspace", "range", "arange", "randperm")},
    **{f"torch.{name}_window": ResultRank.ONE for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")},
    "torch.fft.fftfreq": ResultRank.ONE,
    "torch.fft.rfftfreq": ResultRank.ONE,
    "torch.eye": ResultRank.TWO,
    "torch.tril_indices": ResultRank.TWO,
    "torch.triu_indices": ResultRank.TWO,
    "torch.nonzero": ResultRank.TWO,
    "torch.Tensor.nonzero": ResultRank.TWO,
    "torch.frombuffer": ResultRank.ONE,
    "torch.from_numpy": ResultRank.UNKNOWN,
    "torch.Tensor.new_tensor": ResultRank.DATA,
    "torch.autograd.Variable": ResultRank.SAME,
    "torch.nn.functional.embedding": ResultRank.PLUS_ONE,
    "torch.nn.functional.cosine_similarity": ResultRank.UNKNOWN,
    "torch.Tensor.sum_to_size": ResultRank.SIZE,
    "torch.Tensor.__iter__": ResultRank.MINUS_ONE,
    "torch.Tensor.type_as": ResultRank.SAME,
    "torch.nn.functional.gaussian_nll_loss": ResultRank.LOSS,
    "torch.nn.functional.embedding_bag": ResultRank.TWO,
    "torch.pinverse": ResultRank.SAME,
    # Samples give unbiased by position, which binds to dim.
    **{
        f"{namespace}.{name}": ResultRank.REDUCTION
        for namespace in ("torch", "torch.Tensor")
        for name in ("std", "var", "std_mean", "var_mean")
    },
    "torch.nn.utils.rnn.pad_sequence": ResultRank.STACK,
    "torch.Tensor.type": ResultRank.SAME,
    "torch.Tensor.as_subclass": ResultRank.SAME,
    **{
        f"torch.nn.functional.{name}": ResultRank.SAME
        for name in ("dropout1d", "gumbel_softmax", "lp_pool1d", "lp_pool2d", "lp_pool3d", "upsample")
    },
    **{f"torch.{name}": ResultRank.SAME for name in ("poisson", "feature_dropout", "adjoint")},
    "torch.Tensor.adjoint": ResultRank.SAME,
    "torch.linspace": ResultRank.ONE,
    "torch.logspace": ResultRank.ONE,
    "torch.nn.utils.parameters_to_vector": ResultRank.ONE,
}
SAME_RANK = (
    "data",
    "grad",
    "contiguous",
    "detach",
    "clone",
    "cpu",
    "pin_memory",
    "to",
    "type",
    *CHANGES_TYPE,
    *MOVES_TO_ACCELERATOR,
)
