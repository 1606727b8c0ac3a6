"""The vendor's data centers by name, so that an app names one and knows its addresses."""

from typing import Final

from grantline.sdk.metadata import DataCenters

ISSUERS: Final = {
    "us": "https://accounts.zoho.com",
    "eu": "https://accounts.zoho.eu",
    "in": "https://accounts.zoho.in",
    "au": "https://accounts.zoho.com.au",
    "jp": "https://accounts.zoho.jp",
    "cn": "https://accounts.zoho.com.cn",
    "ca": "https://accounts.zohocloud.ca",
    "sa": "https://accounts.zoho.sa",
    "uk": "https://accounts.zoho.uk",
}
API_DOMAINS: Final = {
    "us": "https://www.zohoapis.com",
    "eu": "https://www.zohoapis.eu",
    "in": "https://www.zohoapis.in",
    "au": "https://www.zohoapis.com.au",
    "jp": "https://www.zohoapis.jp",
    "cn": "https://www.zohoapis.com.cn",
    "ca": "https://www.zohoapis.ca",
    "sa": "https://www.zohoapis.sa",
}


def issuer_of(data_center: str) -> str:
    """The issuer of a data center of the vendor. Raises ValueError."""
    found = ISSUERS.get(data_center.lower())
    if found is None:
        raise ValueError(f"There is no data center {data_center!r}: use one of {', '.join(ISSUERS)}.")
    return found


def known_centers(issuer: str) -> DataCenters | None:
    """The vendor's data centers, if this is one of theirs; it publishes no list."""
    if issuer not in ISSUERS.values():
        return None
    return DataCenters(issuer, ISSUERS, API_DOMAINS)
