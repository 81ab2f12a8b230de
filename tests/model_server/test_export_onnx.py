"""An exported decoder answers as the served network does, or there is no file."""

import json
import os
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from filelock import FileLock
from transformers import Sam2Config, Sam2Model

from model_server.export_onnx import check, export, main
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.export import trace
from model_server.export_onnx.graph import DecoderGraph, decoder_graph, decoder_rules
from model_server.export_onnx.rules import Rules, read_rules
from model_server.export_onnx.structure import with_weights, without_weights
from model_server.export_onnx.weights import to_float16, to_uint8
from model_server.networks.network import Embedding, Network, PromptTensors
from model_server.networks.registry import BUNDLED, load_network
from tests.model_server.test_networks import ODD_SIZES_HW, SMALL_SAM2, drawing_sam2, photo, randomise, small_sam
from tests.running import REPOSITORY

FAMILIES = ("sam", "sam2", "drawing")
POINTS = np.array([[30.5, 40.25], [12, 70], [60, 9.75], [3, 3]], np.float32)
LABELS = np.array([1, 0, 1, 0])
BOX = np.array([10, 15.5, 61, 80], np.float32)


class Exported:
    """A network, the session of its file, and what the file says of itself."""

    def __init__(self, folder: Path, file: Path, report: dict[str, Any]) -> None:
        self.network: Network = load_network(folder, torch.device("cpu"))
        self.file, self.report = file, report
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        self.rules: Rules = read_rules(self.metadata)

    def embedding(self, size_hw: tuple[int, int]) -> Embedding:
        return self.network.encode([self.network.prepare(photo(size_hw))], [size_hw])[0]

    def run(self, embedding: Embedding, prompts: PromptTensors) -> tuple[np.ndarray, np.ndarray]:
        frame = self.network.frame(embedding.size_hw)
        box = None if prompts.box_xyxy is None else frame.to_input(prompts.box_xyxy.reshape(2, 2))
        points, labels = self.rules.tokens(frame.to_input(prompts.points_xy), prompts.labels, box)
        mask = prompts.mask_input
        inputs = {
            "points": points,
            "labels": labels,
            "mask_input": np.full((1, 1, frame.low_size, frame.low_size), 99, np.float32) if mask is None else mask,
            "has_mask_input": np.array([mask is not None], np.float32),
        }
        features = {f"features_{i}": feature[None].numpy() for i, feature in enumerate(embedding.features)}
        logits, predicted_iou = self.session.run(["logits", "predicted_iou"], inputs | features)
        assert logits.shape == (1, 4, frame.low_size, frame.low_size)
        assert predicted_iou.shape == (1, 4)
        return logits[0], predicted_iou[0]


def _export_all(root: Path) -> None:
    """Networks of all families, their files, and what was said of each."""
    randomise(small_sam()).save_pretrained(root / "sam")
    randomise(Sam2Model(Sam2Config(**SMALL_SAM2))).save_pretrained(root / "sam2")
    randomise(drawing_sam2()).save_pretrained(root / "drawing")
    for family in FAMILIES:
        file = root / "new" / family / "decoder.onnx"
        with pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr(sys.stdout, "write", said.append)
            assert main([str(root / family), "--out", str(file), "--json"]) == 0
        assert [path.name for path in file.parent.iterdir()] == [file.name]
        (root / f"{family}.json").write_text("".join(said))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    # Tracing takes long: the processes of one run of the tests do it once between them.
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exported-decoders"
    with FileLock(f"{root}.lock"):
        if not (root / "done").exists():
            _export_all(root)
            (root / "done").touch()
    return {
        family: Exported(
            root / family, root / "new" / family / "decoder.onnx", json.loads((root / f"{family}.json").read_text())
        )
        for family in FAMILIES
    }


