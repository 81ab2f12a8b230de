"""The only caller of the model server: one pool of kept-alive connections, every failure named."""

import json
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from backend.errors import AppError, NotFound, Unavailable, Unprocessable

CONNECT_SECONDS = 2.0


class ModelClient:
    """Calls the model server at `url`. Raises Unavailable (503) when it is down, slow or full."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._prefix = (urllib3.util.parse_url(url).path or "").rstrip("/")
        self._pool = urllib3.connection_from_url(
            url,
            maxsize=40,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout_seconds),
        )

    def models(self) -> dict[str, Any]:
        """`{"models": [...], "device": str}` as the model server describes itself."""
        answer: dict[str, Any] = json.loads(self._call("GET", "/models"))
        return answer

    def predict(self, body: bytes) -> bytes:
        """JSON of `PredictRequest` in, JSON of `PredictResponse` out; passed on unread, for speed."""
        return self._call("POST", "/predict", body)

    def embed(self, *, image_sha256: str, model_version: str | None, priority: str) -> dict[str, Any]:
        """Makes sure that the image's embedding is cached. `priority`: "lookahead" or "bulk"."""
        body = {"image_sha256": image_sha256, "model_version": model_version, "priority": priority}
        answer: dict[str, Any] = json.loads(self._call("POST", "/embed", json.dumps(body).encode()))
        return answer

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            # urlopen and not request: a click waits for every layer in between.
            response = self._pool.urlopen(method, self._prefix + path, body=body, headers=headers)
        except ReadTimeoutError as error:
            raise _unavailable("The model server takes too long to answer.") from error
        except HTTPError as error:
            raise _unavailable("The model server does not answer.") from error
        if response.status == 200:
            return response.data
        raise _named_error(response)


def _unavailable(reason: str) -> Unavailable:
    message = f"{reason} Your clicks and masks are safe; it is asked again."
    return Unavailable("model_server_unavailable", message, headers={"Retry-After": "2"})


def _named_error(response: urllib3.BaseHTTPResponse) -> AppError:
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return _unavailable(f"The model server answered {response.status}.")
    if response.status == 503:
        return Unavailable(code, message, headers={"Retry-After": response.headers.get("Retry-After", "2")})
    if response.status == 404:
        return NotFound(code, message)
    if response.status == 422:
        return Unprocessable(code, message)
    return _unavailable(message)
