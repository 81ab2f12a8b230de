"""A convolutional backbone with SAM 2's feature levels, for encoders that learn from few photos on modest machines.

Residual 3x3 convolutions down to stride 32, then a top-down path, so that the fine levels know their surroundings
(U-Net, arXiv 1505.04597; FPN, arXiv 1612.03144). Registered with transformers: a `Sam2VisionConfig` whose
`backbone_config.model_type` is `segloop_conv_pyramid` builds it, and nothing else of SAM 2 changes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

MODEL_TYPE = "segloop_conv_pyramid"


class ConvPyramidConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """`widths` are the channels at strides 4, 8, 16 and 32, `blocks` how many residual blocks each has."""

    model_type = MODEL_TYPE

    def __init__(
        self,
        stem_width: int = 32,
        widths: tuple[int, ...] = (64, 128, 256, 320),
        blocks: tuple[int, ...] = (2, 2, 2, 2),
        **rest: Any,
    ) -> None:
        self.stem_width, self.widths, self.blocks = stem_width, list(widths), list(blocks)
        super().__init__(**rest)


@dataclass
class ConvPyramidOutput(ModelOutput):
    """What Sam2VisionModel asks of a backbone: levels finest first, channels last (batch, height, width, channels)."""

    last_hidden_state: Tensor | None = None
    intermediate_hidden_states: tuple[Tensor, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class ConvPyramid(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Pixels (batch, 3, height, width), sides divisible by 32, to levels of strides 4, 8, 16 and 32."""

    config_class = ConvPyramidConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ConvPyramidConfig) -> None:
        super().__init__(config)
        widths = config.widths
        self.stem = _conv(3, config.stem_width, stride=2)
        before = [config.stem_width, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(_conv(inner, width, stride=2), *(_Residual(width) for _ in range(count)))
            for inner, width, count in zip(before, widths, config.blocks, strict=True)
        )
        self.across = nn.ModuleList(nn.Conv2d(widths[i + 1], widths[i], 1) for i in range(len(widths) - 1))
        self.mix = nn.ModuleList(_conv(widths[i], widths[i]) for i in range(len(widths) - 1))
        self.post_init()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Called for weights that a checkpoint lacks; norms keep what their constructor gave or a checkpoint held."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, pixel_values: Tensor, **_: Any) -> ConvPyramidOutput:
        """Levels finest first; `last_hidden_state` is the coarsest."""
        x = self.stem(pixel_values.contiguous(memory_format=torch.channels_last))
        levels: list[Tensor] = []
        for stage in self.down:
            x = stage(x)
            levels.append(x)
        for i in range(len(levels) - 2, -1, -1):
            above = functional.interpolate(self.across[i](levels[i + 1]), scale_factor=2.0, mode="nearest")
            levels[i] = self.mix[i](levels[i] + above)
        last = [level.permute(0, 2, 3, 1) for level in levels]
        return ConvPyramidOutput(last_hidden_state=last[-1], intermediate_hidden_states=tuple(last))


class _Residual(nn.Module):
    """Two 3x3 convolutions beside the identity (arXiv 1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = functional.relu(x + self.norm(self.second(self.first(x))))
        return result


def _conv(inner: int, outer: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
    )


AutoConfig.register(MODEL_TYPE, ConvPyramidConfig)
AutoModel.register(ConvPyramidConfig, ConvPyramid)
