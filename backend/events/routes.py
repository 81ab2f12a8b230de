"""What happens in a project: as a stream, as the audit log, to webhooks."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, status
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from backend.auth.authorize import authorize
from backend.database import ReadSession, RowId, WriteSession
from backend.errors import AppError
from backend.events import service, webhooks
from backend.events.schemas import AuditLog, NewWebhookOut, WebhookIn, WebhookList, WebhookOut
from backend.events.stream import EventStreams

router = APIRouter(prefix="/projects/{project_id}", tags=["events"])


@router.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def stream_events(
    project_id: RowId, request: Request, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Server-sent events, from `Last-Event-ID` on or from now on; every 15 s a comment.

    Events of the audit log carry their id. `jobs` (the open jobs) and `work` (counts by stage and state) are states
    without one: sent at the beginning and when they have changed, at most once a second.
    """
    streams: EventStreams = request.app.state.event_streams
    is_number = last_event_id is not None and re.fullmatch(r"\d{1,18}", last_event_id, re.ASCII)
    after_id = int(last_event_id) if is_number and last_event_id is not None else None
    stream = await streams.open(project_id, after_id, lambda: _is_allowed(request))
    # nginx would gather events until its buffer is full.
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _is_allowed(request: Request) -> bool:
    """Whether the caller could open the stream now: a session may have ended, a member may have left."""
    try:
        authorize(request)
    except AppError:
        return False
    except SQLAlchemyError:
        return True  # without the database there is nothing to tell anybody
    return True


@router.get("/audit-log")
def read_audit_log(
    project_id: RowId,
    session: ReadSession,
    cursor: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditLog:
    """What was decided, by whom or by which rule, newest first; pass `next_cursor` back as `cursor`."""
    return service.read_audit_log(session, project_id, before_id=cursor, limit=limit)


@router.get("/webhooks")
def list_webhooks(project_id: RowId, session: ReadSession) -> WebhookList:
    """The addresses that are told of the project's events."""
    rows = webhooks.list_webhooks(session, project_id)
    return WebhookList(items=[WebhookOut.model_validate(row) for row in rows])


@router.post("/webhooks", status_code=status.HTTP_201_CREATED)
def add_webhook(project_id: RowId, body: WebhookIn, session: WriteSession) -> NewWebhookOut:
    """Adds an address; `secret` is shown this once. Each event is posted to it as JSON, in order, at least once,
    with `Segloop-Signature: sha256=<HMAC-SHA256 of the body by the secret, in hex>`."""
    return NewWebhookOut.model_validate(webhooks.add_webhook(session, project_id, body), from_attributes=True)


@router.delete("/webhooks/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_webhook(project_id: RowId, webhook_id: RowId, session: WriteSession) -> None:
    """Removes an address."""
    webhooks.delete_webhook(session, project_id, webhook_id)
