"""Copies of one PostgreSQL database for many tests. A copy that a test has used is made as it was, which
costs a small part of a new one."""

import re
import subprocess
from dataclasses import dataclass, field
from typing import Final

from tests.cluster import Cluster, programs

# Ends what a test has left open, empties the tables that hold something, and fails if a test has changed more
# than rows and counters. Neither foreign keys nor triggers look at what follows.
EMPTIED: Final = """
SET session_replication_role = replica;
DO $$
DECLARE it regclass;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    IF (@shape) IS DISTINCT FROM '@wanted' THEN
        RAISE EXCEPTION 'its tables were changed';
    END IF;
    FOR it IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        IF pg_relation_size(it) > 0 THEN
            EXECUTE format('DELETE FROM %s', it);
        END IF;
    END LOOP;
END $$;
"""
SHAPE: Final = """
WITH ours AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace)
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT concat_ws(' ', relname, relkind, relpersistence, reloptions) FROM ours
    UNION ALL SELECT concat_ws(' ', relname, attnum, attname, atttypid, attnotnull)
        FROM pg_attribute a JOIN ours ON ours.oid = attrelid
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN ours ON ours.oid = indrelid
    UNION ALL SELECT concat_ws(' ', relname, pg_get_constraintdef(c.oid))
        FROM pg_constraint c JOIN ours ON ours.oid = conrelid
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', 'set', setconfig)
        FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()
) AS lines(line)
"""


@dataclass(slots=True)
class Copies:
    """Databases with the tables and rows of `template`."""

    cluster: Cluster
    template: str
    _free: list[str] = field(default_factory=list)
    _script: str = ""

    def take(self) -> str:
        """The name of a copy that nobody else has."""
        self._script = self._script or self._restoring()
        while self._free:
            name = self._free.pop()
            command = [str(programs() / "psql"), "-Xq1", "-v", "ON_ERROR_STOP=1", self.cluster.url(name)]
            done = subprocess.run(command, input=self._script, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return name
            assert "its tables were changed" in done.stderr, done.stderr
            self.cluster.drop_database(name)
        return self.cluster.new_database(self.template)

    def give_back(self, name: str) -> None:
        """Leave a copy to the next who takes one."""
        self._free.append(name)

    def _restoring(self) -> str:
        """What psql does to a copy, so that it holds the template's rows and no others."""
        wanted = self.cluster.sql(SHAPE, self.template)
        dump = [str(programs() / "pg_dump"), "--data-only", self.cluster.url(self.template)]
        rows = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
        rows = re.sub(r"^(--.*)?\n", "", rows, flags=re.M)
        rows = re.sub(r"^COPY .* FROM stdin;\n\\\.\n", "", rows, flags=re.M)
        return EMPTIED.replace("@shape", SHAPE).replace("@wanted", wanted) + rows
