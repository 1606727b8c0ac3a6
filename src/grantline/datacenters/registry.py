"""The registry: the file that lists the data centers, the same text in each.

```toml
[us]
name = "United States"
accounts = "https://accounts.example.com"
api = "https://api.example.com"
keys = ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]
```

`console` may be given too; it is the accounts address with `/console` otherwise. A file with a mistake is
refused as a whole, with the line that it is on (`lines.py`).
"""

import re
import tomllib
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from grantline.datacenters.data_center import DataCenter, DataCenters
from grantline.datacenters.lines import Lines
from grantline.oauth.jwk import encode_base64url
from grantline.oauth.metadata import check_issuer

LARGEST: Final = 256 * 1024
MOST: Final = 64
_CODE: Final = re.compile(r"[a-z]{2,4}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LINE: Final = re.compile(r"\(at line (\d+)")
_MEMBERS: Final = ("name", "accounts", "console", "api", "keys")
_NEEDED: Final = ("name", "accounts", "api")
_LONGEST_NAME: Final = 60
_MOST_KEYS: Final = 4


class RegistryRefused(ValueError):
    """The registry has a mistake; the message is a sentence that names file and line."""


def read_registry(path: Path, home: DataCenter) -> DataCenters:
    """The data centers of the file, as `home` sees them. Raises RegistryRefused."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as problem:
        raise RegistryRefused(f"{path} can't be read: {problem.strerror}.") from None
    if len(content) > LARGEST:
        line = content.count(b"\n", 0, LARGEST) + 1
        raise RegistryRefused(f"{path}, line {line}: the file goes on beyond {LARGEST // 1024} KB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise RegistryRefused(f"{path}, line {line}: this is not a text in UTF-8.") from None
    return parse_registry(text, home, str(path))


def parse_registry(text: str, home: DataCenter, name: str) -> DataCenters:
    """The data centers of the text; `name` is what the message calls it. Raises RegistryRefused."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = _LINE.search(str(problem))
        line = found[1] if found else str(text.count("\n") + 1)
        what = str(problem).partition(" (at ")[0].rstrip(".")
        raise RegistryRefused(f"{name}, line {line}: this is not TOML: {what}.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand brackets
        line = str(Lines(text).longest)
        raise RegistryRefused(
            f"{name}, line {line}: this is longer or deeper than anything needed."
        ) from None
    return _Reader(text, name).read(tables, home)


def _is_key(text: str) -> bool:
    """Whether these 43 characters are how 32 bytes are spelled."""
    decoded = urlsafe_b64decode(text + "=")
    return len(decoded) == 32 and encode_base64url(decoded) == text


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = Lines(text)
        self._name = name

    def read(self, tables: Mapping[str, Any], home: DataCenter) -> DataCenters:
        for code in list(tables)[MOST:]:
            raise self._refuse(code, "", f"[{code}] is one more than {MOST} data centers.")
        centers = {code: self._center(code, members) for code, members in tables.items()}
        self._check_unlike(centers)
        if home.code not in centers:
            raise RegistryRefused(
                f"{self._name}, line {self._lines.last}: the list ends without [{home.code}], the data center"
                " that this is. Add it, or set GRANTLINE_DATA_CENTER."
            )
        self._check_home(centers[home.code], home)
        return DataCenters(centers.pop(home.code), tuple(centers.values()))

    def _refuse(self, code: str, member: str, why: str) -> RegistryRefused:
        return RegistryRefused(f"{self._name}, line {self._lines.find(code, member)}: {why}")

    def _center(self, code: str, members: Any) -> DataCenter:
        if not _CODE.fullmatch(code):
            raise self._refuse(code, "", f"the code {code!r} is not two to four small letters.")
        if not isinstance(members, dict):
            raise self._refuse(code, "", f"{code} must be a table: write [{code}] on a line of its own.")
        for member in members:
            if member not in _MEMBERS:
                known = ", ".join(_MEMBERS)
                raise self._refuse(code, member, f"[{code}] has {member!r}; it may have {known}.")
        for member in _NEEDED:
            if member not in members:
                raise self._refuse(code, "", f"[{code}] has no {member!r}.")
        return DataCenter(
            code=code,
            issuer=self._issuer(code, members["accounts"]),
            api_domain=self._address(code, "api", members["api"]),
            named=self._text(code, "name", members["name"]),
            console_url=self._address(code, "console", members["console"]) if "console" in members else "",
            keys=self._keys(code, members.get("keys", [])),
        )

    def _text(self, code: str, member: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME:
            raise self._refuse(code, member, f"{member} must be a text of 1 to {_LONGEST_NAME} characters.")
        if not value.isprintable():
            raise self._refuse(code, member, f"{member} has characters that can't be seen.")
        return value.strip()

    def _issuer(self, code: str, value: Any) -> str:
        try:
            check_issuer(value if isinstance(value, str) else "")
        except ValueError:
            why = "accounts must be https://host (or http:// on loopback), without a path or a / at the end."
            raise self._refuse(code, "accounts", why) from None
        if urlsplit(value).path:
            raise self._refuse(code, "accounts", "accounts must be an address without a path.")
        self._check_port(code, "accounts", value)
        return str(value)

    def _check_port(self, code: str, member: str, value: str) -> None:
        try:
            possible = urlsplit(value).port != 0
        except ValueError:
            possible = False
        if not possible:
            raise self._refuse(code, member, f"{member} has a port that there is not.")

    def _address(self, code: str, member: str, value: Any) -> str:
        try:
            check_issuer(value if isinstance(value, str) else "")
        except ValueError:
            why = f"{member} must be https://host, perhaps with a path, without a / at the end."
            raise self._refuse(code, member, why) from None
        self._check_port(code, member, value)
        return str(value)

    def _keys(self, code: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > _MOST_KEYS:
            raise self._refuse(code, "keys", f"keys must be a list of at most {_MOST_KEYS} public keys.")
        for key in value:
            if not isinstance(key, str) or not _KEY.fullmatch(key) or not _is_key(key):
                why = "a key is the 43 characters that `grantline data-centers key` prints."
                raise self._refuse(code, "keys", why)
        return tuple(value)

    def _check_unlike(self, centers: Mapping[str, DataCenter]) -> None:
        """No address and no key stands for two data centers."""
        issuers: dict[str, str] = {}
        keys: dict[str, str] = {}
        for code, center in centers.items():
            if other := issuers.get(center.issuer):
                raise self._refuse(code, "accounts", f"[{other}] has the same accounts address.")
            issuers[center.issuer] = code
            for key in center.keys:
                if other := keys.get(key):
                    raise self._refuse(code, "keys", f"[{other}] has the same key.")
                keys[key] = code

    def _check_home(self, listed: DataCenter, home: DataCenter) -> None:
        if listed.issuer != home.issuer:
            why = (
                f"accounts is {listed.issuer}, and this data center is {home.issuer} (GRANTLINE_PUBLIC_URL)."
            )
            raise self._refuse(home.code, "accounts", why)
        if home.api_domain not in (listed.api_domain, home.issuer):
            why = f"api is {listed.api_domain}, and GRANTLINE_API_DOMAIN is {home.api_domain}."
            raise self._refuse(home.code, "api", why)
