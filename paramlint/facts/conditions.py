"""The conditions a parser and a lowering run under: what is switched off meanwhile, and how a failure is told."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from paramlint.facts.source import Source, SourceError

# How deep nodes of the form may nest, statements and expressions together. A deeper expression becomes Opaque, a
# deeper statement an error. Chosen so that walking a form by recursion, comparing it and pickling it stay within
# Python's own limit of 1000 frames; in 10,000 files of 40 packages the deepest reaches 116, the next 61.
MAXIMUM_DEPTH: Final = 200

TOO_DEEP: Final = "is nested too deeply to be analysed"


@contextmanager
def lowering(source: Source) -> Iterator[None]:
    """Run the body without garbage collection and warnings, and raise its failures as SourceError.

    Trees are acyclic and live until the lowering ends, so collecting meanwhile costs time and frees nothing. The
    warnings are those of the compiler about the user's literals, which belong to other tools.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SyntaxError as error:
        if error.msg == "too many nested parentheses":
            raise SourceError(source.path, error.lineno or 1, TOO_DEEP) from error
        raise SourceError(source.path, error.lineno or 1, f"cannot be parsed: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        # CPython's parser runs out of its own stack with MemoryError.
        raise SourceError(source.path, 1, TOO_DEEP) from error
    except ValueError as error:  # lone surrogates, which UTF-8 cannot hold; numbers of more digits than int() takes
        raise SourceError(source.path, 1, f"cannot be parsed: {error}") from error
    finally:
        if collecting:
            gc.enable()
