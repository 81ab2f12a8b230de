"""HTTP of fully automatic masks; included by app.py."""

import time

from fastapi import APIRouter, Request

from model_server.automatic import Generated, Generator
from model_server.contract.automatic import (
    AutomaticMask,
    AutomaticRequest,
    AutomaticResponse,
    AutomaticTimings,
)
from model_server.waiting import wait

AUTOMATIC_SECONDS = 1800  # a CPU needs minutes for thousands of points on a large network

router = APIRouter()


@router.post("/automatic")
async def automatic(body: AutomaticRequest, request: Request) -> AutomaticResponse:
    """Masks of everything in an image, at bulk priority; stops when the client leaves."""
    started = time.perf_counter()
    generator: Generator = request.app.state.generator
    run = generator.generate(body.image_sha256, body.size_hw, body.options, model_version=body.model_version)
    made = await wait(run, request, seconds=AUTOMATIC_SECONDS)
    return _response(made, total_ms=(time.perf_counter() - started) * 1e3)


def _response(made: Generated, *, total_ms: float) -> AutomaticResponse:
    return AutomaticResponse(
        model_version=made.model_version,
        model_thresholds=made.model_thresholds,
        masks=[
            AutomaticMask(
                rle=one.rle,
                bbox_xywh=one.bbox_xywh,
                area=one.candidate.area,
                predicted_iou=one.candidate.predicted_iou,
                stability_score=one.candidate.stability_score,
                point_xy=one.candidate.point_xy,
                crop_box_xywh=one.candidate.crop.box_xywh,
            )
            for one in made.selected
        ],
        counts=made.counts,
        timings_ms=AutomaticTimings(
            total=total_ms,
            encode=made.timings.encode,
            decode=made.timings.decode,
            masks=made.timings.masks,
            cleanup=made.timings.cleanup,
        ),
    )
