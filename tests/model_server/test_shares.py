"""Attention's shares: softmax in float32, but nothing that processors multiply slowly."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model_server.networks.two_way import shares

SCORES = arrays(np.float32, (3, 7), elements=st.floats(-1e4, 1e4, width=32))


@given(SCORES, st.sampled_from([0, 1]))
def test_shares_are_a_softmax_without_tiny_numbers(scores: np.ndarray, dim: int) -> None:
    given_scores = torch.from_numpy(scores)
    made = shares(given_scores, dim)
    torch.testing.assert_close(made, given_scores.softmax(dim), rtol=1e-6, atol=1e-25)
    assert float(made.min()) > 1e-28
