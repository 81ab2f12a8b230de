"""`python -m model_server.cli`: models, training, evaluation, export; what `segloop` hands over. Thin."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from typer.core import TyperGroup

from model_server.networks import catalogue
from model_server.networks.download import PullFailed, Report
from model_server.networks.models_folder import add as add_model
from model_server.networks.models_folder import folders
from model_server.networks.registry import BUNDLED, read_network_facts
from model_server.networks.weights import UnusableModel, file_sha256, read_config
from model_server.settings import Settings, read_settings

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
FIGURES = re.compile(r"^## Measured\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)

messages = Console(stderr=True, highlight=False, soft_wrap=True)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for programs.")]
Name = Annotated[str, typer.Argument(help="A model's name.")]


class NamedErrors(TyperGroup):
    """Runs commands; what goes wrong becomes a sentence on stderr, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command of this line."""
        try:
            return super().invoke(ctx)
        except (UnusableModel, PullFailed) as error:
            raise _ended(error.message) from error
        except KeyboardInterrupt as error:
            raise _ended("Stopped.", INTERRUPTED) from error
        except BrokenPipeError:
            raise typer.Exit(FAILED) from None
        except OSError as error:
            raise _ended(f"{error.strerror}: {error.filename or ''}".strip(": ")) from error


def _ended(message: str, exit_code: int = FAILED) -> typer.Exit:
    messages.print(message, markup=False)
    return typer.Exit(exit_code)


app = typer.Typer(cls=NamedErrors, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
models_app = typer.Typer(no_args_is_help=True, help="Models of this machine, and published ones.")
app.add_typer(models_app, name="models")


@models_app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show the bundled models, those of the models folder and the published ones."""
    settings = _settings()
    rows = [_describe(name, folder, "bundled") for name, folder in folders(BUNDLED).items()]
    rows += [_describe(name, folder, "here") for name, folder in folders(settings.models_dir).items()]
    here = {row["name"] for row in rows}
    for published in catalogue.CATALOGUE.values():
        kept = catalogue.bytes_kept(settings.models_dir, published.name)
        if published.name not in here:
            state = "partly here" if kept else "published"
            rows.append({"name": published.name, "state": state, "bytes": published.size, "bytes_here": kept})
    if as_json:
        _emit({"models_dir": str(settings.models_dir), "models": rows})
        return
    table = Table("model", "", "size", "architecture", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["state"], _megabytes(row["bytes"]), row.get("model_type", ""))
    Console(highlight=False).print(table)


@models_app.command()
def info(name: Name, as_json: AsJson = False) -> None:
    """Show what a model is, where it comes from, its checksums and its measured figures."""
    settings = _settings()
    folder = (folders(BUNDLED) | folders(settings.models_dir)).get(name)
    described = _published_info(name) if folder is None else _folder_info(folder)
    if as_json:
        _emit(described)
        return
    for key, value in described.items():
        if key not in ("config", "figures", "training") and value is not None:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            typer.echo(f"{key:20} {shown}")
    if described.get("figures"):
        typer.echo(f"\n{described['figures']}")


@models_app.command()
def pull(name: Name, as_json: AsJson = False) -> None:
    """Fetch a published model. Goes on where it stopped; checksums are verified."""
    settings = _settings()
    published = catalogue.find_published(name)
    folder = folders(settings.models_dir).get(name)
    if folder is None:
        try:
            with _progress() as report:
                folder = catalogue.pull(published, settings.models_dir, hub_url=settings.model_hub_url, report=report)
        except KeyboardInterrupt as error:
            raise _ended("Stopped. What has come is kept; pulling again goes on from there.", INTERRUPTED) from error
    else:
        messages.print(f"{name} is here already.", markup=False)
    _emit_kept(folder, as_json)


