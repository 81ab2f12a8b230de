"""Proposals of the semi-automatic stage: detectors, and the masks that the live model makes of their boxes."""

from model_server.detect.detectors import Detector, Detectors, KnownDetector
from model_server.detect.proposals import Proposals, Proposer

__all__ = ["Detector", "Detectors", "KnownDetector", "Proposals", "Proposer"]
