"""What the environment says is understood, or refused with a sentence that names the variable."""

import base64
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs
import pytest

from payymo.domain.errors import ConfigurationError
from payymo.settings import (
    Settings,
    default_data_folder,
    load_secrets,
    load_settings,
)

ROOT = Path(__file__).parents[1]
VARIABLES = {str(field.validation_alias) for field in Settings.model_fields.values()}
OFFICIAL = "https://bankaccountdata.gocardless.com/api/v2"

pytestmark = pytest.mark.usefixtures("bare_environment")


class TestSettings:
    def test_nothing_has_to_be_set(self) -> None:
        settings = load_settings()

        assert settings.database_url is None
        assert settings.gocardless_base_url == OFFICIAL
        assert settings.gocardless_secret_id is None
        assert not settings.is_gocardless_address_given

    def test_the_example_documents_every_variable_and_no_other(self) -> None:
        example = (ROOT / ".env_example").read_text()

        assert set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)) == VARIABLES

    @pytest.mark.parametrize(
        "address",
        [
            "postgres://user:word@db.test/payymo",
            "postgresql://user:word@db.test/payymo",
            "postgresql+psycopg://user:word@/payymo?host=/run/postgresql",
        ],
    )
    def test_each_spelling_of_a_postgresql_address_is_taken(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", address)

        settings = load_settings()

        assert settings.database_url is not None
        assert settings.database_url.get_secret_value() == address
        assert "word" not in repr(settings)

    @pytest.mark.parametrize(
        ("given", "address"),
        [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/api/v2"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/api/v2"),
            ("http://127.0.0.1:9000/api/v2", "http://127.0.0.1:9000/api/v2"),
            ("https://bank.test/api/v2/", "https://bank.test/api/v2"),
            ("https://bank.test/mock", "https://bank.test/mock/api/v2"),
        ],
    )
    def test_the_address_of_gocardless_may_leave_out_its_path(
        self, monkeypatch: pytest.MonkeyPatch, given: str, address: str
    ) -> None:
        monkeypatch.setenv("GOCARDLESS_BASE_URL", given)

        settings = load_settings()

        assert settings.gocardless_base_url == address
        assert settings.is_gocardless_address_given

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("DATABASE_URL", "mysql://user:hunter2@db.test/payymo"),
            ("DATABASE_URL", "hunter2"),
            ("GOCARDLESS_BASE_URL", "ftp://hunter2.test"),
            ("GOCARDLESS_BASE_URL", "https://user:hunter2@bank.test"),
            ("GOCARDLESS_BASE_URL", "https:///hunter2"),
            ("PAYYMO_PUBLIC_URL", "hunter2"),
            ("PAYYMO_LOG_LEVEL", "hunter2"),
            ("PAYYMO_WORKER_CONCURRENCY", "hunter2"),
            ("PAYYMO_WORKER_CONCURRENCY", "0"),
            ("PAYYMO_JWT_KEY", "hunter2"),
            ("PAYYMO_JWT_KEY", "aHVudGVyMg=="),
            ("PAYYMO_ENCRYPTION_KEYS", "hunter2"),
            ("PAYYMO_ENCRYPTION_KEYS", ","),
        ],
    )
    def test_a_value_that_cannot_be_used_is_named_and_not_quoted(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)

        with pytest.raises(ConfigurationError) as raised:
            load_settings()

        assert variable in raised.value.message
        assert "hunter2" not in raised.value.message
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None

    def test_half_of_the_gocardless_secret_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOCARDLESS_SECRET_ID", "hunter2")

        with pytest.raises(ConfigurationError, match="GOCARDLESS_SECRET_KEY go together"):
            load_settings()

    def test_an_empty_variable_counts_as_absent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", "")
        monkeypatch.setenv("GOCARDLESS_SECRET_ID", "")

        assert load_settings().database_url is None

    def test_the_environment_wins_over_the_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / ".env").write_text(
            "PAYYMO_LOG_LEVEL=debug\nPAYYMO_WORKER_CONCURRENCY=2\nUNRELATED=1\n"
        )
        monkeypatch.setenv("PAYYMO_WORKER_CONCURRENCY", "3")

        settings = load_settings()

        assert (settings.log_level, settings.worker_concurrency) == ("DEBUG", 3)


