"""A request at the wrong data center, in words: whose the identifier is, who was called, and where to go
(R84)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grantline.datacenters import DataCenter, DataCenters
from grantline.oauth.errors import OAuthError

_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_wrong_data_center": "This client ID belongs to the {theirs} data center. You called {ours}."
        " Send this request to {issuer}, or turn on {ours} for this client.",
        "token_wrong_data_center": "This code or token belongs to the {theirs} data center. You called"
        " {ours}. Send this request to {issuer}.",
        "device_elsewhere": "The data of the person is in the {theirs} data center. You called {ours}. Start"
        " again at {issuer}.",
        "access_token_wrong_data_center": "This access token belongs to the {theirs} data center. You called"
        " {ours}. Send this request to {issuer}.",
        "key_wrong_data_center": "This personal access token belongs to the {theirs} data center. You called"
        " {ours}. Send this request to {issuer}.",
    }
)
_PLAIN: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


def name_data_centers(error: OAuthError, centers: DataCenters) -> None:
    """Let the description of such an error name both data centers; any other is left as it is."""
    sentence = describe(error.public_code, error.expected_issuer, centers)
    if sentence:
        error.saying(sentence)


def describe(code: str, issuer: str, centers: DataCenters) -> str:
    """The description for this code and this other data center; empty when there is none."""
    theirs = next((center for center in centers.others if center.issuer == issuer), None)
    if theirs is None or code not in _SENTENCES:
        return ""
    return _SENTENCES[code].format(theirs=_name(theirs), ours=_name(centers.home), issuer=issuer)


def _name(center: DataCenter) -> str:
    """Its name, if the description of an error can hold it."""
    return center.name if _PLAIN.fullmatch(center.name) else center.code.upper()
