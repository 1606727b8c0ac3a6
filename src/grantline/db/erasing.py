"""Where deleted rows still stand, and what can be done about it."""

from grantline.db.database import Database
from grantline.db.sqlite import SqliteDatabase


async def erase_deleted(db: Database) -> bool:
    """Take what was deleted out of the files; False when that is left to the operator.

    SQLite overwrites what is deleted, but a page that was split or merged may keep a copy, and the log keeps
    what was: a small file is written anew. PostgreSQL uses the room again in its own time.
    """
    return await db.erase_deleted() if isinstance(db, SqliteDatabase) else True
