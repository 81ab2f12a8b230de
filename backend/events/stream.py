"""Events as they happen, to many browsers: one look per second and project, whatever the number of listeners."""

import asyncio
import json
import logging
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from fastapi.sse import format_sse_event
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from backend.database import Base, Database
from backend.errors import Unavailable
from backend.events.service import last_event_id, read_events
from backend.jobs.queue import OPEN_STATES
from backend.jobs.schemas import JobOut
from backend.jobs.tables import Job

logger = logging.getLogger("segloop.events")

LOOK_SECONDS = 1.0
# Proxies close connections on which nothing moves; also how often a listener's permission is looked at again.
COMMENT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
EVENTS_PER_LOOK = 500
JOBS_PER_LOOK = 100
ENDED_JOBS_PER_LOOK = 10
# A listener that is further behind is let go: it comes back with Last-Event-ID.
MESSAGES_PER_LISTENER = 1000


@dataclass(frozen=True)
class Message:
    """One server-sent event; `id` 0: it is not remembered (a state, not an event)."""

    event: str
    data: str
    id: int = 0

    def encode(self) -> bytes:
        """As it goes over the wire."""
        return format_sse_event(event=self.event, data_str=self.data, id=str(self.id) if self.id else None)


# None ends a stream.
Queue = asyncio.Queue[Message | None]


@dataclass
class _Watch:
    """One project that somebody listens to."""

    last_id: int
    listeners: set[Queue] = field(default_factory=set)
    states: dict[str, Message] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class EventStreams:
    """The open streams of one process. Its methods are called in the event loop; databases are read in threads."""

    def __init__(self, database: Database, *, max_listeners: int) -> None:
        self._database = database
        self._max_listeners = max_listeners
        self._watches: dict[int, _Watch] = {}
        self._queues: set[Queue] = set()
        self._is_closing = False

    async def open(self, project_id: int, after_id: int | None, is_allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """A stream of everything after event `after_id` (None: from now on); it ends when it is no longer allowed.

        What happens once this has returned is in it. Raises Unavailable when there are too many listeners.
        """
        stream = self._stream(project_id, after_id, is_allowed)
        await anext(stream)
        return stream

    def close(self) -> None:
        """Ends all streams now and refuses new ones."""
        self._is_closing = True
        for queue in self._queues:
            _put(queue, None)

    async def _stream(
        self, project_id: int, after_id: int | None, is_allowed: Callable[[], bool]
    ) -> AsyncGenerator[bytes]:
        queue = self._enter()
        try:
            last_id = await asyncio.to_thread(self._last_id, project_id)
            self._join(project_id, queue, last_id)
            # It listens; from here on its end is noticed, also when nobody ever reads it.
            yield b""
            yield format_sse_event(comment="listening", retry=RETRY_MILLISECONDS)
            # A number from before the database was set up anew would hide everything until it is reached.
            after_id = last_id if after_id is None else min(after_id, last_id)
            while missed := await asyncio.to_thread(self._events, project_id, after_id):
                for message in missed:
                    yield message.encode()
                after_id = missed[-1].id
            async for next_message in _until_end(queue, is_allowed):
                if next_message is None:
                    yield format_sse_event(comment="still here")
                elif next_message.id == 0 or next_message.id > after_id:
                    after_id = max(after_id, next_message.id)
                    yield next_message.encode()
        finally:
            self._leave(project_id, queue)

    def _enter(self) -> Queue:
        if self._is_closing or len(self._queues) >= self._max_listeners:
            message = "Too many pages listen to this server; this one asks again from time to time."
            raise Unavailable("too_many_listeners", message, headers={"Retry-After": "15"})
        queue: Queue = asyncio.Queue(MESSAGES_PER_LISTENER)
        self._queues.add(queue)
        return queue

    def _join(self, project_id: int, queue: Queue, last_id: int) -> None:
        watch = self._watches.get(project_id)
        if watch is None:
            watch = self._watches[project_id] = _Watch(last_id)
            watch.task = asyncio.create_task(self._watch(project_id, watch), name=f"events-{project_id}")
        watch.listeners.add(queue)
        for message in watch.states.values():
            _put(queue, message)

    def _leave(self, project_id: int, queue: Queue) -> None:
        self._queues.discard(queue)
        watch = self._watches.get(project_id)
        if watch is None:
            return
        watch.listeners.discard(queue)
        if not watch.listeners:
            del self._watches[project_id]
            assert watch.task is not None
            watch.task.cancel()

    async def _watch(self, project_id: int, watch: _Watch) -> None:
        while True:
            try:
                events, states = await asyncio.to_thread(self._look, project_id, watch.last_id)
            except Exception as error:
                logger.warning("project %d: events not read, trying again: %s", project_id, error)
                events, states = [], {}
            changed = [message for name, message in states.items() if watch.states.get(name) != message]
            watch.states |= states
            for message in (*events, *changed):
                watch.last_id = max(watch.last_id, message.id)
                for queue in watch.listeners:
                    _put(queue, message)
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, project_id: int, after_id: int) -> tuple[list[Message], dict[str, Message]]:
        with self._database.read() as session:
            events = _events_after(session, project_id, after_id)
            states = {"jobs": _jobs(session, project_id), "work": _work(session, project_id)}
        return events, {name: Message(name, json.dumps(data)) for name, data in states.items()}

    def _events(self, project_id: int, after_id: int) -> list[Message]:
        with self._database.read() as session:
            return _events_after(session, project_id, after_id)

    def _last_id(self, project_id: int) -> int:
        with self._database.read() as session:
            return last_event_id(session, project_id)


