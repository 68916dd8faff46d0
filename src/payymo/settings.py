"""What an installation is told: from its environment, its ``.env`` file and its data folder.

This is the only module that reads the environment, and only the front doors read this module.
"""

import base64
import binascii
import os
import stat
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from payymo.domain.errors import ConfigurationError

GOCARDLESS_OFFICIAL_URL = "https://bankaccountdata.gocardless.com/api/v2"
GOCARDLESS_PATH = "/api/v2"
ECB_OFFICIAL_URL = "https://www.ecb.europa.eu/stats/eurofxref"
DATABASE_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")

JWT_KEY_BYTES_MIN = 32
ENCRYPTION_KEY_BYTES = 32
SECRETS_FOLDER = "secrets"
JWT_KEY_FILE = "jwt.key"
ENCRYPTION_KEYS_FILE = "encryption.keys"


def _split(value: str, *schemes: str) -> SplitResult:
    parts = urlsplit(value)
    if parts.scheme not in schemes:
        raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return parts


def _check_database_url(value: SecretStr) -> SecretStr:
    _split(value.get_secret_value(), *DATABASE_SCHEMES)
    return value


def _check_web_url(value: str) -> str:
    parts = _split(value, "http", "https")
    if not parts.hostname:
        raise ValueError("must name a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must hold neither user, nor query, nor fragment")
    return value.rstrip("/")


def _complete_gocardless_url(value: str) -> str:
    return value.removesuffix(GOCARDLESS_PATH) + GOCARDLESS_PATH


def _resolve(path: Path) -> Path:
    return path.expanduser().absolute()


def _decode_key(text: str) -> bytes:
    """Return the bytes of a key in base64, of either alphabet."""
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise ValueError("must be in base64") from None
    if len(key) < JWT_KEY_BYTES_MIN:
        raise ValueError(f"must hold at least {JWT_KEY_BYTES_MIN} bytes")
    return key


def _decode_keys(text: str) -> tuple[bytes, ...]:
    keys = tuple(_decode_key(line) for line in text.replace(",", "\n").splitlines() if line.strip())
    if not keys or any(len(key) != ENCRYPTION_KEY_BYTES for key in keys):
        raise ValueError(f"must hold keys of {ENCRYPTION_KEY_BYTES} bytes each")
    return keys


def _check_key(value: SecretStr) -> SecretStr:
    _decode_key(value.get_secret_value())
    return value


def _check_keys(value: SecretStr) -> SecretStr:
    _decode_keys(value.get_secret_value())
    return value


def default_data_folder(prefix: Path = Path(sys.prefix)) -> Path:
    """Return where data are kept unless somebody says otherwise.

    :param prefix: Root of the running Python environment.
    :returns: ``.payymo`` in the checkout when the environment is its ``.venv``, else the user's
        own data folder.
    """
    if prefix.name == ".venv" and _project_name(prefix.parent) == "payymo":
        return prefix.parent / ".payymo"
    return platformdirs.user_data_path("payymo")


def _project_name(folder: Path) -> str | None:
    path = folder / "pyproject.toml"
    if not path.is_file():
        return None
    name = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {}).get("name")
    return name if isinstance(name, str) else None


