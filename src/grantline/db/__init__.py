"""The database: four verbs (`one`, `all`, `run`, `transaction`) over a driver, and the migrations.

SQL stands beside the record that it loads, in the noun's own package. Parameters are written `$1`, `$2`, … in
the subset that
SQLite and PostgreSQL share. Today there is one driver, SQLite (`db/sqlite.py`).
"""

from grantline.db.database import Database, DatabaseUnavailable, Row, Transaction, UniqueViolation
from grantline.db.migrate import migrate, schema_version
from grantline.db.opening import open_database

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "Row",
    "Transaction",
    "UniqueViolation",
    "migrate",
    "open_database",
    "schema_version",
]
