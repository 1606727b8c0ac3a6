"""Base62 of fixed length in pure Python, by few operations on large numbers (`docs/decisions/0002`)."""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LONGEST: Final = 128
"""Characters that `decode` takes at once."""

_PAIRS: Final = tuple(a + b for a in ALPHABET for b in ALPHABET)
_EIGHT: Final = 62**8
_FOUR: Final = 62**4
_LONG: Final = 30
_NOT_A_DIGIT: Final = 0xFF
_DIGITS: Final = bytes(
    ALPHABET.index(chr(byte)) if chr(byte) in ALPHABET else _NOT_A_DIGIT for byte in range(256)
)


def _every_other_lane(bits: int) -> int:
    return sum(((1 << bits) - 1) << start for start in range(0, 8 * LONGEST, 2 * bits))


# Lane width in bits, the mask of every other lane, and what the left one of two neighbours counts.
_STEPS: Final = tuple(
    (8 << step, _every_other_lane(8 << step), 62 ** (1 << step)) for step in range(LONGEST.bit_length() - 1)
)


_LANE: Final = 128
_FACTORS: Final = tuple(
    # Numbers below 62^width in lanes of `lane` bits: a multiplication and a shift divide them all at once by
    # 62^(width/2), exactly, and what is added puts quotient and remainder into a half of the lane each.
    (
        -(-(1 << shift) // 62 ** (width // 2)),
        shift,
        sum(
            ((1 << (62 ** (width // 2)).bit_length()) - 1) << start
            for start in range(0, 8 * 2 * LONGEST, lane)
        ),
        (1 << lane // 2) - 62 ** (width // 2),
    )
    for width, lane, shift in ((8, _LANE, 72), (4, 64, 34), (2, 32, 18))
)
_LETTERS: Final = ALPHABET.encode() + bytes(256 - len(ALPHABET))


def _encode_long(value: int, length: int) -> str:
    """`encode` by lanes, which pays from about thirty characters on."""
    eights = (length + 7) // 8
    lanes = 0
    for start in range(0, eights * _LANE, _LANE):
        value, eight = divmod(value, _EIGHT)
        lanes |= eight << start
    for factor, shift, mask, apart in _FACTORS:
        lanes += ((lanes * factor >> shift) & mask) * apart
    digits = lanes.to_bytes(eights * _LANE // 8)[1::2]
    spare = len(digits) - length
    if value or any(digits[:spare]):
        raise OverflowError("the number does not fit the length")
    return digits[spare:].translate(_LETTERS).decode()


def encode_crc(value: int) -> str:
    """A number of 32 bits as six base62 characters: `encode` for the one length that every string needs."""
    high, low = divmod(value, 3844)
    return f"{_PAIRS[high // 3844]}{_PAIRS[high % 3844]}{_PAIRS[low]}"


def encode(value: int, length: int) -> str:
    """The number as exactly `length` base62 characters, zero-padded.

    Raises OverflowError when the number does not fit.
    """
    if length >= _LONG:
        return _encode_long(value, length)
    text = ""
    for _ in range((length + 7) // 8):
        value, eight = divmod(value, _EIGHT)
        high, low = eight // _FOUR, eight % _FOUR
        text = f"{_PAIRS[high // 3844]}{_PAIRS[high % 3844]}{_PAIRS[low // 3844]}{_PAIRS[low % 3844]}{text}"
    spare = len(text) - length
    if value or text[:spare].strip("0"):
        raise OverflowError("the number does not fit the length")
    return text[spare:]


def decode(text: str) -> int:
    """The number that base62 text of at most LONGEST characters stands for. Raises ValueError on any other
    character."""
    digits = text.encode("ascii", "replace").translate(_DIGITS)
    if _NOT_A_DIGIT in digits or len(digits) > LONGEST:
        raise ValueError("not base62")
    # One digit per byte; then all neighbours are put together at once, into lanes twice as wide each time.
    value = int.from_bytes(digits)
    for bits, lanes, weight in _STEPS:
        if len(digits) * 8 <= bits:
            break
        value = ((value >> bits) & lanes) * weight + (value & lanes)
    return value
