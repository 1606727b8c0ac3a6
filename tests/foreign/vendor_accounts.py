"""The vendor's accounts servers in two data centers, as they are known to answer: refusals with status 200,
no id_token without OpenID scopes, refresh tokens that are told once, times of devices in milliseconds.

They are the outside world: nothing of Grantline's server is in here.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, quote

import httpx2

ACCOUNTS: Final = {"us": "https://accounts.zoho.com", "eu": "https://accounts.zoho.eu"}
APIS: Final = {"us": "https://www.zohoapis.com", "eu": "https://www.zohoapis.eu"}
SCOPE: Final = "ZohoCRM.modules.ALL"
THROTTLED: Final = {
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


def opaque() -> str:
    return f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"


@dataclass
class Client:
    client_id: str = field(default_factory=lambda: f"1000.{secrets.token_hex(15).upper()}")
    client_secret: str = field(default_factory=lambda: secrets.token_hex(21))
    redirect_uri: str = "https://app.example.com/callback"


@dataclass
class Device:
    location: str
    """Where its person's data is."""
    user_code: str
    approved: bool = False


class Accounts:
    """Both servers. `asked` is what came: data center, path and form of each request."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.client = Client()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.codes: dict[str, tuple[str, float]] = {}
        self.devices: dict[str, Device] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.access_tokens: dict[str, str] = {}
        self.refused: dict[str, Any] | None = None
        """What every token request is answered with, while it is there."""
        self.transport = httpx2.MockTransport(self.answer)

    # People

    def callback(self, authorization_url: str, location: str) -> str:
        """Where the browser ends up when a person of this data center allowed the app."""
        asked = httpx2.URL(authorization_url).params
        assert asked["client_id"] == self.client.client_id
        assert asked["redirect_uri"] == self.client.redirect_uri
        assert asked["response_type"] == "code"
        assert asked["access_type"] == "offline"
        home = quote(ACCOUNTS[location], safe="")
        return (
            f"{asked['redirect_uri']}?state={asked['state']}&code={self.code(location)}"
            f"&location={location}&accounts-server={home}&"
        )

    def code(self, location: str) -> str:
        code = opaque()
        self.codes[code] = location, self.now() + 120
        return code

    def self_client_file(self, location: str) -> dict[str, Any]:
        """`self_client.json`, as the console of that data center gives it."""
        return {
            "client_id": self.client.client_id,
            "client_secret": self.client.client_secret,
            "code": self.code(location),
            "expiry_time": int((self.now() + 180) * 1000),
            "scope": [SCOPE],
            "grant_type": "authorization_code",
        }

    def approve(self, user_code: str) -> None:
        next(one for one in self.devices.values() if one.user_code == user_code).approved = True

    # The wire

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        origin = f"{request.url.scheme}://{request.url.host}"
        location = next((code for code, accounts in ACCOUNTS.items() if accounts == origin), None)
        if location is None:
            raise httpx2.ConnectError(f"{origin} is none of theirs", request=request)
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.asked.append((location, request.url.path, form))
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self.discovery(location))
            case "/oauth/serverinfo":
                return httpx2.Response(200, json={"result": "success", "locations": ACCOUNTS})
            case "/oauth/v2/token":
                return self.token(location, form)
            case "/oauth/v3/device/code":
                return self.device_code(location, form)
            case "/oauth/v3/device/token":
                return self.device_token(location, form)
            case "/oauth/v2/token/revoke":
                return self.revoke(form)
        return httpx2.Response(404, text="<html>not here</html>")

    def discovery(self, location: str) -> dict[str, Any]:
        base = ACCOUNTS[location]
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/oauth/v2/auth",
            "token_endpoint": f"{base}/oauth/v2/token",
            "userinfo_endpoint": f"{base}/oauth/v2/userinfo",
            "jwks_uri": f"{base}/oauth/v2/keys",
            "revocation_endpoint": f"{base}/oauth/v2/token/revoke",
            "introspection_endpoint": f"{base}/oauth/v2/introspect",
            "device_authorization_endpoint": f"{base}/oauth/v3/device/code",
            "dc_info": f"{base}/oauth/serverinfo",
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["email", "profile", "openid", "phone"],
        }

    def refusal(self, form: dict[str, str]) -> httpx2.Response | None:
        if self.refused is not None:
            return httpx2.Response(400 if "status" in self.refused else 200, json=self.refused)
        if form.get("client_id") != self.client.client_id:
            return httpx2.Response(200, json={"error": "invalid_client"})
        if form.get("client_secret") != self.client.client_secret:
            return httpx2.Response(200, json={"error": "invalid_client_secret"})
        return None

    def token(self, location: str, form: dict[str, str]) -> httpx2.Response:
        if refused := self.refusal(form):
            return refused
        match form.get("grant_type"):
            case "authorization_code":
                home, end = self.codes.pop(form.get("code", ""), ("", 0.0))
                if home != location or end < self.now():
                    return httpx2.Response(200, json={"error": "invalid_code"})
                return self.tokens(location, refresh_token=True)
            case "refresh_token":
                if self.refresh_tokens.get(form.get("refresh_token", "")) != location:
                    return httpx2.Response(200, json={"error": "invalid_code"})
                return self.tokens(location)
            case "client_credentials":
                if "soid" not in form:
                    return httpx2.Response(200, json={"error": "missing_org_info"})
                return self.tokens(location)
        return httpx2.Response(200, json={"error": "invalid_client"})

    def tokens(self, location: str, *, refresh_token: bool = False) -> httpx2.Response:
        members = {
            "access_token": opaque(),
            "scope": SCOPE,
            "api_domain": APIS[location],
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        self.access_tokens[str(members["access_token"])] = location
        if refresh_token:
            members["refresh_token"] = opaque()
            self.refresh_tokens[str(members["refresh_token"])] = location
        return httpx2.Response(200, json=members)

    def device_code(self, location: str, form: dict[str, str]) -> httpx2.Response:
        assert form["grant_type"] == "device_request"
        assert "client_secret" not in form
        if form.get("client_id") != self.client.client_id:
            return httpx2.Response(200, json={"error": "invalid_client"})
        code, user_code = opaque().replace("1000.", "1004.", 1), secrets.token_hex(4)
        self.devices[code] = Device("eu", user_code)
        address = f"{ACCOUNTS[location]}/oauth/v3/device"
        return httpx2.Response(
            200,
            json={
                "user_code": user_code,
                "device_code": code,
                "interval": 30000,
                "expires_in": 300000,
                "verification_url": address,
                "verification_uri_complete": f"{address}?user_code={user_code}",
            },
        )

    def device_token(self, location: str, form: dict[str, str]) -> httpx2.Response:
        assert form["grant_type"] == "device_token"
        if refused := self.refusal(form):
            return refused
        device = self.devices.get(form.get("code", ""))
        if device is None:
            return httpx2.Response(200, json={"error": "invalid_code"})
        if not device.approved:
            return httpx2.Response(200, json={"error": "authorization_pending"})
        if device.location != location:
            return httpx2.Response(200, json={"user_location": device.location, "error": "other_dc"})
        return self.tokens(location, refresh_token=True)

    def revoke(self, form: dict[str, str]) -> httpx2.Response:
        token = form.get("token", "")
        known = self.refresh_tokens.pop(token, None) or self.access_tokens.pop(token, None)
        return httpx2.Response(200 if known else 400, json={"status": "success" if known else "failure"})
