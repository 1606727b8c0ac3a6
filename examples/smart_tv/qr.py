"""A QR code (ISO/IEC 18004) of an address: bytes, error correction M, up to 106 characters."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

BLOCKS: Final = {
    1: (10, 1, 16),
    2: (16, 1, 28),
    3: (26, 1, 44),
    4: (18, 2, 32),
    5: (24, 2, 43),
    6: (16, 4, 27),
}
"""By version: words of error correction in a block, blocks, words of data in a block."""
Grid = list[list[bool | None]]


def svg_path(text: str) -> tuple[int, str] | None:
    """The side in modules, and the dark ones as a path of SVG; None when the text is too long."""
    data = text.encode()
    version = next((one for one, (_, many, each) in BLOCKS.items() if len(data) + 2 <= many * each), None)
    if version is None:
        return None
    dark = _best(version, _words(version, data))
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(dark) for x, is_dark in enumerate(row) if is_dark
    )
    return len(dark), path


def _words(version: int, data: bytes) -> list[int]:
    """Data and error correction, block by block, woven together."""
    correction, many, each = BLOCKS[version]
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)][: many * each]
    words += [(0xEC, 0x11)[number % 2] for number in range(many * each - len(words))]
    blocks = [words[at : at + each] for at in range(0, many * each, each)]
    checks = [_remainder(block, correction) for block in blocks]
    return [word for part in (blocks, checks) for column in zip(*part, strict=True) for word in column]


def _times(one: int, other: int) -> int:
    """The product in GF(256)."""
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product


def _remainder(words: Sequence[int], length: int) -> list[int]:
    """The words of Reed and Solomon."""
    divisor, root = [1], 1
    for _ in range(length):
        shifted = [_times(one, root) for one in divisor]
        divisor = [one ^ other for one, other in zip([*divisor, 0], [0, *shifted], strict=True)]
        root = _times(root, 2)
    rest = [*words, *[0] * length]
    for at in range(len(words)):
        factor = rest[at]
        for offset, one in enumerate(divisor):
            rest[at + offset] ^= _times(one, factor)
    return rest[len(words) :]


def _frame(version: int) -> Grid:
    """What every code of this version has; None where data goes. The format comes later."""
    side = 17 + 4 * version
    grid: Grid = [[None] * side for _ in range(side)]
    for left, top in ((0, 0), (side - 7, 0), (0, side - 7)):
        for y in range(max(0, top - 1), min(side, top + 8)):
            for x in range(max(0, left - 1), min(side, left + 8)):
                ring = max(abs(x - left - 3), abs(y - top - 3))
                grid[y][x] = ring in (0, 1, 3)
    for at in range(8, side - 8):
        grid[6][at] = grid[at][6] = at % 2 == 0
    if version > 1:
        centre = side - 7
        for y in range(-2, 3):
            for x in range(-2, 3):
                grid[centre + y][centre + x] = max(abs(x), abs(y)) != 1
    for x, y in _format_places(side):
        grid[y][x] = False
    grid[side - 8][8] = True
    return grid


def _format_places(side: int) -> Iterator[tuple[int, int]]:
    """Where the 15 bits of the format stand, twice, from the lowest."""
    for at in (0, 1, 2, 3, 4, 5, 7, 8):
        yield 8, at
    for at in (7, 5, 4, 3, 2, 1, 0):
        yield at, 8
    for at in range(8):
        yield side - 1 - at, 8
    for at in range(7):
        yield 8, side - 7 + at


def _best(version: int, words: Sequence[int]) -> list[list[bool]]:
    """The mask that leaves the fewest long runs."""
    return min((_masked(version, words, mask) for mask in range(8)), key=_runs)


def _runs(dark: list[list[bool]]) -> int:
    lines = [*dark, *map(list, zip(*dark, strict=True))]
    lengths = (len(list(run)) for line in lines for _, run in groupby(line))
    return sum(length - 2 for length in lengths if length >= 5)


def _masked(version: int, words: Sequence[int], mask: int) -> list[list[bool]]:
    grid = _frame(version)
    side = len(grid)
    bits = (word >> shift & 1 for word in words for shift in range(7, -1, -1))
    for number, right in enumerate((*range(side - 1, 6, -2), 5, 3, 1)):
        for step in range(side):
            y = side - 1 - step if number % 2 == 0 else step
            for x in (right, right - 1):
                if grid[y][x] is None:
                    grid[y][x] = bool(next(bits, 0)) != _flips(mask, x, y)
    rest = value = mask  # level M is 00
    for _ in range(10):
        rest = rest << 1 ^ (0x537 if rest & 0x200 else 0)
    value = (value << 10 | rest) ^ 0x5412
    for number, (x, y) in enumerate(_format_places(side)):
        grid[y][x] = bool(value >> number % 15 & 1)
    return [[bool(one) for one in row] for row in grid]


def _flips(mask: int, x: int, y: int) -> bool:
    return (
        (x + y) % 2,
        y % 2,
        x % 3,
        (x + y) % 3,
        (x // 3 + y // 2) % 2,
        x * y % 2 + x * y % 3,
        (x * y % 2 + x * y % 3) % 2,
        ((x + y) % 2 + x * y % 3) % 2,
    )[mask] == 0