async def _until_end(queue: Queue, is_allowed: Callable[[], bool]) -> AsyncIterator[Message | None]:
    """Messages as they come, and None whenever it is time for a comment."""
    clock = asyncio.get_running_loop().time
    comment_at = clock() + COMMENT_SECONDS
    while True:
        try:
            message = await asyncio.wait_for(queue.get(), comment_at - clock())
        except TimeoutError:
            if not await asyncio.to_thread(is_allowed):
                return
            comment_at = clock() + COMMENT_SECONDS
            yield None
        else:
            if message is None:
                return
            yield message


def _put(queue: Queue, message: Message | None) -> None:
    try:
        queue.put_nowait(message)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


def _events_after(session: Session, project_id: int, after_id: int) -> list[Message]:
    events = read_events(session, project_id, after_id=after_id, limit=EVENTS_PER_LOOK)
    return [Message(event.kind, event.model_dump_json(), event.id) for event in events]


def _jobs(session: Session, project_id: int) -> dict[str, Any]:
    # "+ 0": by their state the open jobs are few; by their project a database might walk through all it ever had.
    conditions = (Job.project_id + 0 == project_id, Job.state.in_(OPEN_STATES))
    jobs = session.scalars(select(Job).where(*conditions).order_by(Job.id).limit(JOBS_PER_LOOK))
    # Those that ended last as well: a job may be put in and be done between two looks.
    has_ended = (Job.project_id == project_id, Job.finished_at.is_not(None))
    ended = session.scalars(select(Job).where(*has_ended).order_by(Job.finished_at.desc()).limit(ENDED_JOBS_PER_LOOK))
    found = {"items": jobs, "ended": ended}
    return {name: [JobOut.of(job).model_dump(mode="json") for job in rows] for name, rows in found.items()}


def _work(session: Session, project_id: int) -> dict[str, Any]:
    counts = Base.metadata.tables["work_counts"]
    state = case((counts.c.state == "moved_done", "moved"), else_=counts.c.state).label("counted")
    columns = (counts.c.stage, state)
    statement = select(*columns, func.sum(counts.c.count)).where(counts.c.project_id == project_id)
    rows = session.execute(statement.group_by(*columns).order_by(*columns))
    return {"counts": [{"stage": stage, "state": state, "count": int(count)} for stage, state, count in rows]}


def on_signals(close: Callable[[], None]) -> None:
    """Calls `close` in this event loop when the process is told to stop.

    uvicorn waits for open answers before it tells the app that it stops, so a stream must hear the signal itself.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        server_handler = signal.getsignal(signum)
        if callable(server_handler):
            signal.signal(signum, _also(close, loop, server_handler))


def _also(
    close: Callable[[], None], loop: asyncio.AbstractEventLoop, handler: Callable[..., Any]
) -> Callable[..., Any]:
    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(close)
        handler(signum, frame)

    return handle
