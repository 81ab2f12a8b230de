"""The built page: hashed assets for ever, index.html for every other address."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from backend.errors import NotFound

FOR_EVER = "public, max-age=31536000, immutable"
NOT_BUILT = "<!doctype html><title>Segloop</title><p>The page is not built. Run <code>make install</code>, then reload."
MEDIA_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css"}


def page_router() -> APIRouter:
    """Routes of the page; include them last, they answer every GET."""
    router = APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    def page(path: str, request: Request) -> Response:
        root: Path = request.app.state.resources.settings.page_dir.resolve()
        if path == "api" or path.startswith("api/"):
            raise NotFound("no_such_route", f"There is no route /{path}; see /api/docs.")
        file = (root / path).resolve()
        if path and file.is_relative_to(root) and file.is_file():
            is_hashed = path.startswith("assets/")
            headers = {"cache-control": FOR_EVER if is_hashed else "no-cache"}
            media_type = MEDIA_TYPES.get(file.suffix)
            packed = file.with_name(f"{file.name}.br")  # frontend/scripts/compress_assets.mjs
            if is_hashed and packed.is_file():
                headers["vary"] = "accept-encoding"
                if "br" in request.headers.get("accept-encoding", ""):
                    return FileResponse(packed, headers=headers | {"content-encoding": "br"}, media_type=media_type)
            return FileResponse(file, headers=headers, media_type=media_type)
        if path.startswith(("assets/", "docs/")):
            raise NotFound("no_such_file", f"There is no file /{path}. Reload the page.")
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, 503)
        return FileResponse(index, headers={"cache-control": "no-cache"})

    return router
