"""The one permission table: who may call which route. A route that is not here answers nobody and fails the tests.

A rule says what a person must be:
- PUBLIC: nobody in particular; SIGNED_IN: any active person; ADMIN: an administrator of the installation;
- a set of project roles: a member of the project that the route's first path parameter belongs to, in one of them.
Administrators may do everything. Who is not a member is told that there is no such thing.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["admin", "annotator", "researcher"]


@dataclass(frozen=True)
class Rule:
    """One cell of the table."""

    kind: Literal["public", "signed_in", "admin", "member"]
    roles: frozenset[Role] = frozenset()


PUBLIC = Rule("public")
SIGNED_IN = Rule("signed_in")
ADMIN = Rule("admin")
MEMBER = Rule("member", frozenset(("admin", "annotator", "researcher")))
ANNOTATOR = Rule("member", frozenset(("admin", "annotator")))
RESEARCHER = Rule("member", frozenset(("admin", "researcher")))
PROJECT_ADMIN = Rule("member", frozenset(("admin",)))

# The path parameter that leads to the project, and the table it is an id of.
RESOURCES = {
    "project_id": "projects",
    "image_id": "images",
    "annotation_id": "annotations",
    "work_id": "work_items",
    "export_id": "exports",
    "job_id": "jobs",
}

PERMISSIONS: dict[str, Rule] = {
    "POST /api/auth/login": PUBLIC,
    "POST /api/auth/link": PUBLIC,
    "POST /api/auth/logout": SIGNED_IN,
    "GET /api/me": SIGNED_IN,
    "PUT /api/me/password": SIGNED_IN,
    "GET /api/tokens": SIGNED_IN,
    "POST /api/tokens": SIGNED_IN,
    "DELETE /api/tokens/{token_id}": SIGNED_IN,
    "GET /api/users": ADMIN,
    "POST /api/users": ADMIN,
    "PATCH /api/users/{user_id}": ADMIN,
    "POST /api/users/{user_id}/link": ADMIN,
    "GET /api/models": SIGNED_IN,
    "GET /api/projects": SIGNED_IN,
    "POST /api/projects": ADMIN,
    "GET /api/projects/{project_id}": MEMBER,
    "PATCH /api/projects/{project_id}": PROJECT_ADMIN,
    "DELETE /api/projects/{project_id}": PROJECT_ADMIN,
    "GET /api/projects/{project_id}/members": MEMBER,
    "POST /api/projects/{project_id}/members": PROJECT_ADMIN,
    "DELETE /api/projects/{project_id}/members/{user_id}": PROJECT_ADMIN,
    "GET /api/projects/{project_id}/categories": MEMBER,
    "POST /api/projects/{project_id}/categories": PROJECT_ADMIN,
    "PATCH /api/projects/{project_id}/categories/{category_id}": PROJECT_ADMIN,
    "DELETE /api/projects/{project_id}/categories/{category_id}": PROJECT_ADMIN,
    "GET /api/projects/{project_id}/images": MEMBER,
    "POST /api/projects/{project_id}/images": PROJECT_ADMIN,
    "GET /api/images/{image_id}": MEMBER,
    "DELETE /api/images/{image_id}": PROJECT_ADMIN,
    "GET /api/images/{image_id}/file": MEMBER,
    "GET /api/images/{image_id}/thumbnail": MEMBER,
    "GET /api/images/{image_id}/display": MEMBER,
    "POST /api/images/{image_id}/predict": ANNOTATOR,
    "GET /api/images/{image_id}/annotations": MEMBER,
    "POST /api/images/{image_id}/annotations": ANNOTATOR,
    "PUT /api/annotations/{annotation_id}": ANNOTATOR,
    "DELETE /api/annotations/{annotation_id}": ANNOTATOR,
    "POST /api/annotations/{annotation_id}/restore": ANNOTATOR,
    "GET /api/annotations/{annotation_id}/revisions": MEMBER,
    "POST /api/projects/{project_id}/work/next": ANNOTATOR,
    "POST /api/work/{work_id}/heartbeat": ANNOTATOR,
    "POST /api/work/{work_id}/finish": ANNOTATOR,
    "POST /api/work/{work_id}/skip": ANNOTATOR,
    "POST /api/work/{work_id}/release": ANNOTATOR,
    "GET /api/projects/{project_id}/exports": RESEARCHER,
    "POST /api/projects/{project_id}/exports": RESEARCHER,
    "GET /api/exports/{export_id}": RESEARCHER,
    "GET /api/exports/{export_id}/download": RESEARCHER,
    "GET /api/projects/{project_id}/jobs": MEMBER,
    "GET /api/jobs/{job_id}": MEMBER,
    "POST /api/jobs/{job_id}/cancel": PROJECT_ADMIN,
    "POST /api/jobs/{job_id}/retry": PROJECT_ADMIN,
}
