"""How commands speak: results on stdout, messages on stderr, every failure as one sentence and an exit code."""

import json
from typing import Annotated, Any

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from typer.core import TyperGroup

from backend.errors import AppError, is_disk_full

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

# Plain stdout for what programs read; progress and messages never mix with it.
messages = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]
Url = Annotated[
    str | None,
    typer.Option(envvar="SEGLOOP_URL", help="Where Segloop answers.", show_default="http://HOST:PORT of the settings"),
]
Token = Annotated[
    str | None,
    typer.Option(envvar="SEGLOOP_TOKEN", help="An API token; without one, the data folder of this machine is used."),
]


class CommandError(Exception):
    """A failure that a person can act on: one sentence and the exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NamedErrors(TyperGroup):
    """Runs commands; what goes wrong becomes a sentence on stderr, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command of this line."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            raise _ended(str(error), error.exit_code) from error
        except AppError as error:
            raise _ended(error.message) from error
        except KeyboardInterrupt as error:
            raise _ended("Stopped.", INTERRUPTED) from error
        except ValidationError as error:
            first = error.errors()[0]
            name = "SEGLOOP_" + "_".join(map(str, first["loc"])).upper()
            raise _ended(f"The setting {name} is not right: {first['msg']}.", MISUSED) from error
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise _ended(f"The database does not answer: {reason}") from error
        except httpx.HTTPError as error:
            raise _ended(f"The connection to Segloop broke: {error or type(error).__name__}.") from error
        except BrokenPipeError:
            raise typer.Exit(FAILED) from None
        except OSError as error:
            reason = "The disk is full." if is_disk_full(error) else f"{error.strerror}: {error.filename or ''}"
            raise _ended(reason.strip(": ")) from error


def _ended(message: str, exit_code: int = FAILED) -> typer.Exit:
    say(message)
    return typer.Exit(exit_code)


def say(message: str) -> None:
    """A message for people, on stderr."""
    messages.print(message, markup=False)


def emit_json(value: Any) -> None:
    """The one JSON document of a command with --json."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def emit_table(columns: list[str], rows: list[list[object]]) -> None:
    """Rows for people, on stdout."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    Console(highlight=False).print(table)


def megabytes(byte_size: float) -> str:
    """A size for people."""
    return f"{byte_size / 1e6:.1f} MB"
