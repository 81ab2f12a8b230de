"""The only caller of the model server: one pool of kept-alive connections, every failure named."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from backend.errors import AppError, Conflict, NotFound, Unavailable, Unprocessable
from model_server.contract.decoder import WantedWeights
from model_server.contract.embedding import EMBEDDING_HEADER

CONNECT_SECONDS = 2.0
CHUNK_BYTES = 1 << 18
# A grid of points takes minutes with a large model on a processor; the model server gives up first and says so.
AUTOMATIC_SECONDS = 1830.0
# Calls that wait for an answer at once, of the forty requests that the backend works on: when the model server hangs,
# masks are still saved and pages shown.
CALLS_AT_ONCE = 24
BUSY_SECONDS = 0.5
# What of the model server's headers describes a body that is passed on.
PASSED_HEADERS = ("Content-Length", "ETag", "Retry-After", "Segloop-Decoder", EMBEDDING_HEADER)
# Its code where the model server broke down over one request, and works on.
BROKE_DOWN = "model_server_failed"
# 202: it is being made, ask again; 304: the browser has it.
ANSWERED = (200, 202, 304)


class BrokenOff(Unavailable):
    """The model server was there and went away amid this request: killed, or for want of memory."""


@dataclass(frozen=True, slots=True)
class Download:
    """A body in chunks, read as it is passed on, and the headers that describe it; no body unless `status` is 200."""

    status: int
    chunks: Iterator[bytes]
    headers: dict[str, str]
    close: Callable[[], None]


class ModelClient:
    """Calls the model server at `url`. Raises Unavailable (503) when it is down, slow or full."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._prefix = (urllib3.util.parse_url(url).path or "").rstrip("/")
        self._read_seconds = timeout_seconds
        self._pool = urllib3.connection_from_url(url, maxsize=40, retries=False)
        self._free = threading.BoundedSemaphore(CALLS_AT_ONCE)

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

    def automatic(self, body: bytes) -> bytes:
        """JSON of `AutomaticRequest` in, JSON of `AutomaticResponse` out."""
        return self._ask("POST", "/automatic", body, read_seconds=AUTOMATIC_SECONDS).data

    def propose(self, body: bytes) -> bytes:
        """JSON of `ProposeRequest` in, JSON of `ProposeResponse` out."""
        return self._ask("POST", "/propose", body, read_seconds=AUTOMATIC_SECONDS).data

    def detectors(self) -> dict[str, Any]:
        """`{"detectors": [...]}` as the model server describes them."""
        answer: dict[str, Any] = json.loads(self._call("GET", "/detectors"))
        return answer

    def decoder(self, model_version: str, weights: WantedWeights) -> Download:
        """A model version's decoder as ONNX; the first request waits until it is made, that for "smallest" does not."""
        return self._download(f"/models/{quote(model_version, safe='')}/decoder.onnx?weights={weights}")

    def embedding(self, image_sha256: str, model_version: str | None, *, if_none_match: str) -> Download:
        """An image's embedding, or that it is being made; None: of the model server's default version."""
        query = "" if model_version is None else f"?model_version={quote(model_version, safe='')}"
        return self._download(f"/embeddings/{image_sha256}{query}", {"If-None-Match": if_none_match})

    def _download(self, path: str, headers: dict[str, str] | None = None) -> Download:
        response = self._ask("GET", path, headers=headers, preload_content=False)
        described = {name: response.headers[name] for name in PASSED_HEADERS if name in response.headers}
        return Download(response.status, response.stream(CHUNK_BYTES), described, response.drain_conn)

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        return self._ask(method, path, body).data

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        preload_content: bool = True,
        read_seconds: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        seconds = self._read_seconds if read_seconds is None else read_seconds
        if body is not None:
            headers = {"Content-Type": "application/json"}
        if not self._free.acquire(timeout=BUSY_SECONDS):
            raise _unavailable("The model server takes too long to answer those who asked before.")
        try:
            # urlopen and not request: a click waits for every layer in between.
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=headers,
                preload_content=preload_content,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            )
        except ReadTimeoutError as error:
            raise _unavailable("The model server takes too long to answer.") from error
        except HTTPError as error:
            kind = BrokenOff if isinstance(error, ProtocolError) else Unavailable
            raise _unavailable("The model server does not answer.", kind) from error
        finally:
            self._free.release()
        if response.status in ANSWERED:
            return response
        raise _named_error(response)


def _unavailable(reason: str, kind: type[Unavailable] = Unavailable) -> Unavailable:
    message = f"{reason} Your clicks and masks are safe; it is asked again."
    return kind("model_server_unavailable", message, headers={"Retry-After": "2"})


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
    if response.status == 409:
        return Conflict(code, message)
    if response.status == 422:
        return Unprocessable(code, message)
    if code == "internal_error":
        return Unavailable(BROKE_DOWN, message, headers={"Retry-After": "2"})
    return _unavailable(message)
