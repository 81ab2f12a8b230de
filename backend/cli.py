"""`segloop`: the command line. Thin: each command says what it takes and hands over."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from backend.auth import service as auth
from backend.auth.permissions import Role
from backend.commands.data_folder import open_database
from backend.commands.doctor import examine
from backend.commands.exporting import download_export, wait_for_export
from backend.commands.importing import import_paths
from backend.commands.model_tools import hand_over
from backend.commands.server import connect
from backend.commands.simulating.command import Options, simulate
from backend.commands.simulating.datasets import read_known
from backend.commands.simulating.drawing import Effort
from backend.commands.simulating.table import to_rows
from backend.commands.terminal import (
    FAILED,
    AsJson,
    CommandError,
    NamedErrors,
    Token,
    Url,
    emit_json,
    emit_table,
    megabytes,
    say,
)
from backend.exports.schemas import ExportFormat
from backend.settings import VERSION, Settings
from backend.supervisor import run_up

SHOWN_REFUSALS = 20
# Of commands that are handed over: arguments and --help are read there.
UNREAD: dict[str, Any] = {
    "add_help_option": False,
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
}

app = typer.Typer(
    cls=NamedErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Segloop, the open data engine for image segmentation. Settings: SEGLOOP_* variables.",
)
user_app = typer.Typer(no_args_is_help=True, help="People of the installation.")
project_app = typer.Typer(no_args_is_help=True, help="Projects of a running server.")
app.add_typer(user_app, name="user")
app.add_typer(project_app, name="project")

Data = Annotated[Path | None, typer.Option("--data", help="The data folder.", show_default="SEGLOOP_DATA_DIR or data")]
WorkStage = Literal["any", "assisted_manual", "semi_automatic", "fully_automatic"]
Project = Annotated[str, typer.Argument(help="A project's id or exact name.")]


def _settings(**given: Any) -> Settings:
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Segloop, the open data engine for image segmentation. Settings: SEGLOOP_* variables."""


@app.command()
def up(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, show_default="8000")] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Fill a demo project on first start.")] = True,
) -> None:
    """Start everything on this machine and keep it running; Ctrl-C stops it."""
    code = run_up(_settings(data_dir=data, host=host, port=port), with_demo=demo)
    raise typer.Exit(code)


