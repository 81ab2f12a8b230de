"""Projects, members and categories: plain functions over a session."""

from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from backend.auth.permissions import Role
from backend.auth.service import get_user_by_email
from backend.auth.tables import Membership
from backend.database import Base, utc_now
from backend.errors import Conflict, NotFound
from backend.events.service import record
from backend.jobs.queue import cancel_in_project
from backend.projects.schemas import ProjectOut
from backend.projects.tables import Category, Project


def create_project(session: Session, *, name: str, description: str, created_by: int | None) -> Project:
    """Makes a project; who made it becomes its admin."""
    project = Project(name=name, description=description, created_by=created_by)
    session.add(project)
    session.flush()
    if created_by is not None:
        session.add(Membership(project_id=project.id, user_id=created_by, role="admin"))
        session.flush()
    return project


def get_project(session: Session, project_id: int) -> Project:
    """The project, unless deleted. Raises NotFound."""
    project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise NotFound("project_not_found", f"There is no project {project_id}.")
    return project


def find_project(session: Session, name_or_id: str) -> Project | None:
    """A living project by its id or its exact name; the newest when several have that name."""
    statement = select(Project).where(Project.deleted_at.is_(None)).order_by(Project.id.desc())
    if name_or_id.isdigit():
        found = session.scalar(statement.where(Project.id == int(name_or_id)).limit(1))
        if found is not None:
            return found
    return session.scalar(statement.where(Project.name == name_or_id).limit(1))


def list_projects(session: Session, *, user_id: int, is_admin: bool, deleted: bool = False) -> list[ProjectOut]:
    """The projects this person works in, newest first; all of them for an administrator. `deleted`: only such."""
    is_wanted = Project.deleted_at.is_not(None) if deleted else Project.deleted_at.is_(None)
    statement = _counted().where(is_wanted).order_by(Project.id.desc())
    mine = select(Membership.project_id, Membership.role).where(Membership.user_id == user_id)
    roles = {row.project_id: row.role for row in session.execute(mine)}
    if not is_admin:
        statement = statement.where(Project.id.in_(list(roles)))
    rows = session.execute(statement).all()
    return [_project_out(row, "admin" if is_admin else roles[row[0].id]) for row in rows]


def read_project(session: Session, project_id: int, role: Role) -> ProjectOut:
    """One project with its counts. Raises NotFound."""
    row = session.execute(_counted().where(Project.id == project_id)).first()
    if row is None:
        raise NotFound("project_not_found", f"There is no project {project_id}.")
    return _project_out(row, role)


def delete_project(session: Session, project_id: int, *, actor_id: int) -> None:
    """Hides a project and everything in it and stops its training; the data stays. Raises NotFound."""
    project = get_project(session, project_id)
    cancel_in_project(session, project_id, kind="train")  # jobs first, as a run that ends locks them
    project.deleted_at = utc_now()
    record(session, project_id, "project.deleted", {}, actor_id=actor_id, is_audit=True)


def restore_project(session: Session, project_id: int, *, actor_id: int) -> None:
    """Brings a deleted project back as it was; one that is not deleted stays. Raises NotFound."""
    project = session.get(Project, project_id)
    if project is None:
        raise NotFound("project_not_found", f"There is no project {project_id}.")
    if project.deleted_at is not None:
        project.deleted_at = None
        record(session, project_id, "project.restored", {}, actor_id=actor_id, is_audit=True)
        session.flush()


def _counted() -> Select[Any]:
    # Work items and annotations belong to features above this one, which keep count of them: nothing is counted here.
    tables = Base.metadata.tables
    work_counts, mask_counts = tables["work_counts"], tables["mask_counts"]

    def total(table: Any, condition: Any) -> Any:
        summed = select(func.coalesce(func.sum(table.c.count), 0)).where(table.c.project_id == Project.id, condition)
        return summed.correlate(Project).scalar_subquery()

    return select(
        Project,
        # Of the items of an image all but one are moved.
        total(work_counts, work_counts.c.state.not_in(("moved", "moved_done"))),
        total(work_counts, work_counts.c.state == "done"),
        total(mask_counts, mask_counts.c.outcome.not_in(("proposed", "rejected"))),
    )


