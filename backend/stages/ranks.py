"""The order of a queue as one number: the item with the smallest rank is lent first."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func

from backend.stages.schemas import QueueOrder
from backend.stages.tables import WorkItem

# 2^31 - 1, a prime. Squares of numbers below it fit into 64 bits.
MODULUS = 2_147_483_647
# Knuth's multiplicative constant, the golden ratio of 2^32: neighbouring ids land far apart.
MULTIPLIER = 2_654_435_761
WITHOUT_PROPOSALS = 1.0
# Of an image amid which the model server ended once: behind all others.
SUSPECT = float(2**53)


def rank_of(order: QueueOrder, image_id: int, *, uncertainty: float | None = None) -> float:
    """The rank of one item; `uncertainty`: 1 - mean predicted IoU of its proposals."""
    if order == "oldest":
        return image_id
    if order == "newest":
        return -image_id
    if order == "random":
        return float(shuffled(image_id))
    return WITHOUT_PROPOSALS if uncertainty is None else -uncertainty


def rank_column(order: QueueOrder) -> ColumnElement[Any]:
    """The same for a statement over many work items."""
    image_id = cast(WorkItem.image_id, BigInteger)
    if order == "oldest":
        return image_id
    if order == "newest":
        return -image_id
    if order == "random":
        shuffled_id: ColumnElement[Any] = shuffled(image_id)
        return shuffled_id
    return func.coalesce(-WorkItem.uncertainty, WITHOUT_PROPOSALS)


def shuffled(image_id: Any) -> Any:
    """A number below 2^31 that looks random but is always the same for an image; of an int, or of a 64-bit column.

    The same arithmetic in Python and in both databases, so that a draw can be repeated.
    """
    scrambled = image_id * MULTIPLIER % MODULUS
    return scrambled * scrambled % MODULUS
