"""Proposals over HTTP: detectors of both kinds, what is left out, and detectors that cannot be used."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config, YolosConfig, YolosForObjectDetection

from model_server.app import create_app
from model_server.contract import masks as rle
from model_server.contract.detection import DetectorsResponse, Proposal, ProposeResponse
from model_server.contract.view import zoomed_view
from model_server.networks.boxes import nms
from model_server.networks.huggingface_detector import load_published_detector
from model_server.settings import Settings
from model_server.training.train_detector import main
from tests.model_server.conftest import disc_png, put_bytes, write_tiny

SIZE_HW = (96, 128)
DISC = [40, 24, 88, 72]  # of disc_png at SIZE_HW, xyxy


@pytest.fixture(scope="session")
def trained(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of discs, over the embeddings of `spot`."""
    folder, out = tmp_path_factory.mktemp("discs"), tmp_path_factory.mktemp("run")
    images, annotations = [], []
    for number, (height, width) in enumerate([SIZE_HW, (128, 96), (100, 100)]):
        (folder / f"{number}.png").write_bytes(disc_png((height, width)))
        rows, columns = np.mgrid[0:height, 0:width]
        disc = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (min(height, width) / 4) ** 2
        images.append({"id": number, "file_name": f"{number}.png", "height": height, "width": width})
        annotations.append({"id": number, "image_id": number, "segmentation": rle.encode(disc)})
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    small = ("--width", "16", "--blocks", "2", "--batch-size", "3", "--steps", "120", "--rate", "0.01")
    here = ("--device", "cpu", "--threads", "1", "--warmup", "10")
    assert main([str(folder), "--base", str(tiny_folder / "spot"), "--out", str(out), *small, *here]) == 0
    return out / "model"


@pytest.fixture
def detectors_dir(settings: Settings) -> Path:
    settings.detectors_dir.mkdir(parents=True)
    return settings.detectors_dir


