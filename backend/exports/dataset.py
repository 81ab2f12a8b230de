"""What is exported: one project as it stood at one moment, read piece by piece."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.orm import Session

from backend.annotations.tables import Annotation
from backend.database import Database
from backend.images.tables import Image
from backend.projects.service import get_project
from backend.projects.tables import Category
from backend.stages.tables import WorkItem

IMAGES_AT_ONCE = 100
MASKS_AT_ONCE = 100

IMAGE_COLUMNS = (
    Image.id,
    Image.sha256,
    Image.file_name,
    Image.width,
    Image.height,
    Image.format,
    Image.byte_size,
    Image.is_plain,
)
MASK_COLUMNS = tuple(
    column for column in Annotation.__table__.c if column.name not in ("idempotency_key", "request_sha256", "state")
)
ImageRow = Row[Any]
MaskRow = Row[Any]


@dataclass(frozen=True)
class Dataset:
    """A project's images and accepted masks in one reading transaction."""

    session: Session
    project_id: int
    project_name: str
    categories: list[Category]
    image_count: int
    mask_count: int
    uncategorised_count: int

    def images(self) -> Iterator[tuple[ImageRow, dict[str, str]]]:
        """Every image by id, with the state of its work in each stage, whether it carries masks or not."""
        for chunk in self._image_chunks():
            statement = select(WorkItem.image_id, WorkItem.stage, WorkItem.state).order_by(WorkItem.id)
            work: dict[int, dict[str, str]] = {image.id: {} for image in chunk}
            for item in self.session.execute(statement.where(WorkItem.image_id.in_(list(work)))):
                work[item.image_id][item.stage] = item.state
            for image in chunk:
                yield image, work[image.id]

    def images_with_masks(self) -> Iterator[tuple[ImageRow, Iterator[MaskRow]]]:
        """Every image by id with its accepted masks by id; use up an image's masks before asking for the next."""
        for chunk in self._image_chunks():
            groups = groupby(self._masks([image.id for image in chunk]), key=lambda mask: mask.image_id)
            group = next(groups, None)
            for image in chunk:
                if group is None or group[0] != image.id:
                    yield image, iter(())
                else:
                    yield image, group[1]
                    group = next(groups, None)

    def _image_chunks(self) -> Iterator[Sequence[ImageRow]]:
        last_id = 0
        while True:
            statement = select(*IMAGE_COLUMNS).where(Image.project_id == self.project_id, Image.id > last_id)
            chunk: Sequence[Any] = self.session.execute(statement.order_by(Image.id).limit(IMAGES_AT_ONCE)).all()
            if not chunk:
                return
            yield chunk
            last_id = chunk[-1].id

    def _masks(self, image_ids: list[int]) -> Iterator[MaskRow]:
        statement = select(*MASK_COLUMNS).where(Annotation.image_id.in_(image_ids), Annotation.state == "accepted")
        ordered = statement.order_by(Annotation.image_id, Annotation.id)
        yield from self.session.execute(ordered, execution_options={"yield_per": MASKS_AT_ONCE})


@contextmanager
def open_dataset(database: Database, project_id: int) -> Iterator[Dataset]:
    """The project as it is now, for as long as the block lasts. Raises NotFound when it was deleted.

    One reading transaction (REPEATABLE READ; SQLite's are so by nature) and not a highest id or time: masks that are
    changed or deleted while the export runs keep their row, so only the database still knows how they stood. Nobody
    waits for it, on either database. It covers the labels alone; pictures never change and are copied afterwards.
    """
    with database.read() as session:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            # Limits made for requests; here a slow disk may take its time between two reads.
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10min'"))
            session.execute(text("SET LOCAL statement_timeout = '10min'"))
        project = get_project(session, project_id)
        yield _count(session, project_id, project.name)


def _count(session: Session, project_id: int, project_name: str) -> Dataset:
    def count(statement: Select[Any]) -> int:
        return session.scalar(statement) or 0

    images = select(func.count()).select_from(Image).where(Image.project_id == project_id)
    accepted = (Annotation.project_id == project_id, Annotation.state == "accepted")
    masks = select(func.count()).select_from(Annotation).where(*accepted)
    categories = select(Category).where(Category.project_id == project_id).order_by(Category.id)
    return Dataset(
        session,
        project_id,
        project_name,
        categories=list(session.scalars(categories)),
        image_count=count(images),
        mask_count=count(masks),
        uncategorised_count=count(masks.where(Annotation.category_id.is_(None))),
    )
