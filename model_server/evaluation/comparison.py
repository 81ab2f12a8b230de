"""Two methods on the same masks: paired differences, their intervals, and what they allow to be said."""

from typing import Any

from model_server.evaluation.intervals import Estimate
from model_server.evaluation.scoring import Scored
from model_server.evaluation.summary import Measured, estimate_columns, mean_over_datasets, nested

HEADLINES = {  # measures with a sentence: how it begins
    "center_1": "With one click",
    "center_1_best": "With one click, best of three",
    "center_9": "With nine clicks",
    "center_noc_90": "In clicks to IoU 0.90",
    "random_1": "With one random click",
    "box": "With a box",
}
MEAN_NAME = "mean over datasets"


def difference(first: Measured, second: Measured, scored: Scored, *, seed: int) -> Measured:
    """First minus second, mask by mask, for every measure both have."""
    shared = {key: values - second.columns[key] for key, values in first.columns.items() if key in second.columns}
    return estimate_columns(shared, scored, seed=seed)


def compare(first: str, second: str, differences: dict[str, Measured]) -> list[dict[str, Any]]:
    """One row per dataset, and their unweighted mean where there are several; each with a verdict in plain words."""
    found = {name: measured.estimates for name, measured in differences.items()}
    if len(differences) > 1:
        found[MEAN_NAME] = mean_over_datasets(list(differences.values()))
    return [
        {
            "first": first,
            "second": second,
            "dataset": name,
            "differences": nested(estimates),
            "verdict": f"{name}: "
            + " ".join(
                sentence(begin, estimates[measure, "all"], first, second, is_lower_better="noc" in measure)
                for measure, begin in HEADLINES.items()
                if (measure, "all") in estimates
            ),
        }
        for name, estimates in found.items()
    ]


def sentence(begin: str, estimate: Estimate | None, first: str, second: str, *, is_lower_better: bool) -> str:
    """What a paired difference allows to be said."""
    if estimate is None:
        return f"{begin}, nothing can be compared."
    size = f"{begin}, {first} is {abs(estimate.mean):.3f} {'above' if estimate.mean >= 0 else 'below'} {second}"
    if estimate.low is None or estimate.high is None:
        return f"{size}; one image alone gives no interval."
    interval = f"(95 % interval {estimate.low:+.3f} to {estimate.high:+.3f})"
    if estimate.low <= 0 <= estimate.high:
        return f"{size} {interval}: no difference is shown."
    return f"{size} {interval}: {'better' if (estimate.mean > 0) != is_lower_better else 'worse'}."
