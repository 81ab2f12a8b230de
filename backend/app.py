"""The backend: API, health and the built page. It never imports torch."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.routing import BaseRoute

import backend.annotations.routes
import backend.auth.routes
import backend.events.routes
import backend.exports.routes
import backend.images.routes
import backend.jobs.routes
import backend.models.routes
import backend.projects.routes
import backend.segmentation.routes
import backend.stages.routes
import backend.statistics.routes
import backend.training.routes
from backend.auth.authorize import authorize
from backend.database import ReadSession
from backend.errors import install_error_handlers
from backend.events.stream import EventStreams, on_signals
from backend.jobs.resources import open_resources
from backend.middleware import BodyLimit, Envelope
from backend.page import page_router
from backend.settings import VERSION, Settings

FEATURES = (
    backend.auth,
    backend.projects,
    backend.images,
    backend.models,
    backend.annotations,
    backend.stages,
    backend.exports,
    backend.training,
    backend.statistics,
    backend.events,
    backend.jobs,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app; without `settings` it reads them from the environment when it starts."""
    app = FastAPI(
        title="Segloop",
        version=VERSION,
        routes=[*_routes()],
        lifespan=_lifespan(settings),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        description="The open data engine for image segmentation. Programs send `Authorization: Bearer <token>`.",
    )
    install_error_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Envelope)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Read once for all apps of a process: FastAPI takes longer to read a hundred routes than to answer by them."""
    token = Depends(HTTPBearer(auto_error=False))  # only describes the token in OpenAPI; `authorize` reads it
    api = APIRouter(prefix="/api", dependencies=[Depends(authorize), token])
    for feature in FEATURES:
        api.include_router(feature.routes.router)
    router = APIRouter()
    # Authorises in the thread that answers.
    router.include_router(backend.segmentation.routes.router, prefix="/api", dependencies=[token])
    router.include_router(api)
    router.include_router(_operations())
    router.include_router(page_router())
    return tuple(router.routes)


def _lifespan(settings: Settings | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        resources = open_resources(settings or Settings())
        app.state.resources = resources
        streams = app.state.event_streams = EventStreams(
            resources.database, max_listeners=resources.settings.event_listeners
        )
        on_signals(streams.close)
        yield
        streams.close()
        backend.images.routes.stop_decoding()
        resources.database.close()

    return lifespan


def _operations() -> APIRouter:
    router = APIRouter(tags=["operations"], include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:  # waits for no thread: it says whether the process lives
        return {"status": "alive"}

    @router.get("/readyz")
    def readyz(session: ReadSession) -> JSONResponse:
        session.execute(text("SELECT version_num FROM alembic_version"))
        return JSONResponse({"status": "ready"})

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/api/docs")
    def docs() -> HTMLResponse:
        return HTMLResponse(DOCS_PAGE)

    return router


# Swagger UI from our own files: nothing is fetched from elsewhere, and the strict policy holds.
DOCS_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Segloop API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head><body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>"""

app = create_app()
