"""All that an administrator can set: one frozen object, read once at start-up from the environment.

Each setting is `PORTAL_<NAME>`; a secret may be given as `PORTAL_<NAME>_FILE`, the path of a file that holds it.
Nothing else in the portal reads the environment.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from portal.setting_kinds import (
    Authority,
    Colour,
    DatabaseAddress,
    FilesAddress,
    Issuer,
    MailAddress,
    MailServer,
    Origin,
    ReplyAddress,
    ScannerAddress,
)

PREFIX = "PORTAL_"
SECRET_LENGTH = 32
SAMPLES = ("changeme", "change-me", "secret", "example", "sample", "password", "insecure")


class SettingsError(Exception):
    """The configuration is missing something or unsafe; the text says what to set, one line a fault."""


StaffRoleName = Literal["member", "manager", "finance", "admin"]


class ProviderSettings(BaseModel):
    """One OpenID provider that people may sign in with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    label: Annotated[str, Field(min_length=1, max_length=60)]
    issuer: Issuer
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr
    scopes: str = "openid profile email"
    groups_claim: str = "groups"
    staff_groups: dict[str, StaffRoleName] = {}
    """The provider's group → our staff role. Empty: nobody who signs in here is staff."""
    step_up_acr: str | None = None
    """The `acr_values` that ask this provider for a second factor; None when it has none to offer."""


class RobotSettings(BaseModel):
    """A program that may use the staff API: the client id in its tokens, and the most it may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: tuple[Literal["staff:read", "staff:write", "staff:admin"], ...] = ("staff:read",)


class DecisionLimit(BaseModel):
    """How sure it must be who decides: for one kind of decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fresh_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] | None = 15
    """How long ago the person may have signed in (`auth_time`); None: as long as the session lives."""
    second_factor: Literal["never", "offered", "always"] = "offered"
    """`offered`: where the person's provider has a `step_up_acr`; `always`: who has none cannot decide."""


class SealSettings(BaseModel):
    """Files with what an issuer signs its invoices with: one PKCS#12, or a key and its certificates in PEM form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pkcs12: Path | None = None
    key: Path | None = None
    certificates: Path | None = None
    """The signer's certificate and those up to the authority's, the root left out or not."""
    password: SecretStr | None = None
    """Of the PKCS#12 or of the key."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        is_pem = bool(self.key and self.certificates)
        if bool(self.pkcs12) == is_pem or bool(self.key) != bool(self.certificates):
            raise ValueError("names either pkcs12, or key and certificates")
        return self


