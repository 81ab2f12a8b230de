"""Stages, admissions and the audit over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession, get_database
from backend.stages import admission, audit, policies, progress
from backend.stages.revert import revert
from backend.stages.schemas import (
    AdmissionList,
    AdmitIn,
    AdmitOut,
    AuditOut,
    PolicyPatch,
    RevertIn,
    RevertOut,
    StageList,
    StageOut,
)

router = APIRouter(prefix="/projects/{project_id}", tags=["stages"])


@router.get("/stages")
def list_stages(project_id: RowId, session: ReadSession) -> StageList:
    """The three stages in order: policy, images by state, whether its images may go on, how fast it goes."""
    return progress.describe_stages(session, project_id)


@router.patch("/stages/{stage}")
def change_stage(
    project_id: RowId, stage: str, body: PolicyPatch, user: CurrentUser, session: WriteSession
) -> StageOut:
    """Changes a stage's policy. 409 `policy_changed` when somebody else did meanwhile."""
    name = policies.as_stage(stage)
    policies.change_policy(session, project_id, name, body.policy, revision=body.revision, author_id=user.user_id)
    return progress.describe_stage(session, project_id, name)


@router.post("/stages/{stage}/admit")
def admit(project_id: RowId, stage: str, body: AdmitIn, user: CurrentUser, request: Request) -> AdmitOut:
    """Moves images from the earlier stages into this one; with `dry_run` it only says which they would be."""
    name = policies.as_stage(stage)
    database = get_database(request)
    # A dry run may look at a million rows: it must not hold the right to write meanwhile.
    with database.read() if body.dry_run else database.write() as session:
        return admission.admit(
            session,
            project_id,
            name,
            body.rule,
            reason=body.reason,
            author_id=user.user_id,
            is_dry_run=body.dry_run,
        )


@router.get("/admissions")
def list_admissions(project_id: RowId, session: ReadSession) -> AdmissionList:
    """The newest admissions, newest first."""
    return AdmissionList(items=admission.list_admissions(session, project_id))


@router.post("/admissions/{admission_id}/revert")
def revert_admission(
    project_id: RowId, admission_id: RowId, body: RevertIn, user: CurrentUser, session: WriteSession
) -> RevertOut:
    """Takes an admission back for all its images that no person has worked on, a model's masks on them included."""
    return revert(session, project_id, admission_id, reason=body.reason, author_id=user.user_id)


@router.get("/statistics/audit")
def read_audit(
    project_id: RowId, session: ReadSession, model_version: Annotated[str | None, Query(max_length=120)] = None
) -> AuditOut:
    """What people made of the automatic masks of a version; without one, of the version that is judged."""
    return audit.read_audit(session, project_id, model_version)
