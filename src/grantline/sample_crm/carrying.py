"""Carries an allowed call out in the database: what only reads does so beside everything else."""

import sqlite3
from collections.abc import Callable

from grantline.sample_crm.caller import Caller
from grantline.sample_crm.calls import Answer
from grantline.sample_crm.database import Database
from grantline.sample_crm.people import Person, find_noted, note_organization, note_person
from grantline.sample_crm.seed import seed_organization

Handle = Callable[[sqlite3.Connection, Person], Answer]


async def carry_out(database: Database, caller: Caller, now: int, handle: Handle, *, reads: bool) -> Answer:
    """Note who is calling, then give what `handle` answers; of what it changed nothing stays if it raises.

    A call that only `reads` needs no turn at writing unless its caller tells something new.
    """

    def answer_noted(tx: sqlite3.Connection) -> Answer | None:
        me = find_noted(tx, caller)
        return None if me is None else handle(tx, me)

    def note_and_answer(tx: sqlite3.Connection) -> Answer:
        is_new = note_organization(tx, caller, now)
        me = note_person(tx, caller, now)
        if is_new:
            seed_organization(tx, caller.organization, me, now)
        return handle(tx, me)

    answer = await database.read(answer_noted) if reads else None
    return answer if answer is not None else await database.run(note_and_answer)
