"""Moving a person to another data center, from this end.

Mark, send, delete: each step can be done again, so a move that was broken off at any point, or whose answer
was lost, goes on when the command is given once more. Until the other data center confirmed, the person is
here and can stay; from then on they are there. At no moment can they sign in at both.
"""

import ipaddress
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from grantline.accounts import (
    Account,
    begin_leaving,
    find_move,
    lock_account,
    personal_organization,
    stop_leaving,
)
from grantline.audit import record_event
from grantline.clients import find_client, works_in
from grantline.crossing.arriving import ADDRESS_TAKEN, MOST_CONSENTS, TOO_MANY
from grantline.crossing.departing import NotFree, check_free, depart
from grantline.crossing.sending import NotTaken, Sender, Unreachable
from grantline.datacenters import Clock, DataCenter
from grantline.db import Database, Transaction
from grantline.tokens import Mint

_NUMBER: Final = re.compile(r"[0-9]{1,16}")
_WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        ADDRESS_TAKEN: "an account there has this address already, and two accounts are never made one."
        " Remove or rename one of the two first",
        TOO_MANY: "as many people as may come in an hour came. Go on in an hour",
    }
)


class MoveRefused(Exception):
    """The person did not move; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A person who lives elsewhere now."""

    account: str
    """Their number there (`sub`)."""
    taken: tuple[str, ...]
    """Apps whose consents went along."""
    left: tuple[tuple[str, str], ...]
    """Id and name of the apps whose consents did not, since they do not work there."""
    teams: tuple[str, ...]
    refresh_tokens: int

    def told(self) -> dict[str, Any]:
        """As commands tell it."""
        return {
            "sub": self.account,
            "apps_taken": list(self.taken),
            "apps_left": [{"client_id": client_id, "name": name} for client_id, name in self.left],
            "teams_left": list(self.teams),
            "refresh_tokens_ended": self.refresh_tokens,
        }


