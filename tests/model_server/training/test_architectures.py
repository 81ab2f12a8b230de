"""Networks from random weights: what has to hold before the first step for clicks to mean something."""

import pytest
import torch

from model_server.training.architectures import new_network
from model_server.training.configuration import UnusableConfiguration


def test_prompts_and_image_share_the_frequencies_of_positions() -> None:
    """transformers draws them twice; a decoder then has to learn a map between two random bases, and barely does."""
    model = new_network("nano", input_size=64, seed=0).model
    frequencies = model.prompt_encoder.shared_embedding.positional_embedding
    assert torch.equal(frequencies, model.shared_image_embedding.positional_embedding)


def test_a_click_attends_to_its_own_place_before_anything_is_learnt() -> None:
    """Scores between a point and the image's positions, as the first cross-attention makes them."""
    model = new_network("nano", input_size=256, seed=0).model.eval()
    at = torch.tensor([[[[200.0, 56.0]]]])  # cell (3, 12) of 16 x 16
    with torch.no_grad():
        point = model.prompt_encoder.shared_embedding(at + 0.5, (256, 256))[0, 0]
        places = model.get_image_wide_positional_embeddings()[0].flatten(1).T
        attention = model.mask_decoder.transformer.layers[0].cross_attn_token_to_image
        heads, width = attention.num_attention_heads, attention.head_dim
        queries = attention.q_proj(point).view(heads, 1, width)
        keys = attention.k_proj(places).view(-1, heads, width).transpose(0, 1)
        scores = (queries @ keys.transpose(1, 2) * attention.scaling).mean((0, 1)).view(16, 16)
    row, column = divmod(int(scores.argmax()), 16)
    assert (row, column) == (3, 12)
    assert scores[3, 12] > scores.flatten().median() + 3


def test_the_same_seed_is_the_same_network_and_another_is_not() -> None:
    one, same, other = (new_network("nano", input_size=64, seed=seed).model.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["mask_decoder.mask_tokens.weight"], other["mask_decoder.mask_tokens.weight"])


@pytest.mark.parametrize(("name", "size"), [("colossus", 256), ("nano", 100), ("nano", 32)])
def test_unknown_names_and_sizes_are_refused(name: str, size: int) -> None:
    with pytest.raises(UnusableConfiguration):
        new_network(name, input_size=size, seed=0)
