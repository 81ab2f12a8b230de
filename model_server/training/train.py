"""`python -m model_server.training.train`: trains a promptable network on folders of masks."""

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from model_server.dataset import UnusableDataset
from model_server.networks.weights import UnusableModel
from model_server.training.architectures import new_network
from model_server.training.base import find_base
from model_server.training.checkpoint import (
    UnusableCheckpoint,
    checkpoint_of,
    current_commit,
    save_checkpoint,
    save_model,
)
from model_server.training.configuration import NEW, Configuration, UnusableConfiguration, check
from model_server.training.loop import Run, StepResult
from model_server.training.network import TrainableNetwork, load_trainable
from model_server.training.options import parse
from model_server.training.progress import Pace, Progress
from model_server.training.samples import Batch, Refusal, Refusing, Samples, Sampling, Source, collate, read_sources
from model_server.training.tuning import choose_weights

STOPPED = 130  # exit code: stopped by a signal, with a checkpoint to go on from


def main(argv: list[str] | None = None) -> int:
    """Train as the arguments say; 0 when done, 1 with a message on stderr, 130 when stopped in good order."""
    return exit_code(lambda: train(*parse(argv)))


def exit_code(program: Callable[[], int]) -> int:
    """What a trainer's program gives, or 1 with its named error on stderr.

    Meanwhile this thread and those it starts take numbers below 1e-38 for 0: processors multiply them up to a hundred
    times slower, and gradients are full of them.
    """
    torch.set_flush_denormal(True)
    try:
        return program()
    except (UnusableConfiguration, UnusableDataset, UnusableModel, UnusableCheckpoint) as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:  # a full disk, most often; the checkpoint before is whole
        print(f"cannot_write: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        torch.set_flush_denormal(False)


def train(configuration: Configuration, settings: argparse.Namespace) -> int:
    """One run in the folder `settings.out`, gone on from its checkpoint where there is one. Raises what main names."""
    check(configuration)
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    device = torch.device(settings.device if settings.device != "auto" else best_device())
    sources = read_sources(configuration.data, skip_unusable=settings.skip_unusable)
    facts = _facts(configuration, sources)
    out: Path = settings.out
    kept = checkpoint_of(out, facts["fingerprint"])
    network = _network(configuration)
    choose_weights(network, configuration.tune, lora_rank=configuration.lora_rank)
    precision = choose_precision(settings.precision, device)
    run = Run(network, configuration, device, precision)
    if kept is not None:
        run.resume(kept[0])
    out.mkdir(parents=True, exist_ok=True)
    progress = Progress(out / "progress.jsonl", sys.stdout)
    try:
        progress.say(
            "resumed" if kept else "started",
            step=run.step,
            steps=configuration.steps,
            device=str(device),
            precision=str(precision).removeprefix("torch."),
            **_sizes(sources),
        )
        is_done = _steps(
            run, _batches(configuration, sources, network, settings, run.step), progress, out, facts, settings
        )
        if not is_done:
            progress.say("stopped", step=run.step)
            return STOPPED
        # As they will be saved: half precision ends at 65504.
        weights = (tensor.half() for tensor in run.final_weights().values() if tensor.is_floating_point())
        if not all(bool(tensor.isfinite().all()) for tensor in weights):
            raise _diverged("The trained weights hold values that are no numbers in half precision.")
        base = _network(configuration).model.state_dict() if configuration.keep_base else {}
        model = save_model(out, run, facts, base)
        progress.say("finished", step=run.step, model=str(model))
        return 0
    finally:
        progress.close()


def _steps(
    run: Run,
    batches: Iterator[Batch | Refusal],
    progress: Progress,
    out: Path,
    facts: dict[str, Any],
    settings: argparse.Namespace,
) -> bool:
    """Advance to the last step, or as far as time allows; False when a signal asked to stop. Leaves a checkpoint.

    Raises UnusableConfiguration loss_not_finite.
    """
    configuration = run.configuration
    stop = Stop()
    pace, saved_at, last = Pace(), time.monotonic(), run.step
    deadline, is_late = saved_at + 60 * settings.max_minutes, False
    with stop:
        while run.step < configuration.steps and not stop.is_asked and not is_late:
            batch = next(batches)
            if isinstance(batch, Refusal):
                raise UnusableDataset(batch.code, batch.message)
            before = run.micro_batch
            result = run.advance(*batch)
            if not math.isfinite(result.loss):
                raise _diverged(f"At step {run.step} the loss was no number any more.")
            is_late = time.monotonic() >= deadline
            if run.micro_batch < before:
                progress.say("smaller_batches", micro_batch=run.micro_batch, reason="out of memory")
            pace.add(**{name: getattr(result, name) for name in result.__slots__})
            is_last = run.step == configuration.steps or is_late
            if pace.seconds >= settings.report_seconds or is_last:
                rates = pace.report(
                    images_per_step=configuration.batch_size,
                    prompts_per_step=configuration.batch_size * configuration.prompts_per_image,
                    steps_left=configuration.steps - run.step,
                )
                progress.say("step", step=run.step, steps=configuration.steps, **rates)
                facts["metrics"] = {name: rates[name] for name in StepResult.__slots__}
            if time.monotonic() - saved_at >= settings.save_seconds:
                save_checkpoint(out, run, facts)
                saved_at, last = time.monotonic(), run.step
                progress.say("saved", step=run.step)
        if last != run.step:
            save_checkpoint(out, run, facts)
    if is_late and run.step < configuration.steps:
        progress.say("out_of_time", step=run.step, steps=configuration.steps)
    return run.step >= configuration.steps or is_late


def _diverged(found: str) -> UnusableConfiguration:
    return UnusableConfiguration(
        "loss_not_finite", f"{found} Use a lower --rate, and look for damaged weights in the base."
    )


class Stop:
    """SIGINT and SIGTERM ask for a stop after the step at hand; asked once more, it ends at once.

    Not within a second: Linux tells of a parent's end once for every thread that the parent had.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: object) -> None:
        if not self.is_asked:
            self.is_asked, self._asked_at = True, time.monotonic()
        elif time.monotonic() - self._asked_at > 1:
            signal.signal(number, self._before[number])
            signal.raise_signal(signal.Signals(number))


def _batches(
    configuration: Configuration,
    sources: list[Source],
    network: TrainableNetwork,
    settings: argparse.Namespace,
    first_step: int,
) -> Iterator[Batch | Refusal]:
    """Batches from `first_step` on; batch k holds samples k x batch_size and following."""
    sampling = Sampling(
        input_size=network.input_size,
        prompts_per_image=configuration.prompts_per_image,
        stretched=network.is_stretched,
        augmentation=configuration.augmentation,
        region_share=configuration.region_share,
        region_cache=settings.region_cache,
        scene_share=configuration.scene_share,
        paste_share=configuration.paste_share,
        closer_share=configuration.closer_share,
        min_area=configuration.min_area,
    )
    loader = DataLoader(
        Refusing(Samples(sources, sampling, seed=configuration.seed)),
        batch_size=configuration.batch_size,
        sampler=range(first_step * configuration.batch_size, configuration.steps * configuration.batch_size),
        num_workers=settings.workers,
        prefetch_factor=4 if settings.workers else None,
        worker_init_fn=_quiet_worker,
        collate_fn=collate,
    )
    return iter(loader)


def _quiet_worker(_: int) -> None:
    """Ctrl-C, and a SIGTERM to the whole group, are the parent's to answer; it tells this process when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)


def _network(configuration: Configuration) -> TrainableNetwork:
    if configuration.base.startswith(NEW):
        name = configuration.base.removeprefix(NEW)
        return new_network(name, input_size=configuration.input_size, seed=configuration.seed)
    return load_trainable(find_base(configuration.base), input_size=configuration.input_size)


def _facts(configuration: Configuration, sources: list[Source]) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    data = {source.dataset.name: source.dataset.fingerprint for source in sources}
    return {
        "configuration": configuration.as_json(),
        "data": data,
        "fingerprint": [configuration.fingerprint(), data],
        "parent": configuration.base,
        "commit": current_commit(),
        "torch": torch.__version__,
    }


def _sizes(sources: list[Source]) -> dict[str, int]:
    return {
        "pictures": sum(len(source.dataset.pictures) for source in sources),
        "masks": sum(len(picture.masks) for source in sources for picture in source.dataset.pictures),
        "skipped": sum(len(source.dataset.skipped) for source in sources),
    }


def choose_precision(wanted: str, device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it faster than float32: GPUs, and processors with instructions for it."""
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bf16" else torch.float32
    has_products = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if device.type != "cpu" or has_products else torch.float32


def best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    sys.exit(main())
