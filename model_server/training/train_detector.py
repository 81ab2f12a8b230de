"""`python -m model_server.training.train_detector`: trains a class-agnostic box detector on folders of masks.

The same folder, lines and exit codes as model_server.training.train; `DIR/model/` is a detector when it is done.
"""

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import torch

from model_server.dataset import Dataset
from model_server.evaluation.box_measures import MOST_BOXES, BoxMeasures, measure_boxes
from model_server.networks.box_head import BoxHead, find_boxes, shape_as_json, shape_of
from model_server.networks.boxes import ScoredBoxes, nms
from model_server.networks.network import Network
from model_server.networks.registry import load_network
from model_server.training.base import find_base
from model_server.training.checkpoint import (
    checkpoint_of,
    current_commit,
    save_checkpoint,
    write_model,
)
from model_server.training.detector_data import Drawn, Lessons, draw, labelled_boxes, make_lesson
from model_server.training.detector_options import DetectorConfiguration, parse
from model_server.training.detector_run import DetectorRun, DetectorStep
from model_server.training.progress import Pace, Progress
from model_server.training.samples import Source, read_sources
from model_server.training.train import STOPPED, Stop, best_device, exit_code

NMS_THRESHOLD = 0.7  # as proposals are made by default
ENCODING_SHARE = 0.5  # of --max-minutes that may go into embeddings before the first step


def main(argv: list[str] | None = None) -> int:
    """Train as the arguments say; 0 when done, 1 with a message on stderr, 130 when stopped in good order."""
    return exit_code(lambda: train(*parse(argv)))


def train(configuration: DetectorConfiguration, settings: argparse.Namespace) -> int:
    """One run in the folder `settings.out`, gone on from its checkpoint where there is one. Raises what main names."""
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    device = torch.device(settings.device if settings.device != "auto" else best_device())
    sources = read_sources(configuration.data, skip_unusable=settings.skip_unusable)
    judged = None
    if configuration.evaluation is not None:
        judged = read_sources([configuration.evaluation], skip_unusable=settings.skip_unusable)[0].dataset
    network = load_network(find_base(configuration.base), device)
    facts = _facts(configuration, sources, judged, network)
    out: Path = settings.out
    kept = checkpoint_of(out, facts["fingerprint"])
    pictures = [picture for source in sources for picture in source.dataset.pictures]
    lessons = Lessons(pictures, network, limit_bytes=settings.embedding_bytes)
    first = lessons[_drawn(configuration, sources, 0)[0]]
    run = DetectorRun(
        shape_of(
            first.embedding,
            input_size=network.facts.image_size,
            width=configuration.width,
            blocks=configuration.blocks,
        ),
        configuration,
        device,
    )
    if kept is not None:
        run.resume(kept[0])
        facts["metrics"] = kept[1]["metrics"]
    out.mkdir(parents=True, exist_ok=True)
    progress = Progress(out / "progress.jsonl", sys.stdout)
    try:
        progress.say(
            "resumed" if kept else "started",
            step=run.step,
            steps=configuration.steps,
            device=str(device),
            parameters=sum(parameter.numel() for parameter in run.head.parameters()),
            pictures=len(pictures),
            masks=sum(len(picture.masks) for picture in pictures),
            skipped=sum(len(source.dataset.skipped) for source in sources),
        )
        with Stop() as stop:
            reason = _Course(run, sources, lessons, progress, facts, settings, stop).run_to_end()
            measures = None
            if judged is not None and not stop.is_asked:
                measures = _evaluate(run.finished(), network, judged, progress, settings, stop)
            if stop.is_asked:
                progress.say("stopped", step=run.step)
                return STOPPED
        if measures is not None:
            facts["metrics"] |= dataclasses.asdict(measures)
        config = shape_as_json(run.head.shape) | {
            "encoder_fingerprint": network.facts.encoder_fingerprint,
            "base_model_version": network.facts.model_version,
        }
        model = write_model(out, run.weights(), config, {**facts, "steps_done": run.step, "ended_by": reason})
        progress.say("finished", step=run.step, model=str(model), ended_by=reason, **facts["metrics"])
        return 0
    finally:
        progress.close()


