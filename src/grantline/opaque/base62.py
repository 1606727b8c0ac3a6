"""Base62 of fixed length, by pairs of characters: the cheapest exact form in pure Python."""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(a + b for a in ALPHABET for b in ALPHABET)
_PAIR_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}
_CHUNK: Final = 62**10  # fits a machine word, so the inner division stays cheap


def encode(value: int, length: int) -> str:
    """The number as exactly `length` base62 characters, zero-padded.

    Raises OverflowError when the number does not fit.
    """
    pairs: list[str] = []
    width = length + (length & 1)
    remaining = width
    while remaining > 0:
        value, chunk = divmod(value, _CHUNK)
        for _ in range(min(5, remaining // 2)):
            chunk, index = divmod(chunk, 3844)
            pairs.append(_PAIRS[index])
        remaining -= 10
        if chunk:
            raise OverflowError("the number does not fit the length")
    if value:
        raise OverflowError("the number does not fit the length")
    pairs.reverse()
    text = "".join(pairs)
    if width != length:
        if text[0] != "0":
            raise OverflowError("the number does not fit the length")
        text = text[1:]
    return text


def decode(text: str) -> int:
    """The number that base62 text stands for. Raises ValueError on any other character."""
    if len(text) & 1:
        text = "0" + text
    value = 0
    try:
        for start in range(0, len(text), 10):
            chunk = 0
            part = text[start : start + 10]
            for index in range(0, len(part), 2):
                chunk = chunk * 3844 + _PAIR_VALUES[part[index : index + 2]]
            value = value * 62 ** len(part) + chunk
    except KeyError:
        raise ValueError("not base62") from None
    return value
