"""Projects, members and categories over HTTP."""

from typing import cast

from fastapi import APIRouter, status

from backend.auth.authorize import CurrentUser
from backend.auth.permissions import Role
from backend.auth.tables import Membership
from backend.database import ReadSession, RowId, WriteSession
from backend.errors import Forbidden
from backend.projects import service
from backend.projects.schemas import (
    CategoryIn,
    CategoryList,
    CategoryOut,
    MemberIn,
    MemberList,
    MemberOut,
    ProjectIn,
    ProjectList,
    ProjectOut,
    ProjectPatch,
)

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("")
def list_projects(user: CurrentUser, session: ReadSession, deleted: bool = False) -> ProjectList:
    """The projects you work in, newest first. `deleted`: those that can be restored, for administrators."""
    if deleted and not user.is_admin:
        raise Forbidden("admins_only", "Only administrators see deleted projects.")
    items = service.list_projects(session, user_id=user.user_id, is_admin=user.is_admin, deleted=deleted)
    return ProjectList(items=items, total=len(items))


@router.post("", status_code=status.HTTP_201_CREATED)
def create_project(body: ProjectIn, user: CurrentUser, session: WriteSession) -> ProjectOut:
    """Makes a project."""
    project = service.create_project(session, name=body.name, description=body.description, created_by=user.user_id)
    return service.read_project(session, project.id, "admin")


@router.get("/{project_id}")
def read_project(project_id: RowId, user: CurrentUser, session: ReadSession) -> ProjectOut:
    """One project with its counts."""
    return service.read_project(session, project_id, _role(user.project_role))


@router.patch("/{project_id}")
def change_project(project_id: RowId, body: ProjectPatch, user: CurrentUser, session: WriteSession) -> ProjectOut:
    """Changes name, description or guidelines."""
    project = service.get_project(session, project_id)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(project, name, value)
    session.flush()
    return service.read_project(session, project_id, _role(user.project_role))


@router.delete("/{project_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_project(project_id: RowId, user: CurrentUser, session: WriteSession) -> None:
    """Hides the project and stops its training; from now on its routes answer 410. The data stays."""
    service.delete_project(session, project_id, actor_id=user.user_id)


@router.post("/{project_id}/restore")
def restore_project(project_id: RowId, user: CurrentUser, session: WriteSession) -> ProjectOut:
    """Brings a deleted project back as it was; one that is not deleted stays as it is."""
    service.restore_project(session, project_id, actor_id=user.user_id)
    return service.read_project(session, project_id, "admin")


@router.get("/{project_id}/members")
def list_members(project_id: RowId, session: ReadSession) -> MemberList:
    """Who works in the project."""
    return MemberList(items=[_member_out(member) for member in service.list_members(session, project_id)])


@router.post("/{project_id}/members", status_code=status.HTTP_201_CREATED)
def set_member(project_id: RowId, body: MemberIn, session: WriteSession) -> MemberOut:
    """Adds a person, or changes their role."""
    return _member_out(service.set_member(session, project_id, email=body.email, role=body.role))


@router.delete("/{project_id}/members/{user_id}", status_code=status.HTTP_204_NO_CONTENT)
def remove_member(project_id: RowId, user_id: RowId, session: WriteSession) -> None:
    """Takes a person out; their masks stay."""
    service.remove_member(session, project_id, user_id)


@router.get("/{project_id}/categories")
def list_categories(project_id: RowId, session: ReadSession) -> CategoryList:
    """The project's categories."""
    rows = service.list_categories(session, project_id)
    return CategoryList(items=[CategoryOut.model_validate(row) for row in rows])


@router.post("/{project_id}/categories", status_code=status.HTTP_201_CREATED)
def add_category(project_id: RowId, body: CategoryIn, session: WriteSession) -> CategoryOut:
    """Adds a category."""
    return CategoryOut.model_validate(service.add_category(session, project_id, body.name))


@router.patch("/{project_id}/categories/{category_id}")
def rename_category(project_id: RowId, category_id: RowId, body: CategoryIn, session: WriteSession) -> CategoryOut:
    """Renames a category."""
    return CategoryOut.model_validate(service.rename_category(session, project_id, category_id, body.name))


@router.delete("/{project_id}/categories/{category_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_category(project_id: RowId, category_id: RowId, session: WriteSession) -> None:
    """Removes a category that no mask carries."""
    service.delete_category(session, project_id, category_id)


def _role(project_role: str | None) -> Role:
    return cast(Role, project_role)


def _member_out(member: Membership) -> MemberOut:
    user = member.user
    return MemberOut(user_id=user.id, email=user.email, name=user.name, role=cast(Role, member.role))
