"""Decoder graphs without their weights, kept with the code: tracing one takes longer than all else in an export, and
networks of one structure, such as `nano` and whatever is trained from it, have the same graph.

    python -m model_server.export_onnx.structure MODEL    trace a network's graph and keep it here

Whoever fills one checks the result against torch (`check.measure_parity`), so a graph of an older decoder is never
served: it differs, and is traced anew.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn

from model_server.export_onnx.graph import DecoderGraph

GRAPHS = Path(__file__).parent / "graphs"
MOST_OF_A_CONSTANT = 16  # numbers: constants of the graph itself, such as scales, stay in it


def kept_file(graph: DecoderGraph, folder: Path = GRAPHS) -> Path:
    """Where the graph of this structure is kept, or would be: named by the shapes of all its tensors."""
    shapes = {name: list(tensor.shape) for name, tensor in _tensors(graph)}
    return folder / f"{hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()[:16]}.onnx"


def without_weights(model: ModelProto, graph: DecoderGraph) -> ModelProto | None:
    """The traced graph with the names of its tensors in place of their numbers; None if some cannot be named."""
    tensors = dict(_tensors(graph))
    names = {_numbers(tensor): name for name, tensor in reversed(tensors.items())}
    empty = ModelProto()
    empty.CopyFrom(model)
    for initializer in empty.graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype.kind != "f":
            continue
        # Torch calls by their own names what it finds in modules, but not what was folded.
        own = initializer.name if initializer.name in tensors else None
        name = own or names.get((tuple(values.shape), values.tobytes()))
        if name is not None:
            initializer.ClearField("raw_data")
            initializer.doc_string = name
        elif values.size > MOST_OF_A_CONSTANT:
            return None
    return empty


def with_weights(empty: ModelProto, graph: DecoderGraph) -> ModelProto:
    """What `without_weights` made, filled with this network's numbers. Raises KeyError for tensors it does not have."""
    tensors = dict(_tensors(graph))
    model = ModelProto()
    model.CopyFrom(empty)
    for initializer in model.graph.initializer:
        if initializer.doc_string:
            initializer.raw_data = _numbers(tensors[initializer.doc_string])[1]
            initializer.doc_string = ""
    return model


def _tensors(graph: DecoderGraph) -> Iterator[tuple[str, Tensor]]:
    """Parameters, buffers and folded weights by their path in the objects, always in the same order."""
    yield from _below(graph, "")


def _below(value: Any, path: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path.rstrip("."), value.detach()
        return
    if isinstance(value, nn.Module):
        yield from ((f"{path}{name}", tensor.detach()) for name, tensor in value.state_dict().items())
        members = {name: one for name, one in vars(value).items() if name not in vars(nn.Module())}
    elif isinstance(value, list | tuple):
        members = {str(number): one for number, one in enumerate(value)}
    else:
        members = getattr(value, "__dict__", {}) if type(value).__module__.startswith("model_server.") else {}
    for name, one in members.items():
        yield from _below(one, f"{path}{name}.")


def _numbers(tensor: Tensor) -> tuple[tuple[int, ...], bytes]:
    values = tensor.to(torch.float32).contiguous().numpy()
    return tuple(values.shape), values.tobytes()


def main() -> None:
    """Trace the graph of one network and keep it."""
    import argparse

    from model_server.export_onnx.command import find_folder
    from model_server.export_onnx.export import trace
    from model_server.export_onnx.graph import decoder_graph, decoder_rules
    from model_server.networks.registry import load_network

    parser = argparse.ArgumentParser(description="Keep the decoder graph of a network's structure with the code.")
    parser.add_argument("model", help="a model folder, or the name of a bundled or installed model")
    network = load_network(find_folder(parser.parse_args().model), torch.device("cpu"))
    graph = decoder_graph(network, decoder_rules(network))
    empty = without_weights(trace(graph, network), graph)
    if empty is None:
        raise SystemExit("This graph holds numbers that are no tensor of the network's.")
    GRAPHS.mkdir(exist_ok=True)
    onnx.save(empty, kept_file(graph))
    print(kept_file(graph))  # noqa: T201


if __name__ == "__main__":
    main()
