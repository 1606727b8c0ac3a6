"""What can go wrong, as a small tree. Each says in two lines what happened and what to do; none quotes a
token or a secret."""

from typing import Final

_DOCS: Final = "/errors/"


class GrantlineError(Exception):
    """The base of all. `code` is the server's word for it where it has one, `docs` leads to its page there,
    `request_id` names the request in the server's log, `retry_after` is in seconds."""

    fix = "Read the message, then try again."

    def __init__(
        self,
        what: str,
        *,
        fix: str = "",
        code: str = "",
        issuer: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.what = what
        self.hint = fix or self.fix
        self.code = code
        self.docs = f"{issuer}{_DOCS}{code}" if issuer and code and code.replace("_", "").isalnum() else ""
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(what)

    def __str__(self) -> str:
        return f"{self.what}\n{self.hint}"


class ReconnectRequired(GrantlineError):
    """The grant is over: revoked, expired, replaced, or never there."""

    fix = "Send the person through sign-in and consent again; for a self client, generate a new code."


class ScopeMissing(GrantlineError):
    """The token does not have what the call needs."""

    fix = "Ask for these scopes too, and send the person through consent again."

    def __init__(
        self,
        what: str,
        *,
        needed: tuple[str, ...] = (),
        have: tuple[str, ...] = (),
        code: str = "scope_insufficient",
        issuer: str = "",
        request_id: str = "",
    ) -> None:
        self.needed, self.have = needed, have
        super().__init__(what, code=code, issuer=issuer, request_id=request_id)


class WrongDataCenter(GrantlineError):
    """The client, the token or the person belongs to another data center. `expected` is its issuer, to be
    shown: nothing goes there by itself."""

    fix = "Use the data center that is named here."

    def __init__(
        self, what: str, *, expected: str, code: str = "", issuer: str = "", request_id: str = ""
    ) -> None:
        self.expected = expected
        fix = f"The right one is {expected}. Use it if the app works there, as its page in the console says."
        super().__init__(what, fix=fix, code=code, issuer=issuer, request_id=request_id)


class Throttled(GrantlineError):
    """Too many requests. `retry_after` says when."""

    fix = "Wait as long as retry_after says. Keep tokens in a store, so that they are not made anew."


class ClientRejected(GrantlineError):
    """The server does not take the client: unknown, disabled, a wrong secret, or a grant that it has not."""

    fix = "Compare client ID and secret with the console, to the letter."


class GrantTokenUnusable(GrantlineError):
    """The code (grant token) was used, is too old, or is another app's."""

    fix = "Generate a new code, and exchange it at once."


class CallbackRefused(GrantlineError):
    """The answer at the redirect URI is not one to this attempt, or is an error that the server sent."""

    fix = "Start again at the link that leads to sign-in."


class Unreachable(GrantlineError):
    """The server gave no answer, or none that could be read."""

    fix = "Check the address and the network, then try again."


class AddressRefused(GrantlineError):
    """The call would take the token to an address that it is not for. Nothing went out."""

    fix = "Call the api_domain; for another API make HTTP of its own: session.auth_for(…) with its address."


class StoreRefused(GrantlineError):
    """The store can't be read or written, or another program holds it."""

    fix = "Check the store's address, its permissions and its key."
