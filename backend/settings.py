"""All settings of the backend, read once from SEGLOOP_* variables. Nothing else reads the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "0.1.0"
REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """One installation. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="SEGLOOP_", frozen=True, extra="ignore")

    data_dir: Path = Path("data")
    database_url: str = ""
    storage_url: str = ""
    s3_endpoint: str | None = None
    broker_url: str = ""

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    page_dir: Path = REPOSITORY / "frontend" / "dist"

    model_server_url: str = "http://127.0.0.1:8001"
    model_server_timeout_seconds: float = 60.0

    session_days: int = 14
    sign_in_link_hours: int = 24
    login_attempts_per_minute: int = 10

    max_upload_bytes: int = 4 << 30
    max_json_bytes: int = 32 << 20
    max_file_bytes: int = 512 << 20
    max_pixels: int = 100_000_000
    max_archive_entries: int = 20_000
    max_archive_bytes: int = 16 << 30
    decode_processes: int = 2
    decode_memory_bytes: int = 2 << 30
    decode_timeout_seconds: float = 60.0

    event_listeners: int = Field(default=200, ge=0)

    lease_seconds: float = 120.0
    job_lease_seconds: float = 60.0
    job_poll_seconds: float = 0.5
    job_threads: int = Field(default=2, ge=1)

    models_dir: Path | None = None
    detectors_dir: Path | None = None
    # Processor threads of a trainer; 0: half of the machine's.
    training_threads: int = Field(default=0, ge=0)
    # A COCO folder whose masks a new model must not answer worse than the live one; "" takes drawn scenes.
    general_set: str = ""
    # A command line that trains in place of ours, for projects that ask for it (docs/engine.md).
    training_hook_command: str = ""

    @property
    def resolved_database_url(self) -> str:
        """The database's URL; without one, a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve()}/segloop.sqlite3"

    @property
    def model_server_note(self) -> Path:
        """Where `segloop up` writes which address its model server has."""
        return self.data_dir.resolve() / "model_server.url"

    @property
    def resolved_storage_url(self) -> str:
        """The storage's URL; without one, a folder in the data folder."""
        return self.storage_url or str(self.data_dir.resolve() / "blobs")

    @property
    def resolved_models_dir(self) -> Path:
        """Where the model server looks for models; new versions are put there."""
        return (self.models_dir or self.data_dir / "models").resolve()

    @property
    def resolved_detectors_dir(self) -> Path:
        """Where the model server looks for detectors."""
        return (self.detectors_dir or self.data_dir / "detectors").resolve()

    @property
    def resolved_public_url(self) -> str:
        """Where people's browsers reach the page, without a trailing slash."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")
