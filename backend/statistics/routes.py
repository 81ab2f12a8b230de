"""A project's figures over HTTP."""

from fastapi import APIRouter

from backend.database import ReadSession, RowId
from backend.statistics import service
from backend.statistics.proposals import read_proposals
from backend.statistics.schemas import Flywheel, Overview, People, ProposalFigures

router = APIRouter(prefix="/projects/{project_id}/statistics", tags=["statistics"])


@router.get("/overview")
def read_overview(project_id: RowId, session: ReadSession) -> Overview:
    """Images by state and masks by outcome of every stage, with what a mask costs there."""
    return service.read_overview(session, project_id)


@router.get("/flywheel")
def read_flywheel(project_id: RowId, session: ReadSession) -> Flywheel:
    """One round for each model version, in order of promotion: effort, outcomes, quality on the frozen masks."""
    return service.read_flywheel(session, project_id)


@router.get("/people")
def read_people(project_id: RowId, session: ReadSession) -> People:
    """What each person did, by name."""
    return service.read_people(session, project_id)


@router.get("/proposals")
def read_proposal_figures(project_id: RowId, session: ReadSession) -> ProposalFigures:
    """What proposals of the detector in use saved people, and what other least scores would have saved."""
    return read_proposals(session, project_id)
