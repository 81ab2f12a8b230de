"""What requests and jobs of one process share."""

from dataclasses import dataclass

from backend.database import Database
from backend.jobs.bell import connect_bell
from backend.model_client import ModelClient
from backend.settings import Settings
from backend.storage import BlobStore, open_store


@dataclass(frozen=True)
class Resources:
    """One of each in a process."""

    settings: Settings
    database: Database
    store: BlobStore
    model: ModelClient


def open_resources(settings: Settings) -> Resources:
    """Opens database and storage and the ways to model server and broker, for a web process or a worker."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    connect_bell(settings.broker_url)
    return Resources(
        settings=settings,
        database=Database(settings.resolved_database_url),
        store=open_store(settings.resolved_storage_url, s3_endpoint=settings.s3_endpoint),
        model=ModelClient(settings.model_server_url, settings.model_server_timeout_seconds),
    )
