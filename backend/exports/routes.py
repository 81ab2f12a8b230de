"""Exports over HTTP. (Being written.)"""

from fastapi import APIRouter

router = APIRouter(tags=["exports"])
