"""The simulation from end to end: pictures in, images lent, rounds trained, figures out."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress, SpinnerColumn, TextColumn

from backend.commands.importing import import_paths
from backend.commands.server import Refused, Server
from backend.commands.simulating.connection import PatientServer, Stopped
from backend.commands.simulating.datasets import KnownImage, KnownImages
from backend.commands.simulating.drawing import Effort
from backend.commands.simulating.items import FIRST_STAGE, Item, give_back, work_through
from backend.commands.simulating.journal import Journal, Round, open_journal, write_whole
from backend.commands.simulating.lending import Lender, list_images
from backend.commands.simulating.page import to_html
from backend.commands.simulating.results import Row
from backend.commands.simulating.stages import admit_rest, wait_for_proposals
from backend.commands.simulating.training import Kind, Run, train
from backend.commands.terminal import CommandError, messages, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for. `stage` None: any; `masks_per_round` None: until no image is left."""

    effort: Effort
    workers: int = 1
    seed: int = 0
    stage: str | None = None
    admits_rest: bool = False
    rounds: int = 0
    masks_per_round: int | None = None
    masks_per_image: int | None = None
    trains_detector: bool = False
    patience_seconds: float = 300.0
    report: Path | None = None


def simulate(server: Server, project: dict[str, Any], name: str, known: KnownImages, options: Options) -> Journal:
    """Works until the rounds are over or no image is left.

    Raises CommandError, Refused, and KeyboardInterrupt on Ctrl-C; what was done until then is in the report.
    """
    settings = asdict(options.effort) | {"seed": options.seed, "workers": options.workers}
    settings |= {"stage": options.stage or "any", "masks_per_round": options.masks_per_round}
    settings |= {"masks_per_image": options.masks_per_image}
    subject = {"project": project["name"], "project_id": project["id"], "dataset": name}
    journal = open_journal(options.report, subject=subject, settings=settings)
    _upload_missing(server, project["id"], known)
    with _noticed_interrupt() as stop, _progress_line() as tell:
        patient = PatientServer(server, patience_seconds=options.patience_seconds, stop=stop)
        try:
            _Simulation(patient, project["id"], known.images, options, journal, tell).run()
        except Stopped:
            raise KeyboardInterrupt from None
        finally:
            _write(journal)
    return journal


class _Simulation:
    def __init__(
        self,
        server: PatientServer,
        project_id: int,
        known: list[KnownImage],
        options: Options,
        journal: Journal,
        tell: Callable[[str], None],
    ) -> None:
        self._server, self._project_id, self._options, self._journal = server, project_id, options, journal
        self._known = {image.sha256: image for image in known}
        self._lender = Lender(server, project_id, self._known, options.stage)
        self._tell = tell

    def run(self) -> None:
        """All rounds."""
        for one in self._journal.open_rounds(trains_detector=self._options.trains_detector):
            if one.run is None:  # else only its detector is left
                self._annotate(one)
                if not one.rows:
                    self._journal.rounds.remove(one)
                    break
                if one.number > self._options.rounds:
                    break
                one.run = self._train(one, "model")
                _write(self._journal)
            if self._options.trains_detector:
                one.detector_run = self._train(one, "detector")
                _write(self._journal)
        if any(row.stage == "fully_automatic" for one in self._journal.rounds for row in one.rows):
            self._journal.audit = self._server.call("GET", f"/projects/{self._project_id}/statistics/audit")

    def _train(self, one: Round, kind: Kind) -> Run:
        run = train(self._server, self._project_id, kind, tell=self._tell)
        say(f"Round {one.number}: training of the {kind} {run['state']}. {run.get('reason') or ''}".rstrip())
        return run

    def _find_more(self) -> bool:
        """Whether there may be something to lend after all: admitted just now, or proposed at last."""
        options, moved = self._options, 0
        if options.admits_rest:
            moved = admit_rest(self._server, self._project_id, options.stage)
            if moved:
                say(f"{moved} images admitted to the next stage.")
        if options.stage == FIRST_STAGE:
            return False  # no model proposes there
        was_waiting = wait_for_proposals(
            self._server, self._project_id, tell=self._tell, patience_seconds=options.patience_seconds
        )
        if moved or was_waiting:
            self._lender.start_over()
        return moved > 0 or was_waiting

    def _annotate(self, one: Round) -> None:
        """Images until the round has its masks or none is left."""
        most = self._options.masks_per_round
        while most is None or one.masks < most:
            work = self._lender.lend()
            if work is None:
                if self._find_more():
                    continue
                return
            self._work_through(one, work)
            self._journal.save()

    def _work_through(self, one: Round, work: dict[str, Any]) -> None:
        known = self._known[work["image"]["sha256"]]
        item = Item(work, known.masks, self._options.effort, self._options.masks_per_image)

        def note(row: Row) -> None:
            one.rows.append(row)
            clicks = sum(row.clicks for row in one.rows) / len(one.rows)
            self._tell(
                f"round {one.number}: {one.masks} masks, {clicks:.2f} clicks each, {work['remaining']} images wait"
            )

        try:
            work_through(self._server, item, workers=self._options.workers, tell=note)
        except Refused as refused:
            if refused.code != "lease_lost":
                raise
            say(f"{work['image']['file_name']} was lent to somebody else meanwhile.")
        except BaseException:
            with suppress(httpx.HTTPError):
                give_back(self._server, item)
            raise


def _upload_missing(server: Server, project_id: int, known: KnownImages) -> None:
    there = {image["sha256"] for image in list_images(server, project_id)}
    missing = [image.path for image in known.images if image.sha256 not in there]
    if not missing:
        return
    receipt = import_paths(server, project_id, missing)
    if receipt.rejected:
        first = receipt.rejected[0]
        raise CommandError(f"The server refused {first['file_name']}: {first['reason']}")
    say(f"{receipt.added} pictures added.")


def _write(journal: Journal) -> None:
    journal.save()
    if journal.file is not None:
        write_whole(journal.file.with_name("index.html"), to_html(journal.to_json(with_rows=False)))


@contextmanager
def _progress_line() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda text: progress.update(task, description=text)


@contextmanager
def _noticed_interrupt() -> Iterator[threading.Event]:
    """The first Ctrl-C or SIGTERM sets the event, so that what is lent can be given back; the second ends at once."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def notice(signum: int, frame: object) -> None:
        stop.set()
        restore()

    for number in before:
        signal.signal(number, notice)
    try:
        yield stop
    finally:
        restore()
