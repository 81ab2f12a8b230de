"""HTTP over the engine: `uvicorn model_server.app:app`. Internal: no sign-in; only the backend may reach it."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from model_server.automatic import Generator
from model_server.contract.blobs import StorageAway, open_store
from model_server.contract.decoder import WantedWeights, decoder_etag
from model_server.contract.geometry import InvalidPrompt
from model_server.contract.messages import (
    EmbeddingStatus,
    EmbedRequest,
    EmbedResponse,
    ErrorResponse,
    ModelFacts,
    ModelsResponse,
    PredictRequest,
    Sha256,
)
from model_server.contract.pixels import UnreadableImage
from model_server.detect import Detectors, Proposer
from model_server.engine import Answer, Engine, EngineError, Overloaded, Priority
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.serving import LASTING, Decoders
from model_server.networks.weights import UnusableModel
from model_server.predict import Prediction, Predictor
from model_server.routes_automatic import router as automatic_routes
from model_server.routes_detect import DETECTOR_STATUS
from model_server.routes_detect import router as detect_routes
from model_server.routes_embedding import router as embedding_routes
from model_server.settings import Settings, read_settings
from model_server.waiting import wait

logger = logging.getLogger(__name__)

STATUS_OF_CODE = {
    "unknown_model_version": 404,
    "unknown_image": 404,
    "overloaded": 503,
    "not_ready": 503,
    "timed_out": 503,
    "model_unusable": 503,
} | DETECTOR_STATUS
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; the engine starts with it and the default model loads behind it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        chosen = settings or read_settings()
        engine = Engine(chosen)
        decoders = Decoders(chosen.data_dir / "decoders", find_folder=engine.models.folder)
        app.state.decoders, app.state.generator = decoders, Generator(engine)
        app.state.embeddings_begun = {}
        app.state.detectors = Detectors(
            chosen.detectors_dir, loaded_limit=chosen.detectors_loaded, device=engine.device
        )
        store = open_store(chosen.storage_url, s3_endpoint=chosen.s3_endpoint)
        app.state.proposer = Proposer(engine, app.state.detectors, store, max_pixels=chosen.max_pixels)
        app.state.engine, app.state.predictor, app.state.problem = engine, Predictor(engine), "The model is loading."
        threading.Thread(target=_warm_up, args=(app,), name="warm-up", daemon=True).start()
        yield
        await asyncio.to_thread(decoders.close)
        await asyncio.to_thread(engine.close)

    app = FastAPI(title="Segloop model server", lifespan=lifespan, openapi_url="/openapi.json", docs_url=None)
    _add_routes(app, Metrics())
    app.include_router(detect_routes)
    app.include_router(automatic_routes)
    app.include_router(embedding_routes)
    _add_error_answers(app)
    return app


def _warm_up(app: FastAPI) -> None:
    started = time.perf_counter()
    try:
        app.state.engine.warm_up()
    except Exception as error:
        logger.exception("the default model cannot be used")
        app.state.problem = f"The default model cannot be used: {error}"
        return
    app.state.problem = None
    logger.info("ready after %.1f s of loading and warming up", time.perf_counter() - started)


class Metrics:
    """What Prometheus reads; one registry per application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.errors = Counter("segloop_model_errors", "Answers with an error", ["code"], registry=self.registry)
        self.predict, self.queue, self.encode, self.decode = (
            Histogram(f"segloop_model_{name}_seconds", text, buckets=BUCKETS, registry=self.registry)
            for name, text in (
                ("predict", "Prompts to masks, from request to answer"),
                ("queue", "Waiting for the device"),
                ("encode", "Encoding one image, when a click had to wait for it"),
                ("decode", "Decoding one request's prompts"),
            )
        )
        self.waiting = Gauge("segloop_model_waiting", "Requests in the engine", registry=self.registry)
        self.device_queue = Gauge("segloop_model_device_queue", "Jobs waiting for the device", registry=self.registry)
        self.encoded = Gauge("segloop_model_encoded_images", "Images encoded since start", registry=self.registry)
        self.exported = Gauge("segloop_model_exported_decoders", "Decoders exported", registry=self.registry)
        self.refused = Gauge("segloop_model_refused", "Requests refused as overloaded", registry=self.registry)
        self.cache = Gauge("segloop_model_embedding_bytes", "Embeddings kept", ["level"], registry=self.registry)

    def note(self, answer: Answer, prediction: Prediction, seconds: float) -> None:
        """Count one answered prediction."""
        self.predict.observe(seconds)
        self.queue.observe(answer.queue_ms / 1e3)
        self.decode.observe(prediction.decode_ms / 1e3)
        if not answer.cached:
            self.encode.observe(answer.encode_ms / 1e3)

    def text(self, engine: Engine, decoders: Decoders) -> bytes:
        """The exposition format."""
        self.waiting.set(engine.load.waiting)
        self.device_queue.set(engine.waiting_for_device())
        self.encoded.set(engine.load.encoded)
        self.exported.set(decoders.exported)
        self.refused.set(engine.load.refused)
        for level, size in engine.cache.sizes().items():
            self.cache.labels(level).set(size)
        return generate_latest(self.registry)


