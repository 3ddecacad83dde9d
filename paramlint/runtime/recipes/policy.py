"""What a recipe may call: constructors and tensor factories, nothing that reads, writes, downloads or trains."""

from __future__ import annotations

from paramlint.model import code

# Packages whose functions only make values.
_MAKERS = ("torch.", "numpy.", "math.", "einops.", "collections.", "copy.", "itertools.", "operator.")

# Parts of them that reach outside the process, compile, or start something.
_REACHING_OUT = (
    "torch._C",
    "torch.backends",
    "torch.compile",
    "torch.distributed",
    "torch.export",
    "torch.fx",
    "torch.hub",
    "torch.jit",
    "torch.load",
    "torch.multiprocessing",
    "torch.onnx",
    "torch.optim",
    "torch.package",
    "torch.profiler",
    "torch.save",
    "torch.set_",
    "torch.use_deterministic_algorithms",
    "torch.utils",
    "numpy.fromfile",
    "numpy.load",
    "numpy.loadtxt",
    "numpy.genfromtxt",
    "numpy.memmap",
    "numpy.save",
)

_SINGLE_MAKERS = frozenset(
    {
        "argparse.Namespace",
        "dataclasses.replace",
        "functools.partial",
        "torch.cuda.is_available",
        "types.SimpleNamespace",
    }
)

# Modules of which no class is a plain value either.
_WORKING_PACKAGES = frozenset(
    {
        "argparse",
        "asyncio",
        "concurrent",
        "ctypes",
        "ftplib",
        "glob",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "pickle",
        "requests",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "unittest",
        "urllib",
        "zipfile",
    }
)

_BUILTIN_MAKERS = frozenset(
    {
        "abs",
        "bool",
        "dict",
        "enumerate",
        "filter",
        "float",
        "frozenset",
        "hasattr",
        "int",
        "isinstance",
        "len",
        "list",
        "map",
        "max",
        "min",
        "range",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "zip",
    }
)

# Methods of any object that do more than give a value.
_WORKING_METHODS = frozenset(
    {
        "backward",
        "close",
        "download",
        "exit",
        "fit",
        "from_pretrained",
        "load",
        "load_from_checkpoint",
        "load_state_dict",
        "main",
        "open",
        "parse_args",
        "push_to_hub",
        "read",
        "run",
        "save",
        "save_pretrained",
        "start",
        "step",
        "to_csv",
        "write",
    }
)

# Moves to a device: a recipe builds on the CPU, and the worker moves what it wants to.
MOVES = frozenset({"cpu", "cuda", "mps", "xpu"})

# Methods of a Module that give the Module back.
SELF_RETURNING = frozenset(
    {
        "apply",
        "bfloat16",
        "cpu",
        "cuda",
        "double",
        "eval",
        "float",
        "half",
        "requires_grad_",
        "to",
        "train",
        "type",
        "xpu",
    }
)


def is_maker(name: str) -> bool:
    """Whether a call of something that is not read, by its canonical dotted name, only makes a value."""
    top, _, rest = name.partition(".")
    if top == "builtins":
        return rest in _BUILTIN_MAKERS
    if name in _SINGLE_MAKERS:
        return True
    if name.startswith(_MAKERS):
        is_device_call = name.startswith("torch.cuda")
        return not is_device_call and not name.startswith(_REACHING_OUT)
    # A class by its spelling (PEP 8): configuration objects of packages that are not read.
    last = rest.rpartition(".")[2] if rest else ""
    return top not in _WORKING_PACKAGES and last[:1].isupper()


def makes_tensor(name: str) -> bool:
    """Whether a call of that canonical name gives a tensor: a function of torch or of its functional modules."""
    parent, _, last = name.rpartition(".")
    if parent not in ("torch", "torch.nn.functional", "torch.fft", "torch.linalg", "torch.special"):
        return False
    return last[:1].islower() and last not in (
        "device",
        "dtype",
        "manual_seed",
        "is_tensor",
        "no_grad",
        "finfo",
        "iinfo",
    )


def is_quiet_method(name: str) -> bool:
    """Whether a method of that name may be called on a value that a recipe makes."""
    return name not in _WORKING_METHODS


def without_device(arguments: tuple[code.Argument, ...]) -> tuple[code.Argument, ...]:
    """Leave out the device: a tensor of a recipe is made on the CPU."""
    return tuple(argument for argument in arguments if argument.keyword != "device")
