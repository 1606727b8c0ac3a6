"""Every setting of a Grantline server, read from the environment as `GRANTLINE_…`. Each is explained in
`docs/operators.md`."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """The settings of one data center."""

    # What is refused is not shown: a database URL may hold a password.
    model_config = SettingsConfigDict(
        env_prefix="GRANTLINE_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database: str = Field(
        "sqlite://.grantline/grantline.db",
        repr=False,
        description="Where everything is kept: `sqlite:///path` or `postgresql://…`.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8700", description="The issuer: the address that people and apps use."
    )
    data_center: str = Field(
        "us", pattern=r"[a-z]{2,4}", description="Code of this data center, part of every token."
    )
    api_domain: str = Field(
        "", description="Base address of the APIs of this data center, told to apps. Empty: the issuer."
    )
    data_centers: Path | None = Field(
        None, description="File that lists all data centers, the same in each. Unset: this is the only one."
    )
    master_key_file: Path | None = Field(
        None,
        description="File with the key that protects all others. Unset: `master.key` beside the SQLite file.",
    )
    audit_folder: Path | None = Field(
        None,
        description="Folder for months of the audit that leave the database. Unset: beside the master key.",
    )
    limits: str = Field("1", description="A factor for all counts of the rate limits, or `off`.")
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = Field(
        (),
        description="Networks (CIDR, comma separated) whose `X-Forwarded-…` headers are believed.",
    )
    smtp_url: str = Field(
        "",
        repr=False,
        description="Mail server: `smtp://user:password@host:587`, or `smtps://…`. Empty: mails aren't sent.",
    )
    mail_from: str = Field("", description="Address that mails come from. Needed with a mail server.")
    mail_folder: Path | None = Field(
        None, description="Folder that mails are kept in, one file each, instead of being sent."
    )
    demo: bool = Field(
        False, description="The demo: shows what a stranger would not see, and warns on every page."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8700, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(
        1, ge=1, le=64, description="Processes that serve the port together. SQLite is served by one."
    )
    tls_certificate: Path | None = Field(
        None, description="Certificate chain (PEM), to serve https without a proxy."
    )
    tls_key: Path | None = Field(None, description="Private key (PEM) of the certificate.")
    access_token_seconds: int = Field(3600, ge=60, le=3600, description="Life of an access token.")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _few(cls, value: tuple[IPvAnyNetwork, ...]) -> tuple[IPvAnyNetwork, ...]:
        if any(network.prefixlen == 0 for network in value):
            raise ValueError("trusting every address would let anyone forge theirs; list your proxies")
        return value

    @field_validator("limits")
    @classmethod
    def _factor(cls, value: str) -> str:
        if value != "off" and not 0 < float(value) <= 1_000_000:
            raise ValueError("limits must be a positive factor, or off")
        return value

    @field_validator("public_url")
    @classmethod
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the public URL must be https://host, or http:// on loopback")
        if parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("the public URL must have no path, query, fragment or user, not even a /")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise ValueError("the public URL must be https://… except on loopback")
        return value

    @model_validator(mode="after")
    def _debug_stays_home(self) -> "Settings":
        public = urlsplit(self.public_url).hostname not in LOOPBACK_HOSTS
        if public and (self.demo or self.log_level == "debug"):
            raise ValueError("the demo and debug logging work on loopback only")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("a certificate and its key go together")
        if self.smtp_url and (self.mail_folder is not None or not self.mail_from):
            raise ValueError("a mail server needs GRANTLINE_MAIL_FROM, and no mail folder beside it")
        if self.workers > 1 and self.database.startswith("sqlite://"):
            raise ValueError("a SQLite file is served by one worker. For more, use PostgreSQL.")
        if self.master_key_file is None and not self.database.startswith("sqlite://"):
            raise ValueError("with PostgreSQL, GRANTLINE_MASTER_KEY_FILE is needed, the same on each node")
        return self

    @property
    def in_the_clear(self) -> bool:
        """Whether others than this machine can reach it without TLS, and no proxy is listed that adds it."""
        return self.host not in LOOPBACK_HOSTS and self.tls_certificate is None and not self.trusted_proxies

    @property
    def limit_factor(self) -> float:
        """What counts are multiplied with; 0 when limits are off."""
        return 0.0 if self.limits == "off" else float(self.limits)

    @property
    def api_base(self) -> str:
        """What token answers carry as `api_domain`."""
        return self.api_domain or self.public_url

    @property
    def master_key_path(self) -> Path:
        """Where the master key is: the setting, or beside the database."""
        return self.master_key_file or Path(self.database.removeprefix("sqlite://")).with_name("master.key")

    @property
    def mail_sender(self) -> str:
        """Where mails come from: the setting, or an address of this host for those that are only kept."""
        return self.mail_from or f"grantline@{urlsplit(self.public_url).hostname or 'localhost'}"

    @property
    def audit_path(self) -> Path:
        """Where months of the audit go: the setting, or beside the master key."""
        return self.audit_folder or self.master_key_path.with_name("audit")