def prompts_of(point_count: int, has_box: bool, mask: np.ndarray | None) -> PromptTensors:
    return PromptTensors(
        points_xy=POINTS[:point_count],
        labels=LABELS[:point_count],
        box_xyxy=BOX if has_box else None,
        mask_input=mask,
        prompt_count=point_count + has_box + (mask is not None),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size_hw", ODD_SIZES_HW)
def test_answers_as_the_served_network(exported: dict[str, Exported], family: str, size_hw: tuple[int, int]) -> None:
    one = exported[family]
    embedding = one.embedding(size_hw)
    low = np.random.default_rng(1).normal(0, 30, (1, 1, 32, 32)).astype(np.float32)  # SAM 2 clamps some of it
    choices: tuple[Literal["auto"] | bool, ...] = ("auto", True, False)
    answers_by_three = 0
    for point_count, has_box, mask, multimask in product((0, 1, 2, 4), (False, True), (None, low), choices):
        if not point_count and not has_box and mask is None:
            continue
        prompts = prompts_of(point_count, has_box, mask)
        logits, predicted_iou = one.run(embedding, prompts)
        tokens = one.rules.answer(
            logits,
            predicted_iou,
            point_count=point_count,
            has_box=has_box,
            prompt_count=prompts.prompt_count,
            multimask=multimask,
        )
        served_mask = None if mask is None else mask[0, 0]
        served = one.network.decode(embedding, prompts_of(point_count, has_box, served_mask), multimask)
        answers_by_three += len(tokens) == 3
        assert len(tokens) == len(served.logits)
        scale = max(1.0, float(np.abs(served.logits).max()))
        assert np.abs(logits[tokens] - served.logits).max() <= 1e-4 * scale
        assert np.abs(predicted_iou[tokens] - served.predicted_iou).max() <= 1e-4
    assert 0 < answers_by_three < 45


def test_a_correction_shows_on_the_surest_pixels(exported: dict[str, Exported]) -> None:
    """Masks are limited before a click is drawn on them, here as there."""
    one = exported["drawing"]
    embedding, sure = one.embedding((97, 131)), np.full((1, 1, 32, 32), 90, np.float32)
    logits, _ = one.run(embedding, prompts_of(2, False, sure))
    served = one.network.decode(embedding, prompts_of(2, False, sure[0, 0]), True)
    assert np.abs(logits[1:] - served.logits).max() <= 1e-4 * max(1.0, float(np.abs(logits).max()))


def test_three_clicks_fed_back(exported: dict[str, Exported]) -> None:
    """Differences do not grow over a person's corrections, each with the logits before it as mask."""
    for one in exported.values():
        embedding = one.embedding((97, 131))
        own = served_mask = None
        for count in (1, 2, 3):
            logits, predicted_iou = one.run(embedding, prompts_of(count, False, own))
            served = one.network.decode(embedding, prompts_of(count, False, served_mask), True)
            assert np.abs(logits[1:] - served.logits).max() <= 1e-4 * max(1.0, float(np.abs(logits).max()))
            best = int(np.argmax(predicted_iou[1:]))
            own, served_mask = logits[None, None, 1 + best], served.logits[best]


def test_an_unstable_single_mask_is_replaced() -> None:
    rules = read_rules({"rules": json.dumps({
        "resize": "stretch", "padding": {}, "three_counts": "tokens", "mask_limit": 32.0,
        "stability": {"delta": 0.05, "threshold": 0.98},
    })})  # fmt: skip
    logits, predicted_iou = np.full((4, 10, 10), -1.0, np.float32), np.array([0.9, 0.1, 0.3, 0.2], np.float32)

    def answer() -> list[int]:
        return rules.answer(logits, predicted_iou, point_count=2, has_box=False, prompt_count=2)

    assert answer() == [0]  # an empty mask is stable
    logits[0, :5] = 1.0
    assert answer() == [0]
    logits[0, 5, 0] = 0.0  # 50 of 51 are sure: 0.9804
    assert answer() == [0]
    logits[0, 5, 1] = 0.0
    assert answer() == [2]


def test_the_file_describes_itself(exported: dict[str, Exported]) -> None:
    for one in exported.values():
        facts = one.network.facts
        description = one.report["description"]
        assert one.metadata["model_version"] == description["model_version"] == facts.model_version
        assert one.metadata["encoder_fingerprint"] == facts.encoder_fingerprint
        assert (one.metadata["family"], one.metadata["weights"]) == (facts.family, "float32")
        assert (int(one.metadata["image_size"]), int(one.metadata["low_size"])) == (128, 32)
        assert json.loads(one.metadata["rules"]) == description["rules"]
        assert (one.rules.stability is not None) == (facts.family == "sam2")
        assert one.report["parity_logits"] <= 1e-4
        assert one.report["bytes"] == one.file.stat().st_size
        data = one.file.read_bytes()
        assert str(REPOSITORY).encode() not in data, "paths of the machine that exported it are nobody's business"


def test_no_file_that_differs_from_torch(exported: dict[str, Exported]) -> None:
    one = exported["sam2"]
    rules = decoder_rules(one.network)
    other = decoder_graph(one.network, rules)
    other.no_mask_embed += 0.01
    with pytest.raises(ExportError) as caught:
        check.measure_parity(one.network, other, rules, one.session)
    assert caught.value.code == "decoder_parity_failed"


def test_smaller_weights_must_draw_the_same_masks(exported: dict[str, Exported]) -> None:
    """Random weights draw noise, which eight bits do not keep and sixteen do."""
    one = exported["sam2"]
    model = onnx.load(one.file)
    pictures = [check.drawn_picture(0)]

    def agreement(smaller: onnx.ModelProto) -> float:
        session = check.open_session(smaller.SerializeToString())
        mean, count = check.measure_agreement(one.network, one.rules, one.session, session, pictures)
        assert count == 8 * 3 + 4 + 4
        return mean

    assert agreement(model) == 1.0
    assert agreement(to_float16(model)) > 0.995
    rough = to_uint8(model, exact_weights=[])
    assert len(rough.SerializeToString()) < one.file.stat().st_size
    with pytest.raises(ExportError) as caught:
        check.require_agreement("uint8", agreement(rough))
    assert caught.value.code == "decoder_disagrees"
    check.require_agreement("uint8", check.AGREEMENT)


@dataclass
class Small:
    """A network of the structure of `nano`, made small."""

    folder: Path
    network: Network
    graph: DecoderGraph
    rules: Rules


def small(folder: Path, *, seed: int) -> Small:
    randomise(drawing_sam2(), seed=seed).save_pretrained(folder)
    network = load_network(folder, torch.device("cpu"))
    rules = decoder_rules(network)
    return Small(folder, network, decoder_graph(network, rules), rules)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Small, onnx.ModelProto]:
    one = small(tmp_path_factory.mktemp("traced"), seed=1)
    return one, trace(one.graph, one.network)


