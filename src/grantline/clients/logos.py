"""Logos of apps: small pictures, written anew out of the parts that draw, kept under their digest (T87).

Nothing is decoded here but what tells the size; whatever a file holds beside its picture (comments, places,
another file behind the end) is left behind. Drawings that can hold a script are refused.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grantline.clients.client import Client
from grantline.clients.elsewhere import queue_definition
from grantline.db import Database, Transaction

MOST_LOGO_BYTES: Final = 256 * 1024
MOST_LOGO_PIXELS: Final = 512
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PARTS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WEBP_PARTS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
_JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_KEPT: Final = frozenset({*_JPEG_FRAMES, 0xC4, 0xDB, 0xDD})
_JPEG_SCAN: Final = 0xDA


class LogoRefused(ValueError):
    """The file is no logo; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is served."""

    content: bytes
    content_type: str
    width: int
    height: int

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal digits: its name."""
        return hashlib.sha256(self.content).hexdigest()


def read_logo(content: bytes) -> Logo:
    """The picture in this file, and nothing else of it. Raises LogoRefused."""
    if not content:
        raise LogoRefused("Choose a file first.")
    if len(content) > MOST_LOGO_BYTES:
        raise LogoRefused("The file is larger than 256 KB. Save it smaller.")
    try:
        if content.startswith(_PNG):
            logo = _read_png(content)
        elif content.startswith(b"\xff\xd8\xff"):
            logo = _read_jpeg(content)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            logo = _read_webp(content)
        else:
            raise LogoRefused("The file is no PNG, JPEG or WebP picture. Save it as one of these.")
    except (IndexError, zlib.error):
        raise LogoRefused("The picture is damaged. Save it anew.") from None
    if not (logo.width and logo.height):
        raise _damaged()
    if max(logo.width, logo.height) > MOST_LOGO_PIXELS:
        raise LogoRefused("The picture is larger than 512 by 512 pixels. Save it smaller.")
    return logo


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _damaged() -> LogoRefused:
    return LogoRefused("The picture is damaged. Save it anew.")


def _png_parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while True:
        length, kind = _number(content[at : at + 4]), content[at + 4 : at + 8]
        data = content[at + 8 : at + 8 + length]
        checksum = content[at + 8 + length : at + 12 + length]
        if len(data) != length or len(checksum) != 4 or _number(checksum) != zlib.crc32(kind + data):
            raise _damaged()
        yield kind, data
        if kind == b"IEND":
            return
        at += 12 + length


def _read_png(content: bytes) -> Logo:
    kept, header, pixels = [_PNG], b"", b""
    for number, (kind, data) in enumerate(_png_parts(content)):
        if (number == 0) != (kind == b"IHDR"):
            raise _damaged()
        if kind == b"IHDR":
            header = data
        elif kind == b"IDAT":
            pixels += data
        if kind in _PNG_PARTS:
            checksum = zlib.crc32(kind + data).to_bytes(4, "big")
            kept.append(len(data).to_bytes(4, "big") + kind + data + checksum)
    if len(header) != 13 or header[8] not in (1, 2, 4, 8, 16) or header[9] not in _PNG_CHANNELS:
        raise _damaged()
    width, height = _number(header[:4]), _number(header[4:8])
    if width <= MOST_LOGO_PIXELS and height <= MOST_LOGO_PIXELS:
        # As many bytes as the header promises: a picture of few bytes must not grow without end.
        row = (width * header[8] * _PNG_CHANNELS[header[9]] + 7) // 8 + 1
        most = row * height + 8 * (MOST_LOGO_PIXELS + 1)
        unpacked = zlib.decompressobj()
        if not pixels or len(unpacked.decompress(pixels, most + 1)) > most:
            raise _damaged()
    return Logo(b"".join(kept), "image/png", width, height)