class TestDefaultDataFolder:
    def test_a_checkout_keeps_its_data_in_itself(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "payymo"\n')

        assert default_data_folder(tmp_path / ".venv") == tmp_path / ".payymo"

    @pytest.mark.parametrize("project", ['[project]\nname = "other"\n', "", None])
    def test_a_package_keeps_its_data_with_the_user(
        self, tmp_path: Path, project: str | None
    ) -> None:
        if project is not None:
            (tmp_path / "pyproject.toml").write_text(project)

        assert default_data_folder(tmp_path / ".venv") == platformdirs.user_data_path("payymo")


class TestSecrets:
    def test_they_are_made_once_and_nobody_else_may_read_them(self, tmp_path: Path) -> None:
        first = load_secrets(load_settings())
        again = load_secrets(load_settings())

        folder = tmp_path / "data" / "secrets"
        files = {path.name: path for path in folder.iterdir()}
        assert first == again
        assert len(first.jwt_key) == 32
        assert [len(key) for key in first.encryption_keys] == [32]
        assert first.jwt_key not in first.encryption_keys
        assert files.keys() == {"jwt.key", "encryption.keys"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_two_installations_have_different_ones(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        first = load_secrets(load_settings())
        monkeypatch.setenv("PAYYMO_DATA_DIR", str(tmp_path / "another"))

        assert load_secrets(load_settings()) != first

    def test_all_who_start_at_once_get_the_same(self) -> None:
        settings = load_settings()

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: load_secrets(settings), range(64)))

        assert len({(secrets.jwt_key, secrets.encryption_keys) for secrets in found}) == 1

    def test_the_environment_may_bring_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        key, former = bytes(range(200, 232)), bytes(32)
        monkeypatch.setenv("PAYYMO_JWT_KEY", base64.b64encode(key).decode())
        monkeypatch.setenv(
            "PAYYMO_ENCRYPTION_KEYS",
            f"{base64.urlsafe_b64encode(key).decode()},{base64.b64encode(former).decode()}",
        )

        secrets = load_secrets(load_settings())

        assert (secrets.jwt_key, secrets.encryption_keys) == (key, (key, former))
        assert not (tmp_path / "data").exists()

    def test_a_key_put_before_another_is_the_present_one(self, tmp_path: Path) -> None:
        former = load_secrets(load_settings()).encryption_keys
        path = tmp_path / "data" / "secrets" / "encryption.keys"
        key = bytes(range(32))

        path.write_text(base64.b64encode(key).decode() + "\n" + path.read_text())

        assert load_secrets(load_settings()).encryption_keys == (key, *former)

    def test_a_file_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        load_secrets(load_settings())
        (tmp_path / "data" / "secrets" / "jwt.key").chmod(0o640)

        with pytest.raises(ConfigurationError, match="chmod 600"):
            load_secrets(load_settings())

    @pytest.mark.parametrize("content", ["", "hunter2\n", "\xff"])
    def test_a_damaged_file_is_refused_and_not_replaced(self, tmp_path: Path, content: str) -> None:
        load_secrets(load_settings())
        path = tmp_path / "data" / "secrets" / "encryption.keys"
        path.write_text(content)

        with pytest.raises(ConfigurationError, match="restore the file") as raised:
            load_secrets(load_settings())

        assert "hunter2" not in raised.value.message
        assert path.read_text() == content

    def test_a_data_folder_that_cannot_be_made_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("PAYYMO_DATA_DIR", str(tmp_path / "file" / "data"))

        with pytest.raises(ConfigurationError, match="PAYYMO_DATA_DIR"):
            load_secrets(load_settings())

    def test_they_are_not_shown(self) -> None:
        assert repr(load_secrets(load_settings())) == "Secrets()"
