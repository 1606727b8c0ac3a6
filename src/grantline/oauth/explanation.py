"""What one error means, in words for the person who must fix it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry of the error catalogue (R88): the same text in answers, console, logs and documentation.

    `error` is the registered code. `description` goes out as `error_description`, so it is a constant in the
    characters of RFC 6749 §5.2 and never repeats input. `cause` and `fix` are for the page at
    `/errors/{code}` and the app's activity. `public` names the entry that the wire shows instead, where this
    one would tell a party that has proved nothing whose secret it holds.
    """

    code: str
    error: str
    title: str
    description: str
    cause: str
    fix: str
    public: str | None = None
