"""What every answer and every request body passes: security headers, size limits, metrics."""

import re
import time

from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.settings import Settings

# COOP/COEP make the page cross-origin isolated, which threads in WebAssembly need.
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
# For bytes people uploaded: whatever they contain, a browser runs nothing of it.
UPLOADED_CONTENT_HEADERS = {"content-security-policy": "default-src 'none'; sandbox"}

# For answers whose bytes never change. private: a shared cache must not show one person's things to another.
FOR_EVER = "private, max-age=31536000, immutable"
# For answers that a browser may keep, but asks about each time.
ASK_AGAIN = "private, no-cache"

REQUESTS = Counter("segloop_requests", "Answered requests", ["method", "route", "status"])
SECONDS = Histogram("segloop_request_seconds", "Time to answer", ["method", "route"])


def names_etag(if_none_match: str, etag: str) -> bool:
    """Whether the browser that sent this If-None-Match has what `etag` names (RFC 9110: weak comparison)."""
    candidates = [candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")]
    return "*" in candidates or etag in candidates


class Envelope:
    """Adds the security headers a response does not set itself, and counts and times requests by route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(scope["method"], route, status).inc()
            SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)


# Only these stream a form into files once they know who sends it; any other route holds its whole body in memory first.
UPLOADS = re.compile(r"/api/(projects/\d+/images|training-runs/\d+/checkpoint)")


class BodyLimit:
    """Refuses request bodies above the settings' limits: at once when declared, else as soon as they are exceeded."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        settings: Settings = scope["app"].state.resources.settings
        headers = dict(scope["headers"])
        is_form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        is_upload = is_form and UPLOADS.fullmatch(scope["path"]) is not None
        limit = settings.max_upload_bytes if is_upload else settings.max_json_bytes
        declared = headers.get(b"content-length", b"0")
        received = int(declared) if declared.isdigit() and int(declared) > limit else 0

        async def limited_receive() -> Message:
            nonlocal received
            if received > limit:
                raise _too_large(limit)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        await self.app(scope, limited_receive, send)


def _too_large(limit: int) -> HTTPException:
    # Starlette's own exception: FastAPI lets it through where it turns others into a vague 400.
    return HTTPException(413, f"One request may carry at most {limit // (1 << 20)} MiB. Send fewer files at a time.")