def _read_jpeg(content: bytes) -> Logo:
    kept, at, size = [b"\xff\xd8"], 2, (0, 0)
    while True:
        if content[at] != 0xFF:
            raise _damaged()
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == 0xD9:
            break
        length = _number(content[at + 2 : at + 4])
        segment = content[at : at + 2 + length]
        if length < 2 or len(segment) != length + 2:
            raise _damaged()
        at += 2 + length
        if marker in _JPEG_FRAMES:
            size = (_number(segment[7:9]), _number(segment[5:7]))
        if marker in _JPEG_KEPT:
            kept.append(segment)
        elif marker == _JPEG_SCAN:
            end = _end_of_scan(content, at)
            kept.append(segment + content[at:end])
            at = end
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise LogoRefused("This kind of JPEG is not read everywhere. Save it as a plain one, or as PNG.")
    kept.append(b"\xff\xd9")
    return Logo(b"".join(kept), "image/jpeg", *size)


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands that is neither an escaped byte nor a restart."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0:
            raise _damaged()
        follower = content[at + 1]
        if follower != 0 and not 0xD0 <= follower <= 0xD7:
            return at
        at += 2


def _read_webp(content: bytes) -> Logo:
    if int.from_bytes(content[4:8], "little") + 8 > len(content):
        raise _damaged()
    kept, at, end, size = [], 12, int.from_bytes(content[4:8], "little") + 8, (0, 0)
    while at + 8 <= end:
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        data = content[at + 8 : at + 8 + length]
        if len(data) != length:
            raise _damaged()
        at += 8 + length + length % 2
        if kind == b"VP8X":
            if data[0] & 0x02:
                raise LogoRefused("The picture moves. Save a single one.")
            data = bytes([data[0] & 0x10]) + data[1:]
        if kind in _WEBP_PARTS:
            size = _webp_size(kind, data) or size
            kept.append(kind + length.to_bytes(4, "little") + data + b"\0" * (length % 2))
    body = b"WEBP" + b"".join(kept)
    return Logo(b"RIFF" + len(body).to_bytes(4, "little") + body, "image/webp", *size)


def _webp_size(kind: bytes, data: bytes) -> tuple[int, int] | None:
    def little(part: bytes) -> int:
        return int.from_bytes(part, "little")

    if kind == b"VP8X":
        return little(data[4:7]) + 1, little(data[7:10]) + 1
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        return little(data[6:8]) & 0x3FFF, little(data[8:10]) & 0x3FFF
    if kind == b"VP8L" and data[0] == 0x2F:
        bits = little(data[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


async def set_logo(db: Database, client: Client, logo: Logo | None, now: int) -> None:
    """Give the app this logo, or none; a picture that no app shows any more is deleted."""
    async with db.transaction() as tx:
        if logo is not None:
            await keep_logo(tx, logo, now)
        await tx.run(
            "UPDATE clients SET logo_digest = $2, version = version + 1, updated_at = $3"
            " WHERE id = $1 AND deleted_at IS NULL",
            client.id,
            logo.digest if logo is not None else "",
            now,
        )
        await queue_definition(tx, client.id, now)
        if client.logo_digest:
            await sweep_logo(tx, client.logo_digest)


async def keep_logo(tx: Transaction, logo: Logo, now: int) -> None:
    """Store the picture, once for all apps that show it."""
    await tx.run(
        "INSERT INTO logos (digest, content_type, content, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (digest) DO NOTHING",
        logo.digest,
        logo.content_type,
        logo.content,
        now,
    )


async def sweep_logo(tx: Transaction, digest: str) -> None:
    """Delete the picture if no app shows it any more."""
    await tx.run(
        "DELETE FROM logos WHERE digest = $1 AND NOT EXISTS"
        " (SELECT 1 FROM clients WHERE logo_digest = $1 AND deleted_at IS NULL)",
        digest,
    )


async def find_logo(db: Database, digest: str) -> tuple[bytes, str] | None:
    """The picture of this digest and its content type."""
    row = await db.one("SELECT content, content_type FROM logos WHERE digest = $1", digest)
    return (bytes(row[0]), row[1]) if row is not None else None