class Settings(BaseSettings):
    """What the environment says; see ``.env_example`` for each variable.

    :ivar database_url: The server to use; an embedded one where absent.
    :ivar data_dir: Where secrets, and the embedded server's data, are kept.
    :ivar gocardless_base_url: Address of the API, without a slash at its end.
    :ivar public_url: Where browsers reach this installation, without a slash at its end; known
        only once it serves where absent.
    :ivar warehouse_minutes: Between two builds of the warehouse by the worker; 0 for none.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[SecretStr, AfterValidator(_check_database_url)] | None = Field(
        None, validation_alias="DATABASE_URL"
    )
    data_dir: Annotated[Path, AfterValidator(_resolve)] = Field(
        default_factory=default_data_folder, validation_alias="PAYYMO_DATA_DIR"
    )
    public_url: Annotated[str, AfterValidator(_check_web_url)] | None = Field(
        None, validation_alias="PAYYMO_PUBLIC_URL"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = Field("INFO", validation_alias="PAYYMO_LOG_LEVEL")
    warehouse_minutes: int = Field(
        15, ge=0, le=24 * 60, validation_alias="PAYYMO_WAREHOUSE_MINUTES"
    )
    worker_concurrency: int = Field(4, ge=1, le=64, validation_alias="PAYYMO_WORKER_CONCURRENCY")
    jwt_key: Annotated[SecretStr, AfterValidator(_check_key)] | None = Field(
        None, validation_alias="PAYYMO_JWT_KEY"
    )
    encryption_keys: Annotated[SecretStr, AfterValidator(_check_keys)] | None = Field(
        None, validation_alias="PAYYMO_ENCRYPTION_KEYS"
    )
    rates_update: bool = Field(True, validation_alias="PAYYMO_RATES_UPDATE")
    ecb_base_url: Annotated[str, AfterValidator(_check_web_url)] = Field(
        ECB_OFFICIAL_URL, validation_alias="ECB_BASE_URL"
    )
    gocardless_base_url: Annotated[
        str, AfterValidator(_check_web_url), AfterValidator(_complete_gocardless_url)
    ] = Field(GOCARDLESS_OFFICIAL_URL, validation_alias="GOCARDLESS_BASE_URL")
    gocardless_secret_id: SecretStr | None = Field(None, validation_alias="GOCARDLESS_SECRET_ID")
    gocardless_secret_key: SecretStr | None = Field(None, validation_alias="GOCARDLESS_SECRET_KEY")

    @model_validator(mode="after")
    def _check_gocardless_pair(self) -> Self:
        if (self.gocardless_secret_id is None) != (self.gocardless_secret_key is None):
            raise ValueError("GOCARDLESS_SECRET_ID and GOCARDLESS_SECRET_KEY go together: set both")
        return self

    @property
    def warehouse_dir(self) -> Path:
        """Where the warehouse lies."""
        return self.data_dir / "analytics"

    @property
    def is_gocardless_address_given(self) -> bool:
        """Whether somebody said which GoCardless to talk to."""
        return "gocardless_base_url" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class Secrets:
    """The installation's own keys.

    :ivar jwt_key: Signs access tokens.
    :ivar encryption_keys: Encrypt columns; the present one first.
    """

    jwt_key: bytes = field(repr=False)
    encryption_keys: tuple[bytes, ...] = field(repr=False)


def load_settings(*, env_file: Path = Path(".env")) -> Settings:
    """Return what the environment says.

    :param env_file: File of further variables, where it exists; the environment wins.
    :raises ConfigurationError: If a variable's value cannot be used; never quotes the value.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])} "
            f"{fault['msg'].removeprefix('Value error, ')}".strip()
            for fault in error.errors(include_input=False, include_url=False)
        ]
    raise ConfigurationError(f"A setting cannot be used: {'; '.join(faults)}.")


def load_secrets(settings: Settings) -> Secrets:
    """Return the installation's keys, made on first use.

    They come from the environment where it has them, else from files of the data folder that
    only their owner can read. Several processes may start at once: the first one's keys count.

    :param settings: The installation's settings.
    :raises ConfigurationError: If a file of keys cannot be used, or others could read it.
    """
    folder = settings.data_dir / SECRETS_FOLDER
    if settings.jwt_key is None:
        (jwt_key, *_) = _keys_from(folder / JWT_KEY_FILE)
    else:
        jwt_key = _decode_key(settings.jwt_key.get_secret_value())
    if settings.encryption_keys is None:
        encryption_keys = _keys_from(folder / ENCRYPTION_KEYS_FILE)
    else:
        encryption_keys = _decode_keys(settings.encryption_keys.get_secret_value())
    return Secrets(jwt_key, encryption_keys)


def _keys_from(path: Path) -> tuple[bytes, ...]:
    """Return the keys of a file, one on each line; a new key where there is no file."""
    try:
        if not path.exists():
            _write_new_key(path)
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(f"Others can read the keys in {path}: chmod 600 {path}")
        return _decode_keys(path.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigurationError(
            f"The keys in {path} can neither be read nor made ({error.strerror}): "
            "let PAYYMO_DATA_DIR name a folder of your own."
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"The keys in {path} are damaged: restore the file from a backup."
        ) from error


def _write_new_key(path: Path) -> None:
    """Write a file with one new key, unless another process is faster: it is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    # The file is made with mode 0600, and its name is known to nobody until it is whole.
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(ENCRYPTION_KEY_BYTES)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
