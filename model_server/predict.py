"""From prompts to masks over an engine's cached embeddings, of the whole image or of the part that is looked at."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import perf_counter

from model_server.answers import Multimask, PredictedMask, to_masks
from model_server.contract.geometry import Prompt, validate_prompts
from model_server.contract.runs import Box
from model_server.contract.view import ViewBox, closer_cell, holds
from model_server.engine import Answer, Engine, Priority, require_size
from model_server.networks.network import Embedding, Network
from model_server.replay import Look, Memo, answer_closer, replay


@dataclass(frozen=True, slots=True)
class Prediction:
    """Candidates in the model's order, and the milliseconds spent on decoding and on making masks of logits.

    `part_xyxy`: the part of the image that was encoded for itself to answer, None for the whole image.
    `is_part_pending`: a part would answer, but is not encoded yet.
    """

    masks: list[PredictedMask]
    decode_ms: float
    encode_mask_ms: float
    part_xyxy: Box | None = None
    is_part_pending: bool = False


class Predictor:
    """Prompts in, masks out, over an engine."""

    def __init__(self, engine: Engine, memo: Memo | None = None) -> None:
        self._engine = engine
        self._memo = Memo() if memo is None else memo

    def submit(
        self,
        image_sha256: str,
        size_hw: tuple[int, int],
        prompts: Sequence[Prompt],
        *,
        multimask: Multimask = "auto",
        model_version: str | None = None,
        view_xyxy: ViewBox | None = None,
    ) -> "Future[Answer]":
        """A future whose value is a Prediction.

        With `view_xyxy`, what the person sees of the image, that part is encoded for itself when nobody clicks, and
        answers as soon as it is there, if it holds all prompts; where its mask is cut off, the whole image's goes on.

        Raises InvalidPrompt, and what Engine.submit raises, at once or from the future.
        """
        validate_prompts(prompts, size_hw)

        def work(network: Network, embedding: Embedding) -> Prediction:
            require_size(embedding, size_hw)
            started = perf_counter()
            look = Look(image_sha256, network, prompts, multimask)
            cell, closer = self._look_closer(look, size_hw, view_xyxy)
            if cell is None or closer is None:
                decoded = replay(self._memo, look, embedding)
                decoded_at = perf_counter()
                masks = to_masks(decoded, network.frame(size_hw))
                milliseconds = ((decoded_at - started) * 1e3, (perf_counter() - decoded_at) * 1e3)
                return Prediction(masks, *milliseconds, is_part_pending=cell is not None)
            masks = answer_closer(self._memo, look, cell=cell, closer=closer, whole=embedding)
            return Prediction(masks, (perf_counter() - started) * 1e3, 0.0, cell)

        return self._engine.submit(image_sha256, model_version, work, priority=Priority.CLICK)

    def _look_closer(
        self, look: Look, size_hw: tuple[int, int], view_xyxy: ViewBox | None
    ) -> tuple[Box | None, Embedding | None]:
        if view_xyxy is None:
            return None, None
        cell = closer_cell(view_xyxy, size_hw, input_size=look.network.facts.image_size)
        if cell is None or not holds(cell, look.prompts):
            return None, None
        return cell, self._engine.look_closer(look.image_sha256, look.network, cell)
