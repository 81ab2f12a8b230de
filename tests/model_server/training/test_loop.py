"""Steps that learn, weights that stay, and what happens when memory runs out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model_server.dataset import read_dataset
from model_server.training.augment import Augmentation
from model_server.training.configuration import Configuration, DataChoice, Tune, UnusableConfiguration
from model_server.training.loop import Run
from model_server.training.network import TrainableNetwork, load_trainable
from model_server.training.reuse import Reuse
from model_server.training.rounds import Rounds
from model_server.training.samples import Samples, Sampling, Source
from model_server.training.schedule import parameter_groups, rate_at
from model_server.training.tuning import HEAD_PARTS, choose_weights, merge_low_rank
from tests.model_server.training.conftest import SIZE, small_sam2

PLAIN = Augmentation(scale=(1.0, 1.0), flip=False)


def configuration(**changes: Any) -> Configuration:
    made: dict[str, Any] = {
        "data": (DataChoice(folder="shapes"),),
        "base": "small",
        "tune": "full",
        "steps": 100,
        "batch_size": 4,
        "prompts_per_image": 2,
        "rate": 2e-3,
        "layer_decay": 1.0,
        "weight_decay": 0.0,
        "warmup": 10,
        "rounds": Rounds(corrections=1, no_point_rounds=False),
        "augmentation": PLAIN,
    }
    return Configuration(**(made | changes))


def batch(folder: Path, first: int = 0, count: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    sampling = Sampling(input_size=SIZE, prompts_per_image=2, stretched=True, augmentation=PLAIN)
    samples = Samples([Source(dataset=read_dataset(folder), weight=1.0)], sampling, seed=0)
    pixels, masks, pictures = zip(*(samples[i] for i in range(first, first + count)), strict=True)
    return torch.stack(pixels), torch.stack(masks), torch.stack(pictures)


def new_run(**changes: Any) -> Run:
    network = TrainableNetwork(small_sam2(), "sam2")
    made = configuration(**changes)
    choose_weights(network, made.tune, lora_rank=made.lora_rank)
    return Run(network, made, torch.device("cpu"))


def test_a_handful_of_masks_is_learnt_by_heart(shapes: Callable[..., Path]) -> None:
    """Real learning: from random weights to masks that fit, and to a predicted IoU that says so."""
    rounds = Rounds(corrections=1, no_point_rounds=False, mask_loss="balanced", mask_weight=2.0)
    run = new_run(rounds=rounds, steps=150)
    by_heart = batch(shapes(pictures=2), count=4)
    first = run.advance(*by_heart)
    for _ in range(148):
        run.advance(*by_heart)
    last = run.advance(*by_heart)
    assert first.first_best_iou < 0.3
    assert last.first_best_iou > 0.7, "on a grid of 16 x 16"
    assert last.last_iou > 0.7
    assert last.loss < first.loss / 2


def embedding(network: TrainableNetwork) -> list[torch.Tensor]:
    network.eval()
    pixels = torch.randint(0, 256, (1, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(5))
    with torch.no_grad():
        return [level.clone() for level in network.encode(pixels).all()]


@pytest.mark.parametrize("tune", ["decoder", "head", "lora"])
def test_embeddings_stay_valid_unless_everything_learns(shapes: Callable[..., Path], tune: Tune) -> None:
    run = new_run(tune=tune)
    before, weights = embedding(run.network), small_sam2().state_dict()
    run.network.train()
    if not run.trains_encoder:
        run.network.model.vision_encoder.eval()
    for _ in range(3):
        run.advance(*batch(shapes(name=f"shapes{run.step}")))
    run.network.model.load_state_dict(run.final_weights())
    merge_low_rank(run.network.model)
    after = run.network.model.state_dict()
    for a, b in zip(before, embedding(run.network), strict=True):
        assert torch.equal(a, b), "bit for bit"
    assert set(after) == set(weights), "an ordinary model, low-rank changes merged"
    changed = {name for name in after if not torch.equal(after[name], weights[name])}
    assert changed
    wanted = {"decoder": ("mask_decoder", "prompt_encoder"), "head": HEAD_PARTS, "lora": ("mask_decoder.transformer",)}
    assert all(name.startswith(wanted[tune]) for name in changed)


def test_full_training_changes_the_encoder(shapes: Callable[..., Path]) -> None:
    run = new_run()
    before = embedding(run.network)
    run.network.train()
    run.advance(*batch(shapes()))
    assert not torch.equal(before[0], embedding(run.network)[0])


def test_a_frozen_encoder_sees_every_picture_once_and_nothing_else_changes(shapes: Callable[..., Path]) -> None:
    """Reused embeddings give the very losses of fresh ones."""
    folder = shapes(pictures=3)
    reusing, fresh = new_run(tune="decoder"), new_run(tune="decoder")
    for step in range(4):
        pixels, masks, pictures = batch(folder, first=4 * step)
        assert pictures.min() >= 0
        one = reusing.advance(pixels, masks, pictures)
        other = fresh.advance(pixels, masks, torch.full_like(pictures, -1))
        assert one.loss == pytest.approx(other.loss, rel=2e-2), "bf16 rounds by batch"
    assert reusing.reuse.encoded == 3
    assert fresh.reuse.encoded == 0


def test_embeddings_are_kept_within_their_bytes() -> None:
    network = TrainableNetwork(small_sam2(), "sam2").eval()
    pixels = torch.randint(0, 256, (1, 3, SIZE, SIZE), dtype=torch.uint8)
    one = sum(level.nbytes for level in network.encode(pixels).all())
    reuse = Reuse(network, limit_bytes=2 * one)
    for number in (0, 1, 0, 2, 0, 1):
        reuse.encode(pixels, torch.tensor([number]))
    assert reuse.encoded == 4, "1 had made room for 2"


def test_out_of_memory_goes_on_with_smaller_parts_of_the_same_batch(
    shapes: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allocator refuses more than one picture at a time; the step is still made."""
    run = new_run()
    encode = run.network.encode

    def cramped(pixels: torch.Tensor) -> Any:
        if len(pixels) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return encode(pixels)

    monkeypatch.setattr(run.network, "encode", cramped)
    result = run.advance(*batch(shapes()))
    assert run.micro_batch == 1
    assert run.step == 1
    assert result.loss > 0


