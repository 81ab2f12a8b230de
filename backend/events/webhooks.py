"""Webhooks: every event of a project is posted to its addresses, in order, at least once, signed."""

import hashlib
import hmac
import json
import secrets
import time

import urllib3
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session
from urllib3.exceptions import HTTPError

from backend.database import Base, Database
from backend.errors import Conflict, NotFound, Unavailable
from backend.events.schemas import EventOut, WebhookIn
from backend.events.service import last_event_id, read_events
from backend.events.tables import Event, Webhook
from backend.jobs import queue
from backend.settings import VERSION

DELIVER = "deliver"
MAX_WEBHOOKS = 20
EVENTS_PER_READ = 100
# How long one run of the job keeps its worker thread; the next check goes on where it stopped.
RUN_SECONDS = 30.0
TIMEOUT = urllib3.Timeout(connect=3.0, read=5.0)
# The job's own delays (2 s, 4 s ... 300 s) space the attempts at an address that fails: 100 of them are 8 hours.
MAX_ATTEMPTS = 100
MAX_ERROR = 500


def list_webhooks(session: Session, project_id: int) -> list[Webhook]:
    """The project's webhooks, oldest first."""
    return list(session.scalars(select(Webhook).where(Webhook.project_id == project_id).order_by(Webhook.id)))


def add_webhook(session: Session, project_id: int, body: WebhookIn) -> Webhook:
    """An address that is told of what happens from now on. Raises Conflict when there are too many."""
    if len(list_webhooks(session, project_id)) >= MAX_WEBHOOKS:
        raise Conflict("too_many_webhooks", f"A project has at most {MAX_WEBHOOKS} webhooks; remove one first.")
    webhook = Webhook(
        project_id=project_id,
        url=str(body.url),
        secret=secrets.token_urlsafe(32),
        kinds=list(body.kinds),
        last_event_id=last_event_id(session, project_id),
    )
    session.add(webhook)
    session.flush()
    return webhook


def delete_webhook(session: Session, project_id: int, webhook_id: int) -> None:
    """Tells this address nothing more. Raises NotFound."""
    webhook = session.get(Webhook, webhook_id)
    if webhook is None or webhook.project_id != project_id:
        raise NotFound("webhook_not_found", f"This project has no webhook {webhook_id}.")
    session.delete(webhook)


def enqueue_deliveries(database: Database) -> None:
    """A job for each webhook that has not been told everything; one that is under way or waits is not doubled."""
    newest = select(func.max(Event.id)).where(Event.project_id == Webhook.project_id).scalar_subquery()
    projects = Base.metadata.tables["projects"].c  # of a feature above this one
    stands = Webhook.project_id.in_(select(projects.id).where(projects.deleted_at.is_(None)))
    # A deleted project's address may still hear the end, but is not asked again: nobody could take it out.
    is_due = (Webhook.last_event_id < newest, or_(stands, Webhook.last_error.is_(None)))
    with database.read() as session:
        webhook_ids = list(session.scalars(select(Webhook.id).where(*is_due)))
    for webhook_id in webhook_ids:
        arguments, key = {"webhook_id": webhook_id}, f"{DELIVER}:{webhook_id}"
        with database.write() as session:
            queue.enqueue(session, DELIVER, arguments, dedupe_key=key, max_attempts=MAX_ATTEMPTS)


def deliver(database: Database, webhook_id: int) -> None:
    """Posts what the webhook has not been told yet, oldest first, until all is said or time is up.

    Raises Unavailable when the address does not take an event: later ones wait until it does.
    """
    deadline = time.monotonic() + RUN_SECONDS
    with urllib3.PoolManager(timeout=TIMEOUT, retries=False) as pool:
        while time.monotonic() < deadline:
            with database.read() as session:
                webhook = session.get(Webhook, webhook_id)
                if webhook is None:
                    return
                after_id = webhook.last_event_id
                events = read_events(session, webhook.project_id, after_id=after_id, limit=EVENTS_PER_READ)
            if not events:
                return
            _deliver_some(database, pool, webhook, events, deadline)


def _deliver_some(
    database: Database, pool: urllib3.PoolManager, webhook: Webhook, events: list[EventOut], deadline: float
) -> None:
    for event in events:
        if time.monotonic() >= deadline:
            return
        is_wanted = not webhook.kinds or event.kind in webhook.kinds
        error = _post(pool, webhook, event) if is_wanted else None
        _note(database, webhook.id, event.id, error)
        if error is not None:
            raise Unavailable("webhook_failed", f"{webhook.url} did not take event {event.id}: {error}")


def _note(database: Database, webhook_id: int, event_id: int, error: str | None) -> None:
    """Remembers that the event was taken, or why it was not."""
    values = {"last_error": error} if error else {"last_error": None, "last_event_id": event_id}
    # An attempt that was overtaken must not turn the number back.
    is_news = (Webhook.id == webhook_id, Webhook.last_event_id < event_id)
    with database.write() as session:
        session.execute(update(Webhook).where(*is_news).values(**values))


def _post(pool: urllib3.PoolManager, webhook: Webhook, event: EventOut) -> str | None:
    """Sends one event; why it did not arrive, or None."""
    body = json.dumps({"project_id": webhook.project_id} | event.model_dump(mode="json")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Segloop/{VERSION}",
        "Segloop-Signature": sign(webhook.secret, body),
    }
    try:
        response = pool.request("POST", webhook.url, body=body, headers=headers, redirect=False, preload_content=False)
    except (HTTPError, UnicodeError) as error:
        return f"{type(error).__name__}: {error}"[:MAX_ERROR]
    # Its body is not read: whatever it says, it can be large, and nobody asks for it.
    response.close()
    return None if 200 <= response.status < 300 else f"It answered {response.status}."


def sign(secret: str, body: bytes) -> str:
    """The signature header's value: HMAC-SHA256 of the body's bytes by the webhook's secret, in hex (RFC 2104)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
