"""The database: four verbs (`one`, `all`, `run`, `transaction`) over a driver, two for what is hot (`pair`,
`reserve`), and the migrations.

SQL stands beside the record that it loads, in the noun's own package, in the subset that SQLite and
PostgreSQL share; parameters are written `$1`, `$2`, …. There are two drivers: SQLite (`db/sqlite.py`) and
PostgreSQL (`db/postgres.py`).
"""

from grantline.db.database import (
    Database,
    DatabaseUnavailable,
    Pair,
    Row,
    Transaction,
    UniqueViolation,
    placeholders,
)
from grantline.db.erasing import erase_deleted
from grantline.db.lock import held_alone
from grantline.db.migrate import MigrationFailed, SchemaRefused, migrate, schema_version
from grantline.db.moving import Moved, MoveFailed, Step, move_database
from grantline.db.opening import open_database
from grantline.db.postgres_url import without_password

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "MigrationFailed",
    "MoveFailed",
    "Moved",
    "Pair",
    "Row",
    "SchemaRefused",
    "Step",
    "Transaction",
    "UniqueViolation",
    "erase_deleted",
    "held_alone",
    "migrate",
    "move_database",
    "open_database",
    "placeholders",
    "schema_version",
    "without_password",
]
