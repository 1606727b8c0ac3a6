"""The browser flow at the authorization endpoint (RFC 6749 §4.1, OpenID Connect Core §3): check, ask what
must be asked, answer.

`check` proves client and redirect URI before anything else, `next_step` decides (pure), `pending` keeps what
waits for a person,
`answer` makes the code or token. Pages and cookies are next door in `web`.
"""

from grantline.authorize.answer import answer_request, error_answer, prepare_answer
from grantline.authorize.carrying import CARRIED, WITHHELD, carried_query, park_request, read_parked
from grantline.authorize.check import CheckedRequest, Target, check_request, check_target, judge_request
from grantline.authorize.next_step import Step, next_step
from grantline.authorize.pending import (
    FLOW_SECONDS,
    PendingFlow,
    consume_flow,
    find_flow,
    move_flows,
    park_flow,
)

__all__ = [
    "CARRIED",
    "FLOW_SECONDS",
    "WITHHELD",
    "CheckedRequest",
    "PendingFlow",
    "Step",
    "Target",
    "answer_request",
    "carried_query",
    "check_request",
    "check_target",
    "consume_flow",
    "error_answer",
    "find_flow",
    "judge_request",
    "move_flows",
    "next_step",
    "park_flow",
    "park_request",
    "prepare_answer",
    "read_parked",
]
