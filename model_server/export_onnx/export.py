"""From a model folder to a checked ONNX file."""

import contextlib
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

try:
    import onnx
    import onnxruntime  # noqa: F401  (the check needs it; better said before the work than after)
    import onnxscript.optimizer
except ImportError as error:
    raise ImportError(f"{error.name} is missing: install the onnx extra, pip install 'segloop[onnx]'") from error

from model_server.contract.decoder import SMALLEST_FIRST, WantedWeights, Weights
from model_server.export_onnx import check
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.graph import DecoderGraph, decoder_graph, decoder_rules
from model_server.export_onnx.kept import segloop_version
from model_server.export_onnx.rules import Description, Rules
from model_server.export_onnx.structure import kept_file, with_weights
from model_server.export_onnx.weights import to_float16, to_uint8
from model_server.networks.network import Network
from model_server.networks.registry import load_network

logger = logging.getLogger(__name__)

OPSET = 20  # the first in which GELU is one operator


@dataclass(frozen=True, slots=True)
class Refused:
    """Smaller weights that were asked for and not written; the message says what was measured."""

    weights: Weights
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was written and measured. `agreement` is the mean IoU with float32 weights over `masks_compared` masks."""

    out: str
    bytes: int
    seconds: float
    parity_logits: float
    parity_predicted_iou: float
    agreement: float | None
    masks_compared: int
    description: dict[str, Any]
    refused: list[Refused]


def export_decoder(
    folder: Path, out: Path, *, weights: WantedWeights = "float32", pictures: Sequence[Image.Image] = ()
) -> Report:
    """Write the decoder of the network in `folder` to `out`, whole or not at all.

    "smallest" takes the smallest weights that pass; the graph, which takes longest, is made once for all of them. The
    float32 graph must equal torch (`check.TOLERANCE`); smaller weights must draw the same masks on `pictures`, or on
    drawn ones (`check.AGREEMENT`). Raises UnusableModel, ExportError.
    """
    started = time.perf_counter()
    network = load_network(folder, torch.device("cpu"))
    rules = decoder_rules(network)
    graph = decoder_graph(network, rules)
    exact, session, parity = _exact(graph, network, rules)
    chosen = _with_weights(weights, exact, session, graph, network, pictures)
    description = _describe(network, rules, chosen.weights)
    model = chosen.model
    onnx.helper.set_model_props(model, description.as_metadata())
    model.producer_name, model.producer_version = "segloop", description.segloop
    _write(out, model.SerializeToString())
    return Report(
        out=str(out),
        bytes=out.stat().st_size,
        seconds=round(time.perf_counter() - started, 2),
        parity_logits=parity.logits,
        parity_predicted_iou=parity.predicted_iou,
        agreement=chosen.agreement,
        masks_compared=chosen.masks_compared,
        description=description.as_dict(),
        refused=chosen.refused,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithWeights:
    model: onnx.ModelProto
    weights: Weights
    agreement: float | None = None
    masks_compared: int = 0
    refused: list[Refused]


def _with_weights(
    wanted: WantedWeights,
    exact: onnx.ModelProto,
    session: Any,
    graph: DecoderGraph,
    network: Network,
    pictures: Sequence[Image.Image],
) -> _WithWeights:
    """The float32 graph with the weights wanted. Raises ExportError decoder_disagrees."""
    refused: list[Refused] = []
    rules = decoder_rules(network)
    pictures = pictures or [check.drawn_picture(seed) for seed in range(check.DRAWN_PICTURES)]
    for weights in SMALLEST_FIRST if wanted == "smallest" else (wanted,):
        if weights == "float32":
            break
        model = to_float16(exact) if weights == "float16" else to_uint8(exact, exact_weights=[graph.outline_weights])
        smaller = check.open_session(model.SerializeToString())
        agreement, compared = check.measure_agreement(network, rules, session, smaller, pictures)
        try:
            check.require_agreement(weights, agreement)
        except ExportError as error:
            if wanted != "smallest":
                raise
            refused.append(Refused(weights, error.code, error.message))
            continue
        return _WithWeights(model=model, weights=weights, agreement=agreement, masks_compared=compared, refused=refused)
    return _WithWeights(model=exact, weights="float32", refused=refused)


def _describe(network: Network, rules: Rules, weights: Weights) -> Description:
    return Description(
        model_version=network.facts.model_version,
        encoder_fingerprint=network.facts.encoder_fingerprint,
        family=network.facts.family,
        image_size=network.facts.image_size,
        low_size=network.frame((1, 1)).low_size,
        weights=weights,
        opset=OPSET,
        segloop=segloop_version(),
        rules=rules,
    )


def _exact(graph: DecoderGraph, network: Network, rules: Rules) -> tuple[onnx.ModelProto, Any, check.Parity]:
    """The float32 graph, its session and its differences to torch: a kept graph of this structure, filled, else traced.

    Raises ExportError decoder_export_failed, decoder_parity_failed.
    """
    kept = kept_file(graph)
    if kept.is_file():
        try:
            return _checked(with_weights(onnx.load(kept), graph), graph, network, rules)
        except (ExportError, KeyError) as error:  # whatever is wrong with what was kept, tracing is right
            logger.warning(
                "the kept decoder graph %s no longer fits and is traced anew, which takes longer: %s", kept.name, error
            )
    return _checked(trace(graph, network), graph, network, rules)


def _checked(
    traced: onnx.ModelProto, graph: DecoderGraph, network: Network, rules: Rules
) -> tuple[onnx.ModelProto, Any, check.Parity]:
    model = onnxscript.optimizer.optimize(traced)
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:], model.functions[:]
    for named in (*model.graph.node, *model.graph.initializer):
        del named.metadata_props[:]
    session = check.open_session(model.SerializeToString())
    return model, session, check.measure_parity(network, graph, rules, session)


def trace(graph: DecoderGraph, network: Network) -> onnx.ModelProto:
    """The graph in ONNX as torch sees it, without what torch notes about itself (paths of this machine among it).

    Raises ExportError decoder_export_failed.
    """
    embedding = check.encode(network, Image.new("RGB", (64, 64)))
    features = [feature[None] for feature in embedding.features]
    low = network.frame((1, 1)).low_size
    tokens = torch.export.Dim.DYNAMIC
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                (features, torch.ones(1, 3, 2), torch.ones(1, 3), torch.zeros(1, 1, low, low), torch.ones(1)),
                dynamo=True,
                optimize=False,  # later, as a kept graph is
                opset_version=OPSET,
                dynamic_shapes=([None] * len(features), {1: tokens}, {1: tokens}, None, None),
                input_names=[
                    *(f"features_{i}" for i in range(len(features))),
                    *("points", "labels", "mask_input", "has_mask_input"),
                ],
                output_names=["logits", "predicted_iou"],
                verbose=False,
            )
    except Exception as error:  # torch and onnxscript raise whatever their parts raise
        reason = error.__cause__ or error  # the exporter's own message is advice on how to report it
        raise ExportError("decoder_export_failed", f"torch cannot export this decoder ({reason}).") from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    del model.metadata_props[:], model.graph.metadata_props[:]
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    for named in (*model.graph.node, *model.graph.initializer, *values):
        del named.metadata_props[:]
        named.doc_string = ""
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """torch.onnx logs that torchvision is not here, which nothing needs, and its parts warn of their own future."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _write(out: Path, data: bytes) -> None:
    """Under a temporary name, then renamed. Raises ExportError decoder_not_written."""
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".writing-", delete=False) as file:
            temporary = file.name
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, out)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise ExportError("decoder_not_written", f"{out} cannot be written ({error}).") from error
