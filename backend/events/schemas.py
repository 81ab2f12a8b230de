"""Events and webhooks as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from backend.auth.schemas import Strict
from backend.events.tables import Event

EventKind = Literal[
    "stage.admitted",
    "stage.reverted",
    "stage.policy_changed",
    "stage.exit_reached",
    "training.started",
    "training.finished",
    "training.failed",
    "training.cancelled",
    "model.promoted",
    "model.rolled_back",
    "model.refused",
    "detector.promoted",
    "snapshot.made",
    "audit.passed",
    "image.accepted",
    "image.sent_back",
    "work.freed",
]


class Actor(BaseModel):
    """Who did it."""

    id: int
    name: str


class EventOut(BaseModel):
    """One thing that happened. `actor` None: a policy or a worker did it."""

    id: int
    kind: str
    actor: Actor | None
    data: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, event: Event, actor_name: str | None) -> "EventOut":
        """The row as JSON; the name belongs to its `actor_id`."""
        is_known = event.actor_id is not None and actor_name is not None
        actor = {"id": event.actor_id, "name": actor_name} if is_known else None
        plain = {name: getattr(event, name) for name in ("id", "kind", "data", "created_at")}
        return cls.model_validate(plain | {"actor": actor})


class AuditLog(BaseModel):
    """A page of the audit log, newest first."""

    items: list[EventOut]
    next_cursor: str | None


class WebhookIn(Strict):
    """An address to tell of events; no `kinds`: of all."""

    url: HttpUrl
    kinds: Annotated[list[EventKind], Field(max_length=len(get_args(EventKind)))] = Field(default_factory=list)


class WebhookOut(BaseModel):
    """A webhook. `last_error`: why the last delivery failed; None when it arrived."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    url: str
    kinds: list[str]
    last_event_id: int
    last_error: str | None
    created_at: datetime


class NewWebhookOut(WebhookOut):
    """A webhook with the secret its deliveries are signed with; shown this once."""

    secret: str


class WebhookList(BaseModel):
    """A project's webhooks."""

    items: list[WebhookOut]