def _add_routes(app: FastAPI, metrics: Metrics) -> None:
    app.state.metrics = metrics

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> Response:
        """The default model is loaded and warmed up."""
        problem = app.state.problem
        return _json({"status": "ready"}) if problem is None else _error("not_ready", problem)

    @app.get("/metrics")
    async def read_metrics() -> Response:
        """Prometheus text."""
        return Response(
            metrics.text(app.state.engine, app.state.decoders), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    @app.get("/models")
    def models() -> ModelsResponse:
        """The models that can be asked for. Plain `def`: new folders are hashed here."""
        engine: Engine = app.state.engine
        default = engine.models.default.model_version
        return ModelsResponse(
            models=[
                ModelFacts(
                    model_version=facts.model_version,
                    name=facts.name,
                    family=facts.family,
                    image_size=facts.image_size,
                    encoder_fingerprint=facts.encoder_fingerprint,
                    parameters=facts.parameters,
                    is_default=facts.model_version == default,
                )
                for facts in engine.models.all()
            ],
            device=engine.device.type,
        )

    @app.get("/models/{model_version}/decoder.onnx", response_class=FileResponse)
    async def decoder(model_version: str, weights: WantedWeights = "float32") -> Response:
        """Prompt encoder and mask decoder for a browser, made once; its rules are in the header Segloop-Decoder.

        The smallest is not waited for: 202 while it is being made.
        """
        facts = await asyncio.to_thread(app.state.engine.models.facts, model_version)
        decoders: Decoders = app.state.decoders
        file = decoders.find_smallest(facts) if weights == "smallest" else await decoders.get(facts, weights)
        if file is None:
            return Response(status_code=202, headers={"Retry-After": "3"})
        etag = decoder_etag(facts.model_version, json.loads(file.description)["weights"])
        headers = {"ETag": etag, "Segloop-Decoder": file.description}
        return FileResponse(file.path, headers=headers, media_type="application/octet-stream")

    async def predict(request: Request) -> Response:
        """Prompts to masks: PredictRequest in, PredictResponse out, the answer written as it is made."""
        started = time.perf_counter()
        try:
            body = PredictRequest.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error
        future = app.state.predictor.submit(
            body.image_sha256,
            body.size_hw,
            body.prompts,
            multimask=body.multimask,
            model_version=body.model_version,
            view_xyxy=body.view_xyxy,
        )
        answer = await wait(asyncio.wrap_future(future), request)
        prediction: Prediction = answer.value
        seconds = time.perf_counter() - started
        metrics.note(answer, prediction, seconds)
        return _json(_prediction_json(answer, prediction, total_ms=seconds * 1e3))

    # A plain route: FastAPI's own would read the same body by way of dependencies, while a person waits.
    app.add_route("/predict", predict, methods=["POST"])

    @app.post("/embed")
    async def embed(body: EmbedRequest, request: Request) -> EmbedResponse:
        """Make an embedding ahead of need."""
        started = time.perf_counter()
        # Where annotators are expected, their browsers will soon want the decoder.
        app.state.decoders.begin(await asyncio.to_thread(app.state.engine.models.facts, body.model_version))
        priority = Priority.LOOKAHEAD if body.priority == "lookahead" else Priority.BULK
        future = app.state.engine.submit(body.image_sha256, body.model_version, None, priority=priority)
        answer = await wait(asyncio.wrap_future(future), request)
        return EmbedResponse(
            model_version=answer.model_version, cached=answer.cached, seconds=time.perf_counter() - started
        )

    @app.get("/embeddings/{image_sha256}/status")
    async def embedding_status(image_sha256: Sha256, model_version: str | None = None) -> EmbeddingStatus:
        """Whether a click on this image needs no encoding."""
        return EmbeddingStatus(ready=app.state.engine.is_embedded(image_sha256, model_version))


def _prediction_json(answer: Answer, prediction: Prediction, *, total_ms: float) -> dict[str, Any]:
    return {
        "model_version": answer.model_version,
        "part_xyxy": prediction.part_xyxy,
        "is_part_pending": prediction.is_part_pending,
        "masks": [
            {
                "rle": mask.rle,
                "predicted_iou": mask.predicted_iou,
                "stability_score": mask.stability_score,
                "area": mask.area,
                "bbox_xywh": mask.bbox_xywh,
            }
            for mask in prediction.masks
        ],
        "timings_ms": {
            "total": round(total_ms, 3),
            "queue": round(answer.queue_ms, 3),
            "encode": round(answer.encode_ms, 3),
            "decode": round(prediction.decode_ms, 3),
            "encode_mask": round(prediction.encode_mask_ms, 3),
        },
    }


def _add_error_answers(app: FastAPI) -> None:
    async def named(_: Request, error: Exception) -> Response:
        assert isinstance(error, EngineError | InvalidPrompt | UnreadableImage)
        app.state.metrics.errors.labels(error.code).inc()
        retry = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Overloaded) else {}
        return _error(error.code, error.message, headers=retry)

    async def unusable(_: Request, error: Exception) -> Response:
        assert isinstance(error, UnusableModel)
        logger.error("model unusable: %s", error.message)
        app.state.metrics.errors.labels(error.code).inc()
        return _error("model_unusable", error.message)

    async def not_exported(_: Request, error: Exception) -> Response:
        assert isinstance(error, ExportError)
        logger.error("decoder not exported: %s", error.message)
        app.state.metrics.errors.labels(error.code).inc()
        return _error(error.code, error.message, status=409 if error.code in LASTING else 503)

    async def storage_away(_: Request, error: Exception) -> Response:
        logger.warning("storage away: %s", error)
        app.state.metrics.errors.labels("storage_unavailable").inc()
        return _error("storage_unavailable", "The storage does not answer.", status=503, headers={"Retry-After": "2"})

    async def malformed(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _error("malformed_request", f"{where}: {first['msg']}.")

    async def unhandled_route(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _error("not_found" if error.status_code == 404 else "http_error", error.detail, status=error.status_code)

    async def unexpected(_: Request, error: Exception) -> Response:
        app.state.metrics.errors.labels("internal_error").inc()
        # Uvicorn closes the connection after it: whoever keeps connections must not ask on this one again.
        headers = {"Connection": "close"}
        return _error(
            "internal_error", "The model server failed; its log has the details.", status=500, headers=headers
        )

    app.add_exception_handler(Exception, unexpected)  # logged by the server, which sees it too
    for kind in (EngineError, InvalidPrompt, UnreadableImage):
        app.add_exception_handler(kind, named)
    app.add_exception_handler(UnusableModel, unusable)
    app.add_exception_handler(StorageAway, storage_away)
    app.add_exception_handler(ExportError, not_exported)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, unhandled_route)


def _error(code: str, message: str, *, status: int | None = None, headers: dict[str, str] | None = None) -> Response:
    body = ErrorResponse.of(code, message)
    return _json(body.model_dump(), status=status or STATUS_OF_CODE.get(code, 422), headers=headers)


def _json(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(content, status, headers=headers, media_type="application/json")


app = create_app()
