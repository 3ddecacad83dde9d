"""Which files of a project mention a word, found in their bytes without parsing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

MOST_FILES = 20_000
MOST_BYTES = 100_000_000

# So many words are looked for in the texts themselves. Whoever asks for more gets each word of a file kept once, which
# takes a fifth of the memory and of the time of a search, but some 7 s for a gigabyte to make.
_WORDS_IN_FULL_TEXT = 6

_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") | frozenset(range(128, 256))
_SPACE_BETWEEN_WORDS = bytes(byte if byte in _WORD_BYTES else ord(" ") for byte in range(256))


class WordIndex:
    """Finds words in files, all of which are read when the first word is asked for; every answer is kept."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = files
        self._paths: list[Path] = []
        self._starts: list[int] = []
        self._text: bytes | bytearray | None = None
        self._is_whole = True
        self._is_condensed = False
        self._answers: dict[str, tuple[Path, ...]] = {}

    def files_with(self, word: str) -> tuple[Path, ...] | None:
        """Return the files in which a word stands, whole; None where there is too much to search."""
        if self._text is None:
            self._text = self._read()
        if not self._is_whole:
            return None
        if word not in self._answers:
            if len(self._answers) == _WORDS_IN_FULL_TEXT:
                self.condense()
            self._answers[word] = self._answer(self._text, word.encode())
        return self._answers[word]

    def condense(self) -> None:
        """Keep each word of a file once, in place of the file's text."""
        if self._text is None or self._is_condensed:
            return
        words = bytearray()
        ends = [*self._starts[1:], len(self._text)]
        for number, end in enumerate(ends if self._starts else ()):
            text = bytes(self._text[self._starts[number] : end])
            self._starts[number] = len(words)
            words += b"\n".join(set(text.translate(_SPACE_BETWEEN_WORDS).split())) + b"\n"
        self._text = words
        self._is_condensed = True

    def _answer(self, text: bytes | bytearray, word: bytes) -> tuple[Path, ...]:
        if self._is_condensed and not _WORD_BYTES.issuperset(word):
            # A name that ``setattr`` is given may hold anything, and is no word of a text.
            return WordIndex(self._paths).files_with(word.decode()) or ()
        return tuple(self._search(text, word))

    def _read(self) -> bytes | bytearray:
        # Grown in place: to join the texts of a large project would take their size twice.
        text = bytearray()
        for path in self._files:
            try:
                data = path.read_bytes()
            except OSError:
                continue
            if len(self._paths) >= MOST_FILES or len(text) + len(data) > MOST_BYTES:
                self._is_whole = False
                return b""
            self._paths.append(path)
            self._starts.append(len(text))
            text += data
            # The line end keeps words of neighbouring files apart.
            text += b"\n"
        return text

    def _search(self, text: bytes | bytearray, word: bytes) -> Iterable[Path]:
        at = text.find(word) if word else -1
        while at >= 0:
            end = at + len(word)
            if text[end] not in _WORD_BYTES and (at == 0 or text[at - 1] not in _WORD_BYTES):
                number = bisect_right(self._starts, at) - 1
                yield self._paths[number]
                if number + 1 == len(self._starts):
                    return
                end = self._starts[number + 1]
            at = text.find(word, end)