class Settings(BaseModel):
    """The portal's configuration. Build it with `load()`; tests build it directly."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["production", "demo", "test"] = "production"
    base_url: Origin
    """Where people reach the portal. Every absolute link and redirect is made from it; https unless on loopback."""
    data_dir: Path = Path("var")
    """Holds the SQLite database, signing keys and files."""
    database_url: DatabaseAddress = ""
    """`postgresql://user:password@host/name`; empty: SQLite under the data directory."""
    migration_database_url: DatabaseAddress = ""
    """The same PostgreSQL database by the role that owns its tables, for `portal migrate` alone; empty: one role for
    both, which no row-level security binds."""
    secret_key: SecretStr
    """At least 32 characters of randomness. Signs paging cursors and form tokens."""
    agency_name: str = "Project portal"
    agency_colour: Colour = "#3451b2"
    """`#rrggbb`: buttons and the band at the top of mails. White letters must be readable on it."""
    oidc_providers: tuple[ProviderSettings, ...] = ()
    api_issuer: Issuer | None = None
    """Whose access tokens the staff API accepts; None: the API refuses every call."""
    api_audience: str | None = None
    """The `aud` that an access token must carry; default `<base_url>/api`."""
    api_groups_claim: str = "groups"
    api_staff_groups: dict[str, StaffRoleName] = {}
    """Groups in an access token that make a person staff."""
    robots: tuple[RobotSettings, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose X-Forwarded-* headers are believed."""
    smtp_url: MailServer | None = None
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…`; None: mail goes to `mail_folder`."""
    mail_folder: Path | None = None
    mail_from: MailAddress = "portal@localhost"
    mail_reply_to: ReplyAddress = ""
    """An address whose mail is piped into `portal mail reply`; mails about decisions are answered to
    `reply+<token>@` its host. Empty: a reply goes to `mail_from`."""
    decision_limits: dict[str, DecisionLimit] = {}
    """By kind (`design`, `requirement`, `change_request`), how sure it must be who decides; else 15 minutes, and a
    second factor where the provider offers one."""
    timestamp_url: Authority | None = None
    """A time stamping authority (RFC 3161) that is asked to stamp every receipt; None: receipts are not stamped."""
    timestamp_certificates: Path | None = None
    """A PEM file of the certificates by which its stamps are checked; needed with `timestamp_url`."""
    invoice_signatures: dict[str, SealSettings] = {}
    """By an issuer's code, or `*` for all others: with what its invoices' PDFs are signed (PAdES)."""
    session_idle_minutes: Annotated[int, Field(ge=5, le=60 * 24 * 30)] = 60 * 12
    session_absolute_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 24 * 14
    invitation_days: Annotated[int, Field(ge=1, le=365)] = 14
    import_max_bytes: Annotated[int, Field(ge=1024)] = 100 * 1024 * 1024
    files_url: FilesAddress = ""
    """Where files lie: `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///folder`; empty: `files` under `data_dir`."""
    files_options: dict[str, SecretStr] = {}
    """What the store of files must know to be reached: region, endpoint, keys, as the library `obstore` names them."""
    files_project_bytes: Annotated[int, Field(ge=1024)] = 20 * 1024**3
    """What the files of one project may take together."""
    file_max_bytes: Annotated[int, Field(ge=1024)] = 250 * 1024 * 1024
    clamd_url: ScannerAddress = ""
    """`tcp://host:3310` or `unix:///run/clamav/clamd.ctl`: each file is scanned there or refused; empty: no scanner."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Prometheus metrics on 127.0.0.1 at this port; 0: off."""
    webhook_allow_private: bool = False
    """Lets webhooks go to this machine and its network, and by http; for trying them out, refused in production."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    api_rate_per_minute: Annotated[int, Field(ge=1)] = 6000

    @property
    def is_secure(self) -> bool:
        """Whether people reach the portal by https: HSTS and `__Host-` cookies follow it."""
        return self.base_url.startswith("https://")

    @property
    def database(self) -> str:
        """The database's address, with the default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'portal.sqlite').resolve()}"

    def decision_limit(self, kind: str) -> DecisionLimit:
        """The limit for a kind of decision."""
        return self.decision_limits.get(kind, DecisionLimit())

    @property
    def keys_dir(self) -> Path:
        """Where the signing keys lie: never in the database."""
        return self.data_dir / "keys"

    @property
    def audience(self) -> str:
        """The `aud` that access tokens must carry."""
        return self.api_audience or f"{self.base_url}/api"

    @model_validator(mode="after")
    def _safe(self) -> Self:
        faults = [
            *_secret_faults(self),
            *_role_faults(self),
            *_timestamp_faults(self),
            *_webhook_faults(self),
            *_address_faults(self),
            *_provider_faults(self),
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self


def _webhook_faults(settings: Settings) -> list[str]:
    if settings.environment == "production" and settings.webhook_allow_private:
        return ["PORTAL_WEBHOOK_ALLOW_PRIVATE is for trying out: in production webhooks go to the public internet."]
    return []


def _timestamp_faults(settings: Settings) -> list[str]:
    if settings.timestamp_url and settings.timestamp_certificates is None:
        return ["PORTAL_TIMESTAMP_CERTIFICATES must name a PEM file: without it no time stamp could be checked."]
    return []


def _role_faults(settings: Settings) -> list[str]:
    if settings.migration_database_url and not settings.database_url.startswith("postgres"):
        return ["PORTAL_MIGRATION_DATABASE_URL is for PostgreSQL, which PORTAL_DATABASE_URL does not name."]
    return []


def _secret_faults(settings: Settings) -> list[str]:
    secret = settings.secret_key.get_secret_value()
    if len(secret) < SECRET_LENGTH or len(set(secret)) < 10:
        return [
            f"PORTAL_SECRET_KEY needs at least {SECRET_LENGTH} random characters: `openssl rand -base64 48` makes them."
        ]
    if settings.environment == "production" and any(sample in secret.lower() for sample in SAMPLES):
        return ["PORTAL_SECRET_KEY looks like a sample: `openssl rand -base64 48` makes a real one."]
    return []


def _address_faults(settings: Settings) -> list[str]:
    if settings.environment != "production" or settings.is_secure or is_loopback(settings.base_url):
        return []
    return ["PORTAL_BASE_URL must be https: sign-in cookies must not travel in the clear."]


def _provider_faults(settings: Settings) -> list[str]:
    names = [provider.name for provider in settings.oidc_providers]
    faults = [f"PORTAL_OIDC_PROVIDERS has two providers named {n!r}." for n in sorted(set(names)) if names.count(n) > 1]
    if settings.environment == "production":
        faults += [
            f"PORTAL_OIDC_PROVIDERS: the issuer of {provider.name!r} must be https."
            for provider in settings.oidc_providers
            if not provider.issuer.startswith("https://") and not is_loopback(provider.issuer)
        ]
        if not settings.oidc_providers:
            faults.append("PORTAL_OIDC_PROVIDERS is empty: nobody could sign in. The README shows how to fill it.")
    return faults


def is_loopback(address: str) -> bool:
    """Whether an address names this machine itself."""
    return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")


def load(environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Reads the settings from the environment (and `overrides`, by field name).

    Raises SettingsError with one sentence a fault: what is wrong, and what to set.
    """
    values = _from_environment(dict(os.environ) if environ is None else environ) | overrides
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None


def _from_environment(environ: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if name.startswith(PREFIX):
            key, value = _one(name, text)
            if key in values:
                raise SettingsError(f"{PREFIX}{key.upper()} and {PREFIX}{key.upper()}_FILE are both set: keep one.")
            values[key] = value
    return values


def _one(name: str, text: str) -> tuple[str, Any]:
    key = name.removeprefix(PREFIX).lower()
    if key.endswith("_file"):
        key = key.removesuffix("_file")
        text = _read_secret(name, text)
    if key in Settings.model_fields and _is_structured(key) and text.strip():
        try:
            return key, json.loads(text)
        except (ValueError, RecursionError) as error:
            form = '["…", "…"]' if _is_list(key) else '{"…": …}'
            raise SettingsError(f"{name} is not valid JSON, such as {form}: {error}") from None
    return key, text


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} names a file that cannot be read: {path} ({type(error).__name__})") from None


def _is_structured(key: str) -> bool:
    annotation = str(Settings.model_fields[key].annotation)
    return annotation.startswith(("tuple", "dict"))


def _is_list(key: str) -> bool:
    return str(Settings.model_fields[key].annotation).startswith("tuple")


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for fault in error.errors():
        if not fault["loc"]:
            sentences += str(fault["msg"]).removeprefix("Value error, ").splitlines()
            continue
        name = PREFIX + str(fault["loc"][0]).upper()
        where = "".join(f"[{part}]" for part in fault["loc"][1:])
        match fault["type"]:
            case "missing" if not where:
                sentences.append(f"{name} is not set.")
            case "extra_forbidden":
                sentences.append(f"{name}{where} is not a setting of this portal.")
            case "tuple_type":
                sentences.append(f"{name}{where} must be a JSON list: [ … ].")
            case "dict_type" | "model_type":
                sentences.append(f"{name}{where} must be a JSON mapping: {{ … }}.")
            case _:
                sentences.append(f"{name}{where}: {fault['msg'].removeprefix('Value error, ')}.")
    return sentences
