"""The folder that holds what people uploaded and what jobs made. Names there are numbers of ours alone."""

import secrets
from pathlib import Path

_UNFINISHED = "arriving-"


class Storage:
    """Files beside the database, each named for the row that it belongs to; for their owner alone."""

    def __init__(self, database: Path | str) -> None:
        self.folder = Path(f"{database}.files")

    def open(self) -> None:
        """Make the folder, and drop uploads that a stopped process left half-way."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self.folder.glob(f"{_UNFINISHED}*"):
            left.unlink(missing_ok=True)

    def arriving(self) -> Path:
        """An empty file for something that is still coming in."""
        path = self.folder / f"{_UNFINISHED}{secrets.token_hex(16)}"
        path.touch(mode=0o600)
        return path

    def file(self, id: int) -> Path:
        """Where an uploaded file is."""
        return self.folder / f"file-{id}"

    def rows(self, job: int) -> Path:
        """A bulk write's CSV, out of its ZIP."""
        return self.folder / f"job-{job}-rows.csv"

    def working(self, job: int) -> Path:
        """A job's result while it grows."""
        return self.folder / f"job-{job}-result.csv"

    def result(self, job: int) -> Path:
        """A job's result, packed."""
        return self.folder / f"job-{job}.zip"

    def append(self, job: int, written: int, text: str) -> int:
        """Write a job's result on behind its first `written` bytes, whatever is there, and give its size."""
        path = self.working(job)
        if not written:
            path.touch(mode=0o600)
        with path.open("r+b") as file:
            file.truncate(written)
            file.seek(written)
            file.write(text.encode("utf-8", "replace"))
            return file.tell()

    def drop_job(self, job: int) -> None:
        """Delete all that a job has here."""
        result = self.result(job)
        for path in (self.rows(job), self.working(job), result, result.with_suffix(".packing")):
            path.unlink(missing_ok=True)
