"""Bodies of the model server on their way to a browser."""

from fastapi import Response
from fastapi.responses import StreamingResponse

from backend.model_client import Download


def pass_on(download: Download, cache_control: str) -> Response:
    """The download chunk by chunk, kept by browsers as `cache_control` says; that it is being made, by none."""
    if download.status != 200:
        download.close()
        headers = {"cache-control": cache_control if download.status == 304 else "no-store"} | download.headers
        return Response(status_code=download.status, headers=headers)
    headers = {"cache-control": cache_control} | download.headers
    return StreamingResponse(download.chunks, headers=headers, media_type="application/octet-stream")