@dataclass(frozen=True, slots=True)
class Move:
    """One person's way to one data center."""

    mint: Mint
    sender: Sender
    clock: Clock
    account: Account
    to: DataCenter

    async def run(self) -> Moved:
        """Move the person, or go on with a move that was begun. Raises MoveRefused."""
        check_sealed(self.mint.home, self.to)
        move_id = await self._begin()
        body, left = await _pack(self.mint.db, self.account, self.to, move_id)
        answer = await self._send(move_id, body)
        account, taken = answer.get("account"), answer.get("consents")
        if not isinstance(account, str) or not _NUMBER.fullmatch(account) or not isinstance(taken, list):
            raise MoveRefused(f"{self.to.code} gave an answer that is none. {self._still_here}")
        try:
            gone = await depart(
                self.mint.db, self.account, to=self.to.code, move_id=move_id, now=self.clock()
            )
        except NotFree as held:
            raise MoveRefused(
                f"{self.account.email} arrived in {self.to.code}, and can't be deleted here yet. {held}"
                " Then give this command again."
            ) from None
        known = {one["client_id"] for one in body["consents"]} & {str(one) for one in taken}
        names = await _names(self.mint.db, {one["client_id"] for one in body["consents"]} - known)
        return Moved(
            account,
            tuple(sorted(known)),
            tuple(sorted({*left, *names})),
            gone.teams if gone is not None else (),
            gone.refresh_tokens if gone is not None else 0,
        )

    async def cancel(self) -> None:
        """Let the person be here as before, unless they arrived. Raises MoveRefused."""
        move = await find_move(self.mint.db, self.account.id)
        if move is None or self._goes_elsewhere(move[0]):
            raise MoveRefused(f"{self.account.email} is not moving to {self.to.code}.")
        move_id = move[1]
        try:
            arrived = await self._ask_to_forget(move_id)
        except (Unreachable, NotTaken) as problem:
            raise MoveRefused(
                f"{self.to.code} does not say whether {self.account.email} arrived ({problem}), so the move"
                " can't be taken back now. Try again."
            ) from None
        if arrived:
            raise MoveRefused(
                f"{self.account.email} has arrived in {self.to.code}. Finish the move: grantline user move"
                f" {self.account.email} --to {self.to.code}"
            )
        await self._unmark(move_id)

    @property
    def _still_here(self) -> str:
        return (
            "Nothing is lost: nobody can sign in until you give this command again, which goes on, or take"
            f" the move back with grantline user move {self.account.email} --cancel."
        )

    def _goes_elsewhere(self, data_center: str) -> bool:
        return self.mint.data_centers.find(data_center) != self.to

    async def _begin(self) -> str:
        """The number of the move: of the one that is on, or of a new one."""
        try:
            await self.sender.send(self.to, "hello", {})
        except (Unreachable, NotTaken) as problem:
            going_on = self._still_here if self.account.moving_to else "Nothing was changed."
            raise MoveRefused(
                f"{self.to.code} does not answer as it should ({problem}). {going_on}"
            ) from None
        now = self.clock()
        async with self.mint.db.transaction() as tx:
            await lock_account(tx, self.account.id)
            try:
                await check_free(tx, self.account)
            except NotFree as held:
                raise MoveRefused(str(held)) from None
            if (move := await find_move(tx, self.account.id)) is not None:
                if self._goes_elsewhere(move[0]):
                    raise MoveRefused(
                        f"{self.account.email} is moving to {move[0]}. Finish that move, or take it back with"
                        " --cancel."
                    )
                return move[1]
            move_id = secrets.token_urlsafe(18)
            if not await begin_leaving(tx, self.account.id, to=self.to.code, move_id=move_id, now=now):
                raise MoveRefused(
                    f"{self.account.email} is disabled. Enable the account first: grantline user enable"
                    f" {self.account.email}"
                )
            await self._record(tx, "account.moving", move_id, now)
        return move_id

    async def _send(self, move_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await self.sender.send(self.to, "person.move", body)
        except Unreachable as problem:
            raise MoveRefused(f"{self.to.code} did not confirm ({problem}). {self._still_here}") from None
        except NotTaken as refused:
            reason = _WHY.get(refused.reason, refused.reason)
        # Nobody arrives by this move any more, not even by a message that is still on its way.
        try:
            arrived = await self._ask_to_forget(move_id)
        except (Unreachable, NotTaken) as problem:
            raise MoveRefused(
                f"{self.to.code} refused: {reason}. It did not confirm that ({problem}). {self._still_here}"
            ) from None
        if arrived:
            raise MoveRefused(f"{self.to.code} refused: {reason}. {self._still_here}")
        await self._unmark(move_id)
        raise MoveRefused(
            f"{self.account.email} stays here, and must sign in again. {self.to.code} refused: {reason}."
        )

    async def _ask_to_forget(self, move_id: str) -> bool:
        answer = await self.sender.send(self.to, "person.cancel", {"move_id": move_id})
        if not isinstance(answer.get("arrived"), bool):
            raise Unreachable("an answer that is none")
        return bool(answer["arrived"])

    async def _unmark(self, move_id: str) -> None:
        await take_back(self.mint.db, self.account, self.to.code, move_id, self.clock())

    async def _record(self, tx: Transaction, kind: str, move_id: str, now: int) -> None:
        detail = {"to": self.to.code, "move": move_id}
        await record_event(tx, kind, now=now, account_id=self.account.id, detail=detail)


async def take_back(db: Database, account: Account, to: str, move_id: str, now: int) -> None:
    """The person is here as before."""
    async with db.transaction() as tx:
        if await stop_leaving(tx, account.id, move_id):
            detail = {"to": to, "move": move_id}
            await record_event(tx, "account.move_cancelled", now=now, account_id=account.id, detail=detail)


def check_sealed(home: DataCenter, to: DataCenter) -> None:
    """A person crosses by TLS, or does not leave the machine. Raises MoveRefused."""
    if urlsplit(to.issuer).scheme == "https" or (_is_loopback(home.issuer) and _is_loopback(to.issuer)):
        return
    raise MoveRefused(
        f"{to.code} is at {to.issuer}, which is not encrypted. A person moves over https alone."
    )


def _is_loopback(issuer: str) -> bool:
    host = urlsplit(issuer).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _pack(
    db: Database, account: Account, to: DataCenter, move_id: str
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What goes along, and the apps whose consents stay behind."""
    organization = await personal_organization(db, account.id)
    rows = await db.all(
        "SELECT k.client_id, k.scope, k.offline, k.redirect_hosts, k.resources FROM"
        " consents k JOIN clients c ON c.id = k.client_id WHERE k.account_id = $1"
        " AND k.organization_id = $2 AND k.withdrawn_at IS NULL AND c.deleted_at IS NULL AND c.trial_of = ''"
        " ORDER BY k.updated_at DESC, k.client_id",
        account.id,
        organization.id,
    )
    consents: list[dict[str, Any]] = []
    left: list[tuple[str, str]] = []
    for row in rows:
        client = await find_client(db, row[0])
        if client is None or len(consents) == MOST_CONSENTS or not works_in(client, to.code):
            left.append((str(row[0]), client.name if client is not None else ""))
            continue
        consents.append(
            {
                "client_id": row[0],
                "scope": row[1].split(),
                "offline": bool(row[2]),
                "redirect_hosts": json.loads(row[3]),
                "resources": row[4].split(),
            }
        )
    body = {
        "move_id": move_id,
        "email": account.email,
        "verified": account.email_verified,
        "given_name": account.given_name,
        "family_name": account.family_name,
        "password_hash": account.password_hash,
        "consents": consents,
    }
    return body, left


async def _names(db: Database, client_ids: set[str]) -> list[tuple[str, str]]:
    found = []
    for client_id in client_ids:
        row = await db.one("SELECT name FROM clients WHERE id = $1", client_id)
        found.append((client_id, str(row[0]) if row is not None else ""))
    return found