@pytest.fixture
def client(settings: Settings, detectors_dir: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def image(settings: Settings) -> str:
    return put_bytes(settings, disc_png(SIZE_HW))


def known(client: TestClient) -> dict[str, str]:
    """Versions by name."""
    answer = DetectorsResponse.model_validate(client.get("/detectors").json())
    return {one.name: one.detector_version for one in answer.detectors}


def propose(client: TestClient, image: str, detector_version: str | None, **more: Any) -> Any:
    body = {"image_sha256": image, "size_hw": SIZE_HW, "detector_version": detector_version}
    return client.post("/propose", json=body | more)


def refusal(response: Any) -> tuple[int, str]:
    assert response.json()["error"]["message"]
    return response.status_code, response.json()["error"]["code"]


def test_a_trained_detector_proposes_what_it_learnt(
    client: TestClient, image: str, trained: Path, detectors_dir: Path
) -> None:
    shutil.copytree(trained, detectors_dir / "discs")
    version = known(client)["discs"]
    response = propose(client, image, version)
    assert response.status_code == 200, response.text
    answer = ProposeResponse.model_validate(response.json())
    assert (answer.detector_version, answer.model_version.rpartition("-")[0]) == (version, "spot")
    best = answer.proposals[0]
    assert best.score > 0.5
    assert np.abs(np.array(best.box_xyxy) - DISC).max() < 12
    assert best.area == rle.area(best.rle) > 500
    assert best.rle["size"] == list(SIZE_HW)
    scores = [one.score for one in answer.proposals]
    assert scores == sorted(scores, reverse=True)
    for i, one in enumerate(answer.proposals):
        assert all(rle.iou(one.rle, other.rle) <= 0.7 for other in answer.proposals[:i])
    assert answer.timings_ms.total >= answer.timings_ms.masks > 0
    again = ProposeResponse.model_validate(propose(client, image, version).json())
    assert again.proposals == answer.proposals
    assert again.timings_ms.encode == 0


def test_options_leave_proposals_out(client: TestClient, image: str, trained: Path, detectors_dir: Path) -> None:
    """The least of everything lets repetitions and weak ones through; nothing found is an empty list."""
    shutil.copytree(trained, detectors_dir / "discs")
    version = known(client)["discs"]

    def count(**options: float) -> int:
        response = propose(client, image, version, options=options)
        assert response.status_code == 200, response.text
        return len(response.json()["proposals"])

    loose = {"min_score": 0.0, "min_predicted_iou": 0.0, "box_nms_thresh": 0.9, "mask_nms_thresh": 1.0}
    everything = count(**loose, max_proposals=10)
    assert everything == 10
    assert count(**loose | {"mask_nms_thresh": 0.3}, max_proposals=10) <= everything
    assert count(**loose, max_proposals=3) == 3
    assert count(min_score=1.0) == 0
    assert count(min_predicted_iou=0.95) == 0  # the tiny network is never that sure
    for wrong in ({"min_score": 2}, {"max_proposals": 0}, {"max_proposals": 10**6}, {"unknown": 1}):
        assert refusal(propose(client, image, version, options=wrong)) == (422, "malformed_request")


def test_small_boxes_are_looked_at_closer(
    settings: Settings, detectors_dir: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    """The mask of a small box is that which a person gets who has zoomed in and drawn the box."""
    side, radius = 320, 13
    rows, columns = np.mgrid[0:side, 0:side]
    folder, annotations, images = tmp_path / "small", [], []
    folder.mkdir()
    for number, (x, y) in enumerate([(100, 90), (220, 200), (90, 230), (210, 100)]):
        disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        pixels = np.where(disc[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": side, "width": side})
        annotations.append({"id": number, "image_id": number, "segmentation": rle.encode(disc)})
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    small = ("--width", "16", "--blocks", "2", "--batch-size", "4", "--steps", "120", "--rate", "0.01")
    here = ("--device", "cpu", "--threads", "1", "--warmup", "10")
    out = tmp_path / "run"
    assert main([str(folder), "--base", str(tiny_folder / "spot"), "--out", str(out), *small, *here]) == 0
    shutil.copytree(out / "model", detectors_dir / "small")
    image = put_bytes(settings, (folder / "3.png").read_bytes())
    body = {"image_sha256": image, "size_hw": (side, side)}
    with TestClient(create_app(settings)) as client:
        options = {"closer": True, "min_predicted_iou": 0, "min_score": 0.1}
        answer = client.post("/propose", json=body | {"detector_version": known(client)["small"], "options": options})
        proposals = ProposeResponse.model_validate(answer.json()).proposals
        assert [one.score for one in proposals] == sorted((one.score for one in proposals), reverse=True)
        closer = [one for one in proposals if predict_box(client, body, one)["part_xyxy"] is not None]
        assert closer
        for one in closer:
            (drawn,) = predict_box(client, body, one)["masks"]
            assert rle.iou(drawn["rle"], one.rle) > 0.99
            assert (drawn["predicted_iou"], drawn["stability_score"]) == pytest.approx(
                (one.predicted_iou, one.stability_score), abs=0.01
            )
            assert (one.area, list(one.bbox_xywh)) == (rle.area(one.rle), rle.bbox_xywh(one.rle))


def predict_box(client: TestClient, body: dict[str, Any], one: Proposal) -> Any:
    """What is answered to who sees four times the proposal's box and draws it."""
    x1, y1, x2, y2 = one.box_xyxy
    view = zoomed_view((x1, y1, x2 - x1, y2 - y1), body["size_hw"])
    prompt = {"type": "box", "x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return client.post("/predict", json=body | {"prompts": [prompt], "view_xyxy": view, "multimask": False}).json()


def test_requests_that_cannot_be_answered_are_named(
    client: TestClient, settings: Settings, image: str, trained: Path, detectors_dir: Path
) -> None:
    shutil.copytree(trained, detectors_dir / "discs")
    write_tiny(settings.models_dir, "other", reach=(4.0, 9.0, 16.0), scale=0.5)
    try:
        version = known(client)["discs"]
        models = {one["name"]: one["model_version"] for one in client.get("/models").json()["models"]}
        other = propose(client, image, version, model_version=models["other"])
        assert refusal(other) == (409, "detector_of_other_encoder")
    finally:
        shutil.rmtree(settings.models_dir / "other")
    assert refusal(propose(client, image, None)) == (409, "no_detector")
    for unknown in ("discs-00000000", "nobody-00000000", "../discs-00000000", "", "-"):
        assert refusal(propose(client, image, unknown)) == (404, "unknown_detector_version")
    assert refusal(propose(client, "0" * 64, version)) == (404, "unknown_image")
    assert refusal(propose(client, image, version, model_version="x-00000000")) == (404, "unknown_model_version")
    assert refusal(propose(client, image, version, size_hw=[9, 9])) == (422, "image_size_mismatch")


def test_broken_and_malicious_detectors_are_refused_by_name(
    client: TestClient, image: str, trained: Path, detectors_dir: Path, tmp_path: Path
) -> None:
    """Those that do not even look like one are not offered; the others fail by name when they are asked for."""

    def put(name: str, weights: bytes | None = None, **config: Any) -> None:
        folder = shutil.copytree(trained, detectors_dir / name)
        if config:
            raw = json.loads((folder / "config.json").read_text()) | config
            (folder / "config.json").write_text(json.dumps(raw))
        if weights is not None:
            (folder / "model.safetensors").write_bytes(weights)

    put("garbage", weights=b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.")
    put("enormous", width=10**9)
    put("odd-width", width=20)
    put("huge-grid", input_size=4096, channels=[3], sides=[1024], blocks=16, width=512)
    put("wrong-lists", channels=[3, 3])
    put("other-maps", sides=[32])
    for name, content in (
        ("not-json", "{"),
        ("a-list", "[]"),
        ("bert", '{"model_type": "bert", "architectures": ["BertModel"]}'),
        ("own-code", '{"model_type": "yolos", "architectures": ["YolosForObjectDetection"], "auto_map": {}}'),
    ):
        put(name)
        (detectors_dir / name / "config.json").write_text(content)
    put("no-weights")
    (detectors_dir / "no-weights" / "model.safetensors").unlink()
    put("no-fingerprint", encoder_fingerprint="short")
    nan = load_file(trained / "model.safetensors")
    save_file({name: tensor * float("nan") for name, tensor in nan.items()}, tmp_path / "nan.safetensors")
    put("not-numbers", weights=(tmp_path / "nan.safetensors").read_bytes())
    offered = known(client)
    loaded_late = {"garbage", "enormous", "odd-width", "huge-grid", "wrong-lists", "other-maps", "not-numbers"}
    assert set(offered) == loaded_late
    for name in offered:
        assert refusal(propose(client, image, offered[name])) == (409, "detector_unusable"), name
    assert refusal(propose(client, image, "bert-00000000")) == (409, "detector_unusable")
    assert client.get("/healthz").status_code == 200


def test_few_detectors_stay_in_memory(
    client: TestClient, settings: Settings, image: str, trained: Path, detectors_dir: Path
) -> None:
    """And one whose files change has another version at once."""
    for name in ("a", "b", "c"):
        shutil.copytree(trained, detectors_dir / name)
    versions = known(client)
    for name in ("a", "b", "c", "a"):
        assert propose(client, image, versions[name]).status_code == 200
    assert len(client.app.state.detectors._loaded) == settings.detectors_loaded == 2  # type: ignore[attr-defined]
    weights = load_file(trained / "model.safetensors")
    save_file({name: tensor * 0.5 for name, tensor in weights.items()}, detectors_dir / "a" / "model.safetensors")
    assert known(client)["a"] != versions["a"]
    assert refusal(propose(client, image, versions["a"])) == (404, "unknown_detector_version")


def small_d_fine() -> DFineForObjectDetection:
    """D-FINE at random, with a backbone of its own."""
    torch.manual_seed(0)
    backbone = HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        stage_kernel_size=[3, 3, 3, 3],
        stage_downsample=[False, True, True, True],
        stage_light_block=[False, False, False, False],
        embedding_size=8,
        hidden_sizes=[8, 16, 16, 16],
        depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    return DFineForObjectDetection(
        DFineConfig(
            backbone_config=backbone,
            encoder_in_channels=[16, 16, 16],
            encoder_hidden_dim=16,
            encoder_ffn_dim=16,
            encoder_attention_heads=2,
            d_model=16,
            decoder_in_channels=[16, 16, 16],
            decoder_ffn_dim=16,
            decoder_layers=2,
            decoder_attention_heads=2,
            num_queries=20,
            num_denoising=0,
            num_labels=3,
        )
    ).eval()


def small_yolos() -> YolosForObjectDetection:
    """YOLOS at random: like DETR it has a class for no object."""
    torch.manual_seed(0)
    return YolosForObjectDetection(
        YolosConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=[64, 64],
            num_detection_tokens=10,
            num_labels=3,
        )
    ).eval()


def test_parts_change_no_proposal(client: TestClient, image: str, trained: Path, detectors_dir: Path) -> None:
    """However many boxes are decoded at once."""
    shutil.copytree(trained, detectors_dir / "discs")
    version = known(client)["discs"]
    loose = {"min_score": 0, "min_predicted_iou": 0, "box_nms_thresh": 0.9, "mask_nms_thresh": 0.95, "max_proposals": 7}
    network = client.app.state.engine.models.load(client.app.state.engine.models.default)  # type: ignore[attr-defined]
    answers = []
    for network.prompts_at_once in (1, 3, 100):
        answers.append(propose(client, image, version, options=loose).json()["proposals"])
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 7


@pytest.mark.parametrize("make", [small_d_fine, small_yolos])
def test_published_detectors_go_with_any_model(
    client: TestClient, image: str, detectors_dir: Path, tmp_path: Path, make: Any
) -> None:
    """Their boxes are those of the library's own forward pass, on the picture's pixels."""
    model, folder = make(), detectors_dir / "published"
    model.save_pretrained(folder)
    preparation = {"size": {"height": 64, "width": 64}, "do_normalize": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
    assert client.get("/detectors").json()["detectors"][0] | {"detector_version": ""} == {
        "detector_version": "",
        "name": "published",
        "encoder_fingerprint": None,
        "kind": "huggingface",
    }
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8))
    detector = load_published_detector(folder, torch.device("cpu"))
    found = detector.find(detector.prepare(picture), (60, 90), limit=5)
    resized = np.array(picture.resize((64, 64), Image.Resampling.BILINEAR))
    with torch.inference_mode():
        output = model(pixel_values=torch.from_numpy(resized).permute(2, 0, 1)[None] / 255)
    logits = output.logits[0]
    scores = (logits.softmax(-1)[:, :3] if make is small_yolos else logits.sigmoid()).amax(-1)
    np.testing.assert_allclose(found.scores, scores.sort(descending=True)[0][:5], atol=1e-5)
    x, y, width, height = (output.pred_boxes[0, scores.argmax()] * torch.tensor([90, 60, 90, 60])).tolist()
    expected = np.clip([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 0, [90, 60, 90, 60])
    np.testing.assert_allclose(found.boxes_xyxy[0], expected, atol=1e-3)
    answer = propose(client, image, known(client)["published"], options={"min_score": 0, "min_predicted_iou": 0})
    assert answer.status_code == 200, answer.text
    assert answer.json()["proposals"]


def test_suppression_by_hand() -> None:
    """The second overlaps the first by 9 / 11; the third is apart; the fourth is the best of all."""
    boxes = np.array([[0, 0, 10, 1], [1, 0, 11, 1], [20, 0, 30, 1], [0, 5, 4, 9]], np.float32)
    scores = np.array([0.9, 0.8, 0.3, 0.95], np.float32)
    assert nms(boxes, scores, threshold=0.8).tolist() == [3, 0, 2]
    assert nms(boxes, scores, threshold=0.82).tolist() == [3, 0, 1, 2]
    assert nms(boxes, scores, threshold=0.8, limit=2).tolist() == [3, 0]
    assert nms(boxes[:0], scores[:0], threshold=0.5).tolist() == []
