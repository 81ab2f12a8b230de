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
    """One cell of the table. `job_kinds`: the only jobs that a member who is not its admin may call this of."""

    kind: Literal["public", "signed_in", "admin", "member"]
    roles: frozenset[Role] = frozenset()
    job_kinds: frozenset[str] | None = None


PUBLIC = Rule("public")
SIGNED_IN = Rule("signed_in")
ADMIN = Rule("admin")
MEMBER = Rule("member", frozenset(("admin", "annotator", "researcher")))
ANNOTATOR = Rule("member", frozenset(("admin", "annotator")))
RESEARCHER = Rule("member", frozenset(("admin", "researcher")))
RESEARCHER_OF_THEIRS = Rule("member", RESEARCHER.roles, frozenset(("export", "snapshot")))
PROJECT_ADMIN = Rule("member", frozenset(("admin",)))

# The path parameter that leads to the project, and the table it is an id of.
RESOURCES = {
    "project_id": "projects",
    "image_id": "images",
    "annotation_id": "annotations",
    "work_id": "work_items",
    "export_id": "exports",
    "job_id": "jobs",
    "snapshot_id": "snapshots",
    "run_id": "training_runs",
}

PERMISSIONS: dict[str, Rule] = {
    "POST /auth/login": PUBLIC,
    "POST /auth/link": PUBLIC,
    "POST /auth/logout": SIGNED_IN,
    "GET /me": SIGNED_IN,
    "PUT /me/password": SIGNED_IN,
    "GET /tokens": SIGNED_IN,
    "POST /tokens": SIGNED_IN,
    "DELETE /tokens/{token_id}": SIGNED_IN,
    "GET /users": ADMIN,
    "POST /users": ADMIN,
    "PATCH /users/{user_id}": ADMIN,
    "POST /users/{user_id}/link": ADMIN,
    "GET /models": SIGNED_IN,
    "GET /models/{model_version}/decoder.onnx": SIGNED_IN,
    # The project is named in the body: the route itself asks for its administrator.
    "POST /models/{model_version}/promote": SIGNED_IN,
    "GET /projects": SIGNED_IN,
    "POST /projects": ADMIN,
    "GET /projects/{project_id}": MEMBER,
    "PATCH /projects/{project_id}": PROJECT_ADMIN,
    "DELETE /projects/{project_id}": PROJECT_ADMIN,
    "POST /projects/{project_id}/restore": ADMIN,
    "GET /projects/{project_id}/members": MEMBER,
    "POST /projects/{project_id}/members": PROJECT_ADMIN,
    "DELETE /projects/{project_id}/members/{user_id}": PROJECT_ADMIN,
    "GET /projects/{project_id}/categories": MEMBER,
    "POST /projects/{project_id}/categories": PROJECT_ADMIN,
    "PATCH /projects/{project_id}/categories/{category_id}": PROJECT_ADMIN,
    "DELETE /projects/{project_id}/categories/{category_id}": PROJECT_ADMIN,
    "GET /projects/{project_id}/images": MEMBER,
    "POST /projects/{project_id}/images": PROJECT_ADMIN,
    "GET /images/{image_id}": MEMBER,
    "DELETE /images/{image_id}": PROJECT_ADMIN,
    "GET /images/{image_id}/file": MEMBER,
    "GET /images/{image_id}/thumbnail": MEMBER,
    "GET /images/{image_id}/display": MEMBER,
    "POST /images/{image_id}/predict": ANNOTATOR,
    "GET /images/{image_id}/embedding": ANNOTATOR,
    "POST /images/{image_id}/automatic": ANNOTATOR,
    "GET /images/{image_id}/annotations": MEMBER,
    "POST /images/{image_id}/annotations": ANNOTATOR,
    "PUT /annotations/{annotation_id}": ANNOTATOR,
    "DELETE /annotations/{annotation_id}": ANNOTATOR,
    "POST /annotations/{annotation_id}/restore": ANNOTATOR,
    "GET /annotations/{annotation_id}/revisions": MEMBER,
    "POST /annotations/{annotation_id}/accept": ANNOTATOR,
    "POST /annotations/{annotation_id}/reject": ANNOTATOR,
    "POST /annotations/{annotation_id}/propose": ANNOTATOR,
    "POST /images/{image_id}/proposals/accept-all": ANNOTATOR,
    "POST /images/{image_id}/proposals/undo-accept-all": ANNOTATOR,
    "POST /images/{image_id}/proposals/reject-all": ANNOTATOR,
    "POST /images/{image_id}/proposals/undo-reject-all": ANNOTATOR,
    "GET /projects/{project_id}/stages": MEMBER,
    "PATCH /projects/{project_id}/stages/{stage}": PROJECT_ADMIN,
    "POST /projects/{project_id}/stages/{stage}/admit": PROJECT_ADMIN,
    "GET /projects/{project_id}/admissions": MEMBER,
    "POST /projects/{project_id}/admissions/{admission_id}/revert": PROJECT_ADMIN,
    "GET /projects/{project_id}/statistics/audit": MEMBER,
    "POST /projects/{project_id}/work/next": ANNOTATOR,
    "GET /projects/{project_id}/work/upcoming": ANNOTATOR,
    "POST /work/{work_id}/heartbeat": ANNOTATOR,
    "POST /work/{work_id}/finish": ANNOTATOR,
    "POST /work/{work_id}/skip": ANNOTATOR,
    "POST /work/{work_id}/release": ANNOTATOR,
    "GET /projects/{project_id}/work": PROJECT_ADMIN,
    "POST /work/{work_id}/free": PROJECT_ADMIN,
    "GET /projects/{project_id}/review": PROJECT_ADMIN,
    "POST /work/{work_id}/review": PROJECT_ADMIN,
    "GET /projects/{project_id}/exports": RESEARCHER,
    "POST /projects/{project_id}/exports": RESEARCHER,
    "GET /exports/{export_id}": RESEARCHER,
    "DELETE /exports/{export_id}": RESEARCHER,
    "GET /exports/{export_id}/download": RESEARCHER,
    "GET /projects/{project_id}/statistics/overview": MEMBER,
    "GET /projects/{project_id}/statistics/flywheel": MEMBER,
    "GET /projects/{project_id}/statistics/proposals": MEMBER,
    "GET /projects/{project_id}/statistics/people": PROJECT_ADMIN,
    "GET /projects/{project_id}/events": MEMBER,
    "GET /projects/{project_id}/audit-log": MEMBER,
    "GET /projects/{project_id}/webhooks": PROJECT_ADMIN,
    "POST /projects/{project_id}/webhooks": PROJECT_ADMIN,
    "DELETE /projects/{project_id}/webhooks/{webhook_id}": PROJECT_ADMIN,
    "GET /projects/{project_id}/snapshots": RESEARCHER,
    "POST /projects/{project_id}/snapshots": RESEARCHER,
    "GET /snapshots/{snapshot_id}": RESEARCHER,
    "GET /snapshots/{snapshot_id}/download": RESEARCHER,
    "GET /snapshots/{snapshot_id}/diff/{other}": RESEARCHER,
    "GET /projects/{project_id}/training-policy": PROJECT_ADMIN,
    "PATCH /projects/{project_id}/training-policy": PROJECT_ADMIN,
    "GET /projects/{project_id}/training-runs": MEMBER,
    "POST /projects/{project_id}/training-runs": PROJECT_ADMIN,
    "GET /training-runs/{run_id}": MEMBER,
    "POST /training-runs/{run_id}/cancel": PROJECT_ADMIN,
    "POST /training-runs/{run_id}/checkpoint": PROJECT_ADMIN,
    "POST /projects/{project_id}/rollback": PROJECT_ADMIN,
    "GET /projects/{project_id}/promotions": MEMBER,
    "GET /projects/{project_id}/jobs": MEMBER,
    "GET /jobs/{job_id}": MEMBER,
    "POST /jobs/{job_id}/cancel": RESEARCHER_OF_THEIRS,
    "POST /jobs/{job_id}/retry": RESEARCHER_OF_THEIRS,
}