@models_app.command()
def add(
    path: Annotated[Path, typer.Argument(help="A transformers folder, or an official .pth or .pt file.")],
    name: Annotated[str | None, typer.Option(help="Its name here.", show_default="the folder's or the file's")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a model from disk: a folder as it is, an official SAM or SAM 2 file converted."""
    settings = _settings()
    own_name = path.resolve().name if path.is_dir() else path.stem
    _emit_kept(add_model(path, settings.models_dir, name or own_name), as_json)


def _hand_over_to(command: str, module: str, text: str) -> None:
    """A command that leaves all arguments, --help too, to the `main(argv)` of a module."""
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}

    @app.command(command, help=text, add_help_option=False, context_settings=anything)
    def run(context: typer.Context) -> None:
        try:
            main = import_module(module).main
        except ModuleNotFoundError as error:
            missing = f"This needs {error.name}, which is not installed: pip install 'segloop[model,evaluation,onnx]'."
            raise _ended(missing) from error
        raise typer.Exit(main(context.args))


_hand_over_to("train", "model_server.training.train", "Train or fine-tune a model.")
_hand_over_to("train-detector", "model_server.training.train_detector", "Train a class-agnostic box detector.")
_hand_over_to("evaluate", "model_server.evaluation.__main__", "Measure a model on datasets.")
_hand_over_to("export-onnx", "model_server.export_onnx", "Write a model's decoder as ONNX.")


def _settings() -> Settings:
    try:
        return read_settings()
    except ValueError as error:
        raise _ended(f"{error}.", MISUSED) from error


def _describe(name: str, folder: Path, state: str) -> dict[str, Any]:
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    described: dict[str, Any] = {"name": name, "state": state, "bytes": size, "folder": str(folder)}
    try:
        described["model_type"] = str(read_config(folder).get("model_type"))
    except UnusableModel as error:
        described |= {"state": "unusable", "reason": error.message}
    return described


def _folder_info(folder: Path) -> dict[str, Any]:
    facts = read_network_facts(folder)
    card, source, training = (folder / name for name in ("README.md", "source.json", "training.json"))
    measured = FIGURES.search(card.read_text()) if card.exists() else None
    described: dict[str, Any] = {
        "name": facts.name,
        "model_version": facts.model_version,
        "family": facts.family,
        "image_size": facts.image_size,
        "parameters": facts.parameters,
        "encoder_fingerprint": facts.encoder_fingerprint,
        "folder": str(folder),
        "sha256": {file.name: file_sha256(file) for file in sorted(folder.glob("*.safetensors"))},
        "source": _read_json(source),
        "training": _read_json(training),
        "config": read_config(folder),
        "figures": measured[1].strip() if measured else None,
    }
    described["is_as_published"] = _is_as_published(described["source"], described["sha256"])
    return described


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text()) if file.exists() else None
    except ValueError as error:
        raise UnusableModel("model_config_unreadable", f"{file} is damaged: {error}.") from error


def _is_as_published(source: dict[str, Any] | None, sha256: dict[str, str]) -> bool | None:
    """Whether the weights are still those that were verified, or the official file was a published one."""
    if source is None:
        return None
    if "files" in source:  # pulled; otherwise converted
        return all(source["files"].get(name, {}).get("sha256") == digest for name, digest in sha256.items())
    return catalogue.find_official(source["sha256"]) is not None


def _published_info(name: str) -> dict[str, Any]:
    published = catalogue.find_published(name)
    return {
        "name": name,
        "state": "published",
        "repository": published.repository,
        "revision": published.revision,
        "licence": published.licence,
        "bytes": published.size,
        "files": {file.name: {"sha256": file.sha256, "bytes": file.size} for file in published.files},
        "official_file": {"name": published.official_file, "sha256": published.official_sha256},
    }


def _emit_kept(folder: Path, as_json: bool) -> None:
    described = _folder_info(folder)
    if as_json:
        _emit(described)
        return
    typer.echo(
        f"{described['model_version']}: {described['family']}, {described['parameters'] / 1e6:.1f} M parameters."
    )
    typer.echo(f"Use it with SEGLOOP_MODELS={folder.name},nano or leave it beside the default.")


@contextmanager
def _progress() -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=messages, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def report(file_name: str, done: int, total: int | None) -> None:
            if file_name not in tasks:
                tasks[file_name] = progress.add_task(file_name)
            progress.update(tasks[file_name], completed=done, total=total)

        yield report


def _emit(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    app(prog_name="segloop")