class TestKeptGraphs:
    """A graph without its weights serves every network of its structure."""

    def test_it_answers_as_another_network_of_its_structure(
        self, traced: tuple[Small, onnx.ModelProto], tmp_path: Path
    ) -> None:
        one, model = traced
        empty = without_weights(model, one.graph)
        assert empty is not None
        assert len(empty.SerializeToString()) < 200_000
        other = small(tmp_path, seed=2)
        session = check.open_session(with_weights(empty, other.graph).SerializeToString())
        assert check.measure_parity(other.network, other.graph, other.rules, session).logits <= check.TOLERANCE
        with pytest.raises(ExportError):
            check.measure_parity(one.network, one.graph, one.rules, session)

    def test_numbers_that_are_nobodys_are_not_kept(self, traced: tuple[Small, onnx.ModelProto], tmp_path: Path) -> None:
        assert without_weights(traced[1], small(tmp_path, seed=2).graph) is None

    def test_one_that_answers_otherwise_is_traced_anew(
        self,
        traced: tuple[Small, onnx.ModelProto],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        one, model = traced
        empty = without_weights(model, one.graph)
        assert empty is not None
        next(node for node in empty.graph.node if node.op_type == "Sin").op_type = "Cos"  # an older decoder's, say
        onnx.save(empty, tmp_path / "kept.onnx")
        asked: list[Network] = []

        def again(graph: DecoderGraph, network: Network) -> onnx.ModelProto:
            asked.append(network)
            return model

        monkeypatch.setattr(export, "kept_file", lambda graph: tmp_path / "kept.onnx")
        monkeypatch.setattr(export, "trace", again)
        export.export_decoder(one.folder, tmp_path / "decoder.onnx")
        assert len(asked) == 1
        assert "no longer fits" in caplog.text

    def test_nano_needs_no_tracing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The graph kept with the code is that of the bundled model; if not: python -m
        model_server.export_onnx.structure nano"""
        monkeypatch.setattr(export, "trace", lambda graph, network: pytest.fail("was traced"))
        report = export.export_decoder(BUNDLED / "nano", tmp_path / "decoder.onnx")
        assert report.parity_logits <= check.TOLERANCE


def test_an_export_that_is_refused_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "decoder.onnx"
    file.write_bytes(b"the one before")
    assert main(["tiny", "--out", str(file), "--weights", "uint8"]) == 1
    assert file.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("model", "options", "code"),
    [
        (str(BUNDLED / "tiny"), [], "decoder_not_exportable"),
        ("no-such-model", [], "model_missing"),
        ("tiny", ["--pictures", "/nonexistent"], "pictures_unusable"),
    ],
)
def test_refusals_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, options: list[str], code: str
) -> None:
    assert main([model, "--out", str(tmp_path / "decoder.onnx"), "--json", *options]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "model_server.export_onnx.export", raising=False)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["tiny", "--out", str(tmp_path / "decoder.onnx"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "onnx_missing"
    assert "onnxscript" in error["message"]
    assert "segloop[onnx]" in error["message"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    from model_server.export_onnx.export import _write

    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError) as caught:
        _write(tmp_path / "file" / "decoder.onnx", b"")
    assert caught.value.code == "decoder_not_written"


def test_the_example_of_the_documentation(exported: dict[str, Exported], monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python block of docs/onnx.md, run as it stands."""
    text = (REPOSITORY / "docs" / "onnx.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    for one in exported.values():
        embedding = one.embedding((97, 131))
        names: dict[str, Any] = {
            "decoder_path": str(one.file),
            "features": [feature.numpy() for feature in embedding.features],
            "size_hw": (97, 131),
            "click_xy": (30.5, 40.25),
        }
        exec(code, names)
        served = one.network.decode(embedding, prompts_of(1, False, None), "auto")
        best = int(np.argmax(served.predicted_iou))
        assert np.array_equal(names["mask_low"], served.logits[best] > 0)
