"""Named errors and the one place that turns them into answers: `{"error": {"code", "message", ...}}`."""

import errno
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from model_server.contract.blobs import StorageAway

logger = logging.getLogger("segloop")

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class AppError(Exception):
    """A refusal with a status, a name programs can act on and a sentence people can act on.

    `extra` goes beside code and message into the answer; `headers` go on the response.
    """

    status = 400

    def __init__(self, code: str, message: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = headers
        self.extra = extra


class Unauthorized(AppError):
    """Not signed in, or no longer."""

    status = 401


class Forbidden(AppError):
    """Signed in, but this is not allowed."""

    status = 403


class NotFound(AppError):
    """There is no such thing, or this person may not know of it."""

    status = 404


class Conflict(AppError):
    """The thing is no longer in the state the request supposes."""

    status = 409


class Gone(AppError):
    """It was there and has been deleted."""

    status = 410


class TooLarge(AppError):
    """More bytes than the settings allow."""

    status = 413


class Unprocessable(AppError):
    """Well-formed, but it breaks a rule."""

    status = 422


class PreconditionRequired(AppError):
    """A change without If-Match."""

    status = 428


class TooManyRequests(AppError):
    """Try again later."""

    status = 429


class Unavailable(AppError):
    """A part of the installation does not answer now; the request may be repeated."""

    status = 503


def is_disk_full(error: BaseException) -> bool:
    """Whether storage ran out of space, as the file system, SQLite or PostgreSQL say it."""
    if isinstance(error, OSError):
        return error.errno in DISK_FULL_ERRNOS
    text = str(error).lower()
    return "disk is full" in text or "no space left" in text or "disk full" in text


def error_response(
    status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> JSONResponse:
    """The one shape in which every error leaves this server."""
    return JSONResponse({"error": {"code": code, "message": message, **extra}}, status, headers)


def install_error_handlers(app: FastAPI) -> None:
    """Gives `app` the handlers that name every failure."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(PoolTimeout, _database_busy)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(StorageAway, _storage_away)
    app.add_exception_handler(OSError, _os_error)
    app.add_exception_handler(Exception, _unexpected)


def _app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    return error_response(error.status, error.code, error.message, headers=error.headers, **error.extra)


def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The rejected input is left out: it may be huge, secret, or a NaN that JSON cannot carry.
    fields = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()[:20]]
    message = "; ".join(f"{f['field']}: {f['problem']}" for f in fields[:3])
    return error_response(422, "invalid_request", message, fields=fields)


HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTP_CODES.get(error.status_code, "bad_request")
    return error_response(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


def _disk_full() -> JSONResponse:
    message = "The server's disk is full. Nothing was saved; free some space there and repeat."
    return error_response(507, "storage_full", message)


def _database_busy(request: Request, error: Exception) -> JSONResponse:
    message = "The database is busy. Nothing was saved; the request may be repeated."
    return error_response(503, "database_busy", message, headers={"Retry-After": "2"})


def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    if is_disk_full(error):
        return _disk_full()
    if isinstance(error, OperationalError) or error.connection_invalidated:
        logger.warning("database does not answer: %s", error.orig)
        message = "The database does not answer. Nothing was saved; the request may be repeated."
        return error_response(503, "database_unavailable", message, headers={"Retry-After": "2"})
    if isinstance(error, IntegrityError):  # what was checked held no longer when it was written
        logger.warning("lost to another write in %s %s: %s", request.method, request.url.path, error.orig)
        message = "Somebody else changed the same thing at this moment. Nothing was saved; look again, then repeat."
        return error_response(409, "changed_meanwhile", message)
    if isinstance(error, DataError):
        logger.warning("unfit value in %s %s: %s", request.method, request.url.path, error.orig)
        message = "The request holds a value that no database column can keep. Nothing was saved."
        return error_response(422, "invalid_request", message)
    return _unexpected(request, error)


def _storage_away(request: Request, error: Exception) -> JSONResponse:
    logger.warning("storage does not answer in %s %s: %s", request.method, request.url.path, error)
    message = "The storage of the photos does not answer. The request may be repeated."
    return error_response(503, "storage_unavailable", message, headers={"Retry-After": "5"})


def _os_error(request: Request, error: Exception) -> JSONResponse:
    return _disk_full() if is_disk_full(error) else _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected failure in %s %s", request.method, request.url.path, exc_info=error)
    message = "Something failed inside the server; its log holds the reason. Nothing was saved."
    return error_response(500, "internal_error", message)
