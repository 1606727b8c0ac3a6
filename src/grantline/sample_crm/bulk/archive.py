"""ZIP files: opening one that somebody sent, with suspicion, and packing a result."""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from grantline.sample_crm.bulk.lines import Unreadable

MOST_CSV_BYTES: Final = 512 * 1024**2
MOST_RATIO: Final = 200
MOST_ENTRIES: Final = 16
_RATIO_FROM: Final = 16 * 1024**2
_CHUNK: Final = 1024**2
_LARGEST_DIRECTORY: Final = 64 * 1024
_END: Final = struct.Struct("<4s4H2LH")
_ZIP64: Final = 0xFFFFFFFF


def is_zip(path: Path) -> bool:
    """Whether the file begins as a ZIP that holds something."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def unpack_csv(source: Path, target: Path) -> None:
    """Write the one CSV of a ZIP to `target`, in bounded memory. Raises Unreadable.

    At most 512 MB come out, and of anything larger than 16 MB at most 200 bytes for each that went in.
    """
    try:
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            entry = _find_csv(archive)
            with archive.open(entry) as packed, target.open("wb") as out:
                _copy(packed, out, source.stat().st_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, struct.error) as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        raise Unreadable("INVALID_FILE_FORMAT", "The file is not a ZIP that can be read.") from None


def pack_csv(source: Path, target: Path, name: str) -> int:
    """Pack a CSV into a ZIP under this name and give the size of the ZIP."""
    packing = target.with_suffix(".packing")
    with zipfile.ZipFile(packing, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.write(source, name)
    packing.chmod(0o600)
    packing.rename(target)
    return target.stat().st_size


def _check_directory(source: Path) -> None:
    """The directory at the end of a ZIP is read as a whole, so its size is looked at first."""
    size = source.stat().st_size
    with source.open("rb") as file:
        file.seek(max(0, size - _END.size))
        mark, _, _, _, entries, directory_size, offset, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment or _ZIP64 in (directory_size, offset):
        message = "The file is not a plain ZIP: it has a comment, is in the ZIP64 form, or is cut off."
        raise Unreadable("INVALID_FILE_FORMAT", message)
    if entries > MOST_ENTRIES or directory_size > _LARGEST_DIRECTORY:
        message = f"The ZIP holds more than {MOST_ENTRIES} files; it should hold one CSV."
        raise Unreadable("INVALID_FILE_FORMAT", message)


def _find_csv(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")
    ]
    if len(found) != 1 or not found[0].filename.lower().endswith(".csv"):
        raise Unreadable(
            "INVALID_FILE_FORMAT", "The ZIP should hold one file, with a name that ends in .csv."
        )
    (entry,) = found
    if entry.flag_bits & 1:
        raise Unreadable("INVALID_FILE_FORMAT", "The ZIP has a password; send it without one.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("INVALID_FILE_FORMAT", "The ZIP is packed in another way than deflate.")
    return entry


def _copy(packed: IO[bytes], out: IO[bytes], packed_size: int) -> None:
    """What is counted is what comes out, not what the ZIP says of itself."""
    done = 0
    while chunk := packed.read(_CHUNK):
        done += len(chunk)
        if done > MOST_CSV_BYTES:
            raise Unreadable("FILE_TOO_LARGE", f"The CSV is larger than {MOST_CSV_BYTES} bytes.")
        if done > _RATIO_FROM and done > MOST_RATIO * max(1, packed_size):
            message = f"The CSV is more than {MOST_RATIO} times as large as its ZIP. Send it in parts."
            raise Unreadable("FILE_TOO_LARGE", message)
        if b"\x00" in chunk:
            raise Unreadable("INVALID_FILE_FORMAT", "The file is not text in UTF-8.")
        out.write(chunk)
