"""Secrets and identifiers that say what they are: mint, recognise, digest.

Form: `kind_dc_body`, where `kind` is one of KINDS, `dc` a data-center code of two to four small letters and
`body` base62 of a
length fixed per kind, whose last six characters are the CRC-32 of everything before them. So a leak scanner,
an error message
and any data center can tell what a string is without looking it up. The checksum is for wording only: it
proves nothing.

Next door: `tokens` decides what an access or refresh token's body holds; `keys` owns the keys that prove
them.
"""

from grantline.opaque.base62 import decode, encode
from grantline.opaque.opaque import (
    ACCESS_TOKEN,
    AUTHORIZATION_CODE,
    CLIENT_ID,
    CLIENT_SECRET,
    DEVICE_CODE,
    KINDS,
    PERSONAL_TOKEN,
    REFRESH_TOKEN,
    Recognised,
    body_of,
    digest,
    mint,
    random_base62,
    random_texts,
    recognise,
    render,
)

__all__ = [
    "ACCESS_TOKEN",
    "AUTHORIZATION_CODE",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "DEVICE_CODE",
    "KINDS",
    "PERSONAL_TOKEN",
    "REFRESH_TOKEN",
    "Recognised",
    "body_of",
    "decode",
    "digest",
    "encode",
    "mint",
    "random_base62",
    "random_texts",
    "recognise",
    "render",
]
