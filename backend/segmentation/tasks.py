"""The job that makes embeddings ahead of need."""

from sqlalchemy import select

from backend.errors import NotFound
from backend.images.tables import Image
from backend.jobs.resources import Resources
from backend.jobs.runner import JobRun, job_handler
from backend.models.service import default_version, record_versions
from backend.projects.tables import Project


@job_handler("embed")
def embed(run: JobRun) -> None:
    """Asks the model server for each image's embedding; `args`: image_ids."""
    image_ids: list[int] = run.args["image_ids"]
    with run.resources.database.read() as session:
        statement = select(Image.id, Image.sha256, Project.model_version).join(Project, Project.id == Image.project_id)
        known_default = default_version(session)
        rows = {row.id: row for row in session.execute(statement.where(Image.id.in_(image_ids)))}
    for number, image_id in enumerate(image_ids):
        run.progress("embedding", number, len(image_ids))
        row = rows.get(image_id)
        if row is None:
            continue  # removed meanwhile
        try:
            answer = run.resources.model.embed(
                image_sha256=row.sha256, model_version=row.model_version, priority="lookahead"
            )
        except NotFound:
            continue  # its bytes are gone; a click on it says so
        if row.model_version is None and answer["model_version"] != known_default:
            known_default = answer["model_version"]
            _note_default(run.resources)
    run.progress("embedding", len(image_ids), len(image_ids))


def _note_default(resources: Resources) -> None:
    """Finished images count for the version that was live: it must be known before the first of them is finished."""
    described = resources.model.models()["models"]
    with resources.database.write() as session:
        record_versions(session, described)