@user_app.command("add")
def user_add(
    email: Annotated[str, typer.Argument()],
    role: Annotated[Role, typer.Option(help="What this person is in the installation.")],
    name: Annotated[str, typer.Option()] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read a password from stdin.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a person to the data folder. Without a password they get a sign-in link."""
    settings = _settings(data_dir=data)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if "@" not in email:
        raise typer.BadParameter(f"{email!r} is not an e-mail address.", param_hint="EMAIL")
    with open_database(settings) as database, database.write() as session:
        user = auth.create_user(session, email=email, name=name, role=role, password=password)
        result: dict[str, Any] = {"id": user.id, "email": user.email, "name": user.name, "role": user.role}
        if password is None:
            secret = auth.create_link(session, user, hours=settings.sign_in_link_hours)
            result["sign_in_link"] = f"{settings.resolved_public_url}/sign-in?link={secret}"
    if as_json:
        emit_json(result)
        return
    say(f"Added {result['email']} as {role}.")
    if "sign_in_link" in result:
        typer.echo(result["sign_in_link"])


@app.command()
def token(
    email: Annotated[str, typer.Argument()],
    name: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token with this person's rights; it is shown only now."""
    with open_database(_settings(data_dir=data)) as database, database.write() as session:
        row, secret = auth.create_token(session, auth.get_user_by_email(session, email), name=name)
        result = {"id": row.id, "name": row.name, "prefix": row.prefix, "token": secret}
    if as_json:
        emit_json(result)
    else:
        typer.echo(secret)


@project_app.command("list")
def project_list(url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Show the projects you work in."""
    with connect(url, token) as server:
        projects = server.call("GET", "/projects")
    if as_json:
        emit_json(projects)
        return
    names = ["id", "name", "image_count", "done_count", "annotation_count"]
    rows = [[project[name] for name in names] for project in projects["items"]]
    emit_table(["id", "name", "images", "done", "masks"], rows)


@project_app.command("create")
def project_create(
    name: Annotated[str, typer.Argument()],
    description: Annotated[str, typer.Option()] = "",
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Make a project."""
    with connect(url, token) as server:
        project = server.call("POST", "/projects", json={"name": name, "description": description})
    if as_json:
        emit_json(project)
    else:
        typer.echo(f"Made project {project['id']}, {project['name']}.")


@app.command("import")
def import_(
    project: Project,
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pictures, folders of them, or .zip archives.")],
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Import pictures. May be repeated: what is there already is skipped. Exits 1 when a file was refused."""
    with connect(url, token) as server:
        found = server.find_project(project)
        receipt = import_paths(server, found["id"], paths)
    if as_json:
        names = ("added", "duplicates", "rejected", "ignored", "seconds")
        emit_json({"project_id": found["id"], **{name: getattr(receipt, name) for name in names}})
    else:
        for one in receipt.rejected[:SHOWN_REFUSALS]:
            say(f"Refused {one['file_name']}: {one['reason']}")
        if len(receipt.rejected) > SHOWN_REFUSALS:
            say(f"… and {len(receipt.rejected) - SHOWN_REFUSALS} more.")
        ignored = f", {receipt.ignored} that are no pictures ignored" if receipt.ignored else ""
        typer.echo(
            f"{receipt.added} added, {receipt.duplicates} already there, {len(receipt.rejected)} refused{ignored}; "
            f"{receipt.seconds:.1f} s."
        )
    if receipt.rejected:
        raise typer.Exit(FAILED)


@app.command()
def export(
    project: Project,
    format_: Annotated[ExportFormat, typer.Option("--format", help="COCO json, or one SA-1B json an image.")],
    out: Annotated[Path, typer.Option(help="The .zip to write.", dir_okay=False)],
    images: Annotated[bool, typer.Option("--images/--no-images", help="With the pictures themselves.")] = True,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Export a project's masks as a .zip, checked by its sha256."""
    if not out.resolve().parent.is_dir():
        raise typer.BadParameter(f"There is no folder {out.resolve().parent}.", param_hint="--out")
    with connect(url, token) as server:
        found = server.find_project(project)
        body = {"format": format_, "include_images": images}
        done = wait_for_export(server, server.call("POST", f"/projects/{found['id']}/exports", json=body))
        download_export(server, done, out)
    if as_json:
        emit_json({**done, "file": str(out)})
    else:
        counts = f"{done['mask_count']} masks on {done['image_count']} images"
        typer.echo(f"{out}: {counts}, {megabytes(done['byte_size'])}, sha256 {done['sha256']}")


@app.command("simulate")
def simulate_(
    dataset: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Pictures with COCO json.")],
    project: Annotated[str, typer.Option(help="A project's id or exact name.")],
    images: Annotated[int | None, typer.Option(min=1, help="How many pictures; all of them if not given.")] = None,
    target_iou: Annotated[float, typer.Option(min=0.01, max=1.0, help="When a mask is good enough.")] = 0.85,
    max_clicks: Annotated[int, typer.Option(min=1, max=90, help="Clicks on one mask.")] = 20,
    brush: Annotated[bool, typer.Option("--brush/--no-brush", help="Paint what clicks do not reach.")] = True,
    closer: Annotated[bool, typer.Option("--closer", help="Zoom in to each object before clicking.")] = False,
    stage: Annotated[WorkStage, typer.Option(help="Whose images to work on.")] = "any",
    admit_rest: Annotated[bool, typer.Option("--admit-rest", help="Admit what waits in earlier stages.")] = False,
    rounds: Annotated[int, typer.Option(min=0, help="Training runs, each after so many masks:")] = 0,
    masks_per_round: Annotated[int | None, typer.Option(min=1)] = None,
    masks_per_image: Annotated[int | None, typer.Option(min=1, help="Draw no more on one image.")] = None,
    train_detector: Annotated[bool, typer.Option("--train-detector", help="A detector after each run, too.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Masks of an image drawn at once.")] = 1,
    seed: Annotated[int, typer.Option(help="Chooses and shuffles the pictures.")] = 0,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a server that is away.")] = 300.0,
    report: Annotated[Path | None, typer.Option(file_okay=False, help="Folder for report.json and a page.")] = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Work through known masks as an annotator would, over the real API; with --rounds, retrain in between.

    Images of the project that are not in DATASET are left alone. May be repeated: what is done already is skipped.
    """
    if rounds and masks_per_round is None:
        raise typer.BadParameter("--rounds needs --masks-per-round.", param_hint="--rounds")
    known = read_known(dataset, count=images, seed=seed)
    if known.left_out:
        say(f"{known.left_out} masks or pictures cannot be used and are left out.")
    options = Options(
        effort=Effort(target_iou, max_clicks, brush, closer),
        workers=workers,
        seed=seed,
        stage=None if stage == "any" else stage,
        admits_rest=admit_rest,
        rounds=rounds,
        masks_per_round=masks_per_round,
        masks_per_image=masks_per_image,
        trains_detector=train_detector,
        patience_seconds=patience,
        report=report,
    )
    with connect(url, token) as server:
        journal = simulate(server, server.find_project(project), dataset.resolve().name, known, options)
    if as_json:
        emit_json(journal.to_json(with_rows=False))
    else:
        emit_table(*to_rows(journal.to_json(with_rows=False)))


@app.command()
def doctor(data: Data = None, url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Show what is on this machine and whether every part works. Exits 1 when one does not."""
    findings = examine(_settings(data_dir=data), url=url, token=token)
    if as_json:
        emit_json([{"name": one.name, "ok": one.is_ok, "detail": one.detail} for one in findings])
    else:
        marks = {True: "ok", False: "failed", None: "-"}
        emit_table(["part", "", ""], [[one.name, marks[one.is_ok], one.detail] for one in findings])
    if any(one.is_ok is False for one in findings):
        raise CommandError("Some part does not work; see above.")


@app.command(**UNREAD)
def models(context: typer.Context, data: Data = None) -> None:
    """List, fetch and add models: list, info, pull, add."""
    hand_over(_settings(data_dir=data), ["models", *context.args])


@app.command(**UNREAD)
def train(context: typer.Context) -> None:
    """Train or fine-tune a model on folders of pictures with COCO json."""
    hand_over(_settings(), ["train", *context.args])


@app.command("train-detector", **UNREAD)
def train_detector(context: typer.Context) -> None:
    """Train the detector that proposes objects, on folders of pictures with COCO json."""
    hand_over(_settings(), ["train-detector", *context.args])


@app.command(**UNREAD)
def evaluate(context: typer.Context) -> None:
    """Measure a model on folders of pictures with COCO json."""
    hand_over(_settings(), ["evaluate", *context.args])