def test_other_failures_are_not_taken_for_a_lack_of_memory(
    shapes: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()

    def broken(pixels: torch.Tensor) -> Any:
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(run.network, "encode", broken)
    with pytest.raises(RuntimeError, match="size mismatch"):
        run.advance(*batch(shapes()))


def test_late_weights_are_averaged(shapes: Callable[..., Path]) -> None:
    run = new_run(steps=20, average_from=0.5)
    seen = []
    for _ in range(20):
        run.advance(*batch(shapes(name=f"shapes{run.step}")))
        if run.step in (10, 15, 20):
            seen.append(run.network.model.mask_decoder.iou_token.weight.detach().clone())
    averaged = run.final_weights()["mask_decoder.iou_token.weight"]
    torch.testing.assert_close(averaged, torch.stack(seen).mean(0))


def test_sam_trains_as_well_and_pads_instead_of_stretching(small_sam: Path) -> None:
    network = load_trainable(small_sam)
    assert not network.is_stretched
    run = Run(network, configuration(batch_size=1, steps=4), torch.device("cpu"))
    pixels = torch.randint(0, 256, (1, 3, network.input_size, network.input_size), dtype=torch.uint8)
    masks = torch.zeros(1, 2, network.input_size, network.input_size, dtype=torch.bool)
    masks[..., 10:30, 5:40] = True
    losses = [run.advance(pixels, masks, torch.tensor([-1])).loss for _ in range(4)]
    assert losses[-1] < losses[0]


def test_learning_rates_over_the_run() -> None:
    kept = {"steps": 90_000, "warmup": 250}
    assert rate_at(0, schedule="steps", **kept) == pytest.approx(1 / 250)
    assert rate_at(59_999, schedule="steps", **kept) == 1
    assert rate_at(60_000, schedule="steps", **kept) == pytest.approx(0.1)
    assert rate_at(86_666, schedule="steps", **kept) == pytest.approx(0.01)
    assert rate_at(45_000, schedule="cosine", **kept) == pytest.approx(0.505)
    assert rate_at(45_000, schedule="constant", **kept) == 1


def test_deeper_layers_learn_faster_and_the_decoder_fastest() -> None:
    network = TrainableNetwork(small_sam2(), "sam2")
    groups = parameter_groups(network, rate=1.0, encoder_rate=0.5, layer_decay=0.5, weight_decay=0.1)
    rate_of = {id(p): group["lr"] for group in groups for p in group["params"]}
    encoder = network.model.vision_encoder
    assert rate_of[id(network.model.mask_decoder.iou_token.weight)] == 1.0
    assert rate_of[id(encoder.neck.convs[0].weight)] == 0.5
    down = [rate_of[id(stage[0][0].weight)] for stage in encoder.backbone.down]
    assert down == [0.0625, 0.125, 0.25, 0.5]
    assert rate_of[id(encoder.backbone.stem[0].weight)] == 0.03125
    # The way back up comes after the deepest layer.
    for name, parameter in encoder.backbone.named_parameters():
        if name.startswith(("across.", "mix.")):
            assert rate_of[id(parameter)] == 0.5, name
    decay_of = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay_of[id(encoder.neck.convs[0].bias)] == 0
    assert decay_of[id(encoder.neck.convs[0].weight)] == 0.1
    attention = network.model.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    assert decay_of[id(attention.q_proj.weight)] == 0.1, "a weight like any other, whatever its name"
    assert decay_of[id(network.model.mask_decoder.mask_tokens.weight)] == 0


def test_a_network_with_nothing_left_to_learn_is_refused() -> None:
    network = TrainableNetwork(small_sam2(), "sam2")
    network.model.mask_decoder = torch.nn.Identity()
    with pytest.raises(UnusableConfiguration) as caught:
        choose_weights(network, "head", lora_rank=4)
    assert caught.value.code == "nothing_to_train"
