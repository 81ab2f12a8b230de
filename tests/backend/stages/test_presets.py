"""Settings of the automatic stage that others have published, by name."""

import pytest

from model_server.contract.automatic import SA_1B, SAM, SAM2, AutomaticOptions
from tests.backend.stages.conftest import Stages

PUBLISHED = {"own": AutomaticOptions(), "sam": SAM, "sam2": SAM2, "sa_1b": SA_1B}


def test_the_stages_come_with_the_presets_of_the_automatic_one(stages: Stages) -> None:
    presets = stages.client.get(f"{stages.address}/stages").json()["automatic_presets"]
    assert {one["name"]: one["options"] for one in presets} == {
        name: options.model_dump() for name, options in PUBLISHED.items()
    }
    assert stages.read("fully_automatic")["policy"]["automatic"] == presets[0]["options"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_stage_keeps_each_preset_to_the_last_digit(stages: Stages, name: str) -> None:
    presets = stages.client.get(f"{stages.address}/stages").json()["automatic_presets"]
    options = next(one["options"] for one in presets if one["name"] == name)
    stages.change("fully_automatic", automatic={"points_per_side": 7, "mask_nms_thresh": 0.5, "max_masks": 3})
    assert stages.change("fully_automatic", automatic=options).status_code == 200
    assert stages.read("fully_automatic")["policy"]["automatic"] == options
