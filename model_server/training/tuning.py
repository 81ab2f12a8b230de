"""Which weights of a network learn. All but `full` leave what makes embeddings untouched, so they stay valid."""

from torch import Tensor, nn
from torch.nn.utils import parametrize

from model_server.training.configuration import Tune, UnusableConfiguration
from model_server.training.network import TrainableNetwork

# What an embedding is made of, beside the encoder: see ENCODER_PREFIXES of networks/sam2.py.
EMBEDDING_PARTS = ("vision_encoder.", "no_memory_embedding", "mask_decoder.conv_s0.", "mask_decoder.conv_s1.")
# What turns tokens into masks and scores (output-token tuning; HQ-SAM, arXiv 2306.01567, compares it in table 4).
HEAD_PARTS = (
    "mask_decoder.iou_token",
    "mask_decoder.mask_tokens",
    "mask_decoder.output_hypernetworks_mlps.",
    "mask_decoder.iou_prediction_head.",
)


def choose_weights(network: TrainableNetwork, tune: Tune, *, lora_rank: int) -> None:
    """Freeze all that `tune` does not teach. Raises UnusableConfiguration."""
    model = network.model
    for name, parameter in model.named_parameters():
        is_embedding = name.startswith(EMBEDDING_PARTS)
        learns = {
            "full": True,
            "decoder": not is_embedding,
            "head": name.startswith(HEAD_PARTS),
            "lora": False,
        }[tune]
        parameter.requires_grad_(learns)
    if tune == "lora":
        _add_low_rank(model.mask_decoder, lora_rank)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UnusableConfiguration("nothing_to_train", f"--tune {tune} leaves nothing of this network to learn.")


class LowRank(nn.Module):
    """W + B A (LoRA, arXiv 2106.09685): starts as W, since B starts at zero; alpha equals the rank."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(weight.new_empty(rank, weight.shape[1]))
        self.up = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weight."""
        return weight + self.up @ self.down


def _add_low_rank(decoder: nn.Module, rank: int) -> None:
    """On queries and values, as LoRA's paper and micro-sam."""
    for name, module in list(decoder.named_modules()):
        if isinstance(module, nn.Linear) and name.endswith(("q_proj", "v_proj")):
            parametrize.register_parametrization(module, "weight", LowRank(module.weight, rank))


def merge_low_rank(model: nn.Module) -> None:
    """Write low-rank changes into the weights they change, so that the model is an ordinary one again."""
    for module in model.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