class _Course:
    """From the pictures' embeddings to the last step, within the time given; leaves a checkpoint."""

    def __init__(
        self,
        run: DetectorRun,
        sources: list[Source],
        lessons: Lessons,
        progress: Progress,
        facts: dict[str, Any],
        settings: argparse.Namespace,
        stop: Stop,
    ) -> None:
        self.run, self.sources, self.lessons = run, sources, lessons
        self.progress, self.facts, self.settings, self.stop = progress, facts, settings, stop
        self._limit = (settings.max_minutes or float("inf")) * 60
        self._began, self._before = time.monotonic(), run.seconds

    def run_to_end(self) -> str:
        """Encode, then step. Which bound ended it: `steps`, `max_minutes` or `stop`."""
        self._encode()
        pace, saved_at = Pace(), time.monotonic()
        run, configuration = self.run, self.run.configuration
        last = run.step
        while run.step < configuration.steps and not self.stop.is_asked:
            if self._seconds() > self._limit and run.step:
                break
            drawn = _drawn(configuration, self.sources, run.step)
            result = run.advance([self.lessons[one] for one in drawn])
            pace.add(**dataclasses.asdict(result))
            self._report(pace)
            if time.monotonic() - saved_at >= self.settings.save_seconds:
                self._save()
                saved_at, last = time.monotonic(), run.step
                self.progress.say("saved", step=run.step)
        if last != run.step:
            self._save()
        if self.stop.is_asked:
            return "stop"
        return "steps" if run.step >= configuration.steps else "max_minutes"

    def _encode(self) -> None:
        """Make the embeddings of the steps ahead, as many as are kept, so that a step costs what a step costs."""
        configuration, seen = self.run.configuration, set[Drawn]()
        pictures = sum(len(source.dataset.pictures) for source in self.sources)
        total = pictures * (2 if configuration.flip else 1)
        reported_at = time.monotonic()
        for step in range(self.run.step, configuration.steps):
            for drawn in _drawn(configuration, self.sources, step):
                if self.stop.is_asked or not self.lessons.has_room() or self._seconds() > ENCODING_SHARE * self._limit:
                    return
                if drawn not in seen:
                    seen.add(drawn)
                    _ = self.lessons[drawn]
                if time.monotonic() - reported_at >= self.settings.report_seconds:
                    self.progress.say("encoding", done=len(seen), total=total)
                    reported_at = time.monotonic()
            if len(seen) == total:
                return

    def _report(self, pace: Pace) -> None:
        run, steps = self.run, self.run.configuration.steps
        if pace.seconds < self.settings.report_seconds and run.step < steps:
            return
        size = run.configuration.batch_size
        rates = pace.report(images_per_step=size, prompts_per_step=0, steps_left=steps - run.step)
        del rates["prompts_per_second"]
        rates["seconds_left"] = min(rates["seconds_left"], max(0, round(min(self._limit, 1e9) - self._seconds())))
        self.progress.say("step", step=run.step, steps=steps, **rates)
        self.facts["metrics"] = {name: rates[name] for name in DetectorStep.__slots__}

    def _save(self) -> None:
        self.run.seconds = self._seconds()
        save_checkpoint(self.settings.out, self.run, self.facts)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._began


def _evaluate(
    head: BoxHead,
    network: Network,
    dataset: Dataset,
    progress: Progress,
    settings: argparse.Namespace,
    stop: Stop,
) -> BoxMeasures | None:
    """Measure a head on a dataset; None when asked to stop."""
    found, reported_at = [], time.monotonic()
    for number, picture in enumerate(dataset.pictures, start=1):
        if stop.is_asked:
            return None
        lesson = make_lesson(picture, network)
        boxes = find_boxes(head, lesson.embedding, lesson.frame)
        kept = nms(boxes.boxes_xyxy, boxes.scores, threshold=NMS_THRESHOLD, limit=MOST_BOXES)
        found.append(ScoredBoxes(boxes.boxes_xyxy[kept], boxes.scores[kept]))
        if time.monotonic() - reported_at >= settings.report_seconds:
            progress.say("evaluating", done=number, total=len(dataset.pictures))
            reported_at = time.monotonic()
    return measure_boxes(found, [labelled_boxes(picture) for picture in dataset.pictures])


def _drawn(configuration: DetectorConfiguration, sources: list[Source], step: int) -> list[Drawn]:
    return draw(sources, step=step, count=configuration.batch_size, seed=configuration.seed, flip=configuration.flip)


def _facts(
    configuration: DetectorConfiguration, sources: list[Source], judged: Dataset | None, network: Network
) -> dict[str, Any]:
    """What a checkpoint and a detector say of themselves."""
    data = {source.dataset.name: source.dataset.fingerprint for source in sources}
    evaluation = None if judged is None else {judged.name: judged.fingerprint}
    base = network.facts.model_version
    return {
        "configuration": configuration.as_json(),
        "data": data,
        "evaluation": evaluation,
        "fingerprint": [configuration.fingerprint(), data, evaluation, base],
        "parent": configuration.base,
        "base_model_version": base,
        "commit": current_commit(),
        "torch": torch.__version__,
        "metrics": {},
    }


if __name__ == "__main__":
    sys.exit(main())
