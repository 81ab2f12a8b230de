"""HTTP of embeddings for browsers that decode by themselves; included by app.py."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import Future

import torch
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from model_server.contract.embedding import EMBEDDING_HEADER, describe_embedding, embedding_etag
from model_server.contract.messages import Sha256
from model_server.engine import Answer, Engine, Priority
from model_server.networks.network import Embedding

router = APIRouter()

# What memory or disk holds is there by then; an encoding takes longer, and whoever asks keeps a thread waiting.
WAIT_SECONDS = 0.15
CHUNK_BYTES = 1 << 18

# Encodings begun here and not done, by image and version: asking again joins, instead of queueing once more.
Begun = dict[tuple[str, str], "Future[Answer]"]


@router.get("/embeddings/{image_sha256}", response_class=StreamingResponse)
async def read_embedding(
    image_sha256: Sha256,
    request: Request,
    model_version: str | None = None,
    if_none_match: str = Header(""),
) -> Response:
    """The feature maps, finest first, as one body; 202 while they are being made."""
    engine: Engine = request.app.state.engine
    facts = await asyncio.to_thread(engine.models.facts, model_version)
    etag = embedding_etag(image_sha256, facts.model_version)
    if etag in if_none_match:
        return Response(status_code=304, headers={"ETag": etag})
    making = _begin(engine, request.app.state.embeddings_begun, (image_sha256, facts.model_version))
    waiting = asyncio.wrap_future(making)
    await asyncio.wait([waiting], timeout=WAIT_SECONDS)
    if not making.done():
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # told to whoever asks again
        return Response(status_code=202, headers={"Retry-After": "1"})
    embedding: Embedding = making.result().value
    described = describe_embedding(
        [feature.shape for feature in embedding.features],
        size_hw=embedding.size_hw,
        model_version=facts.model_version,
        encoder_fingerprint=facts.encoder_fingerprint,
    )
    headers = {"ETag": etag, EMBEDDING_HEADER: described, "Content-Length": str(embedding.nbytes)}
    return StreamingResponse(_chunks(embedding), headers=headers, media_type="application/octet-stream")


def _begin(engine: Engine, begun: Begun, key: tuple[str, str]) -> "Future[Answer]":
    if key in begun:
        return begun[key]
    making = begun[key] = engine.submit(*key, None, priority=Priority.LOOKAHEAD)
    making.add_done_callback(lambda _: begun.pop(key, None))
    return making


def _chunks(embedding: Embedding) -> Iterator[bytes]:
    assert sys.byteorder == "little"
    for feature in embedding.features:
        data = feature.contiguous().view(-1).view(torch.uint8)
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES].numpy().tobytes()
