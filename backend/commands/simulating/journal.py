"""What a simulation has done so far, round by round; kept in a file, so that the next start goes on where it ended."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.commands.simulating.results import SAVED, Row, summarize
from backend.commands.terminal import CommandError

SCHEMA = "segloop-simulation/1"


@dataclass
class Round:
    """Masks made with what was live, and the training run (RunOut) that ended it; None: it goes on, or was the last.

    `detector_run`: the one after it, if detectors are trained.
    """

    number: int
    rows: list[Row] = field(default_factory=list)
    run: dict[str, Any] | None = None
    detector_run: dict[str, Any] | None = None

    @property
    def masks(self) -> int:
        """How many were kept."""
        return sum(row.outcome in SAVED for row in self.rows)


@dataclass
class Journal:
    """All rounds. `subject` says what is simulated: a file of another subject is refused."""

    subject: dict[str, Any]
    settings: dict[str, Any]
    file: Path | None
    rounds: list[Round] = field(default_factory=list)
    audit: dict[str, Any] | None = None

    def open_rounds(self, *, trains_detector: bool) -> Iterator[Round]:
        """The rounds whose training runs are not over, without end: the one that was broken off, then new ones."""
        while True:
            last = self.rounds[-1] if self.rounds else None
            if last is None or (last.run is not None and (last.detector_run is not None or not trains_detector)):
                self.rounds.append(Round(len(self.rounds) + 1))
            yield self.rounds[-1]

    def to_json(self, *, with_rows: bool) -> dict[str, Any]:
        """The report, its figures computed from the rows."""
        seed = int(self.settings["seed"])
        rounds = []
        for one in self.rounds:
            found = {"number": one.number, "masks": one.masks, "stages": summarize(one.rows, seed=seed)}
            found |= {"run": one.run, "detector_run": one.detector_run}
            rounds.append(found | ({"rows": [asdict(row) for row in one.rows]} if with_rows else {}))
        head = {"schema": SCHEMA, "created": datetime.now(UTC).isoformat(timespec="seconds")}
        return head | {"subject": self.subject, "settings": self.settings, "rounds": rounds, "audit": self.audit}

    def save(self) -> None:
        """Writes the file whole or not at all; without one, does nothing."""
        if self.file is not None:
            write_whole(self.file, json.dumps(self.to_json(with_rows=True), ensure_ascii=False))


def open_journal(folder: Path | None, *, subject: dict[str, Any], settings: dict[str, Any]) -> Journal:
    """The journal of this folder, or a new one. Raises CommandError when the folder holds another simulation's."""
    if folder is None:
        return Journal(subject, settings, None)
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(subject, settings, folder / "report.json")
    if (folder / "report.json").exists():
        journal.rounds = _read_rounds(folder / "report.json", subject)
    return journal


def _read_rounds(file: Path, subject: dict[str, Any]) -> list[Round]:
    try:
        known = json.loads(file.read_bytes())
        if known["schema"] == SCHEMA and known["subject"] == subject:
            return [
                Round(one["number"], [Row(**row) for row in one["rows"]], one["run"], one["detector_run"])
                for one in known["rounds"]
            ]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{file} is not a simulation's report; take another folder.") from error
    raise CommandError(f"{file} is the report of another simulation ({known['subject']}); take another folder.")


def write_whole(file: Path, text: str) -> None:
    """Under another name first: a reader never sees half a file."""
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)
