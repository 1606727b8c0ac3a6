"""Where deleted rows still stand, and what can be done about it."""

from grantline.db.database import Database
from grantline.db.sqlite import SqliteDatabase


async def erase_deleted(db: Database) -> bool:
    """Take what was deleted out of the files, as far as this database does so: SQLite overwrites it, and its
    log is cut here. PostgreSQL does it by itself, in its own time. False when it must be tried again."""
    return await db.empty_log() if isinstance(db, SqliteDatabase) else True
