"""HTTP of detectors and proposals; included by app.py."""

import time

from fastapi import APIRouter, Request

from model_server.contract.detection import (
    DetectorFacts,
    DetectorsResponse,
    Proposal,
    ProposeRequest,
    ProposeResponse,
    ProposeTimings,
)
from model_server.detect import Detectors, Proposer
from model_server.waiting import wait

router = APIRouter()

PROPOSE_SECONDS = 540  # a hundred boxes take minutes with a large model on a processor

DETECTOR_STATUS = {
    "unknown_detector_version": 404,
    "no_detector": 409,
    "detector_of_other_encoder": 409,
    "detector_unusable": 409,
}


@router.get("/detectors")
def detectors(request: Request) -> DetectorsResponse:
    """The detectors that can be asked for. Plain `def`: new folders are hashed here."""
    known: Detectors = request.app.state.detectors
    return DetectorsResponse(
        detectors=[
            DetectorFacts(
                detector_version=facts.detector_version,
                name=facts.name,
                encoder_fingerprint=facts.encoder_fingerprint,
                kind=facts.kind,
            )
            for facts in known.all()
        ]
    )


@router.post("/propose")
async def propose(body: ProposeRequest, request: Request) -> ProposeResponse:
    """Masks for a person to accept or reject: ahead of need, so at bulk priority."""
    started = time.perf_counter()
    proposer: Proposer = request.app.state.proposer
    made = await wait(
        proposer.propose(
            body.image_sha256,
            body.size_hw,
            body.options,
            model_version=body.model_version,
            detector_version=body.detector_version,
        ),
        request,
        seconds=PROPOSE_SECONDS,
    )
    return ProposeResponse(
        model_version=made.model_version,
        detector_version=made.detector_version,
        proposals=[
            Proposal(
                rle=one.mask.rle,
                bbox_xywh=(one.mask.bbox_xywh[0], one.mask.bbox_xywh[1], one.mask.bbox_xywh[2], one.mask.bbox_xywh[3]),
                area=one.mask.area,
                predicted_iou=one.mask.predicted_iou,
                stability_score=one.mask.stability_score,
                box_xyxy=one.box_xyxy,
                score=one.score,
            )
            for one in made.proposed
        ],
        timings_ms=ProposeTimings(
            total=(time.perf_counter() - started) * 1e3,
            encode=made.encode_ms,
            detect=made.detect_ms,
            masks=made.masks_ms,
        ),
    )