def _project_out(row: Any, role: Role) -> ProjectOut:
    project, image_count, done_count, annotation_count = row
    return ProjectOut(
        id=project.id,
        name=project.name,
        description=project.description,
        guidelines=project.guidelines,
        role=role,
        image_count=image_count,
        done_count=done_count,
        annotation_count=annotation_count,
        model_version=project.model_version,
        created_at=project.created_at,
        deleted_at=project.deleted_at,
    )


def list_members(session: Session, project_id: int) -> list[Membership]:
    """Everybody in the project, in order of joining."""
    return list(session.scalars(select(Membership).where(Membership.project_id == project_id).order_by(Membership.id)))


def set_member(session: Session, project_id: int, *, email: str, role: Role) -> Membership:
    """Adds a person to the project, or changes their role in it. Raises NotFound."""
    user = get_user_by_email(session, email)
    member = session.scalar(
        select(Membership).where(Membership.project_id == project_id, Membership.user_id == user.id)
    )
    if member is None:
        member = Membership(project_id=project_id, user_id=user.id, role=role, user=user)
        session.add(member)
    member.role = role
    session.flush()
    return member


def remove_member(session: Session, project_id: int, user_id: int) -> None:
    """Takes a person out of the project; their masks stay. Raises NotFound."""
    member = session.scalar(
        select(Membership).where(Membership.project_id == project_id, Membership.user_id == user_id)
    )
    if member is None:
        raise NotFound("member_not_found", f"User {user_id} is not a member of this project.")
    session.delete(member)


def list_categories(session: Session, project_id: int) -> list[Category]:
    """The project's categories by position."""
    statement = select(Category).where(Category.project_id == project_id).order_by(Category.position, Category.id)
    return list(session.scalars(statement))


def add_category(session: Session, project_id: int, name: str) -> Category:
    """Adds a category at the end. Raises Conflict when the name is taken."""
    _refuse_taken(session, project_id, name)
    last = session.scalar(select(func.max(Category.position)).where(Category.project_id == project_id))
    category = Category(project_id=project_id, name=name, position=0 if last is None else last + 1)
    session.add(category)
    session.flush()
    return category


def get_category(session: Session, project_id: int, category_id: int) -> Category:
    """The category of this project. Raises NotFound."""
    category = session.get(Category, category_id)
    if category is None or category.project_id != project_id:
        raise NotFound("category_not_found", f"This project has no category {category_id}.")
    return category


def rename_category(session: Session, project_id: int, category_id: int, name: str) -> Category:
    """Renames a category; masks keep it. Raises NotFound, Conflict."""
    category = get_category(session, project_id, category_id)
    if name != category.name:
        _refuse_taken(session, project_id, name)
        category.name = name
    return category


def delete_category(session: Session, project_id: int, category_id: int) -> None:
    """Removes a category that no standing mask uses; deleted ones lose it. Raises NotFound, Conflict."""
    category = get_category(session, project_id, category_id)
    annotations = Base.metadata.tables["annotations"]
    carry_it = annotations.c.category_id == category_id
    stands = annotations.c.state.in_(("accepted", "proposed"))
    count = session.scalar(select(func.count()).select_from(annotations).where(carry_it, stands))
    if count:
        raise Conflict("category_in_use", f"{count} masks carry this category; give them another one first.")
    session.execute(update(annotations).where(carry_it).values(category_id=None))
    session.delete(category)


def _refuse_taken(session: Session, project_id: int, name: str) -> None:
    taken = select(Category.id).where(Category.project_id == project_id, Category.name == name)
    if session.scalar(taken) is not None:
        raise Conflict("category_exists", f"This project has a category {name!r} already.")
