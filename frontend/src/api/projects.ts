// Projects, their members and categories.
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import type { Category, Member, Project, Role } from "./types";

export const projectKey = (projectId: number): [string, number] => ["project", projectId];

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: ({ signal }) => call(client.GET("/api/projects", { signal })),
});

/** For administrators of the installation. */
export const deletedProjectsQuery = queryOptions({
  queryKey: ["projects", "deleted"],
  queryFn: ({ signal }) => call(client.GET("/api/projects", { params: { query: { deleted: true } }, signal })),
});

export const projectQuery = (projectId: number) =>
  queryOptions({
    queryKey: projectKey(projectId),
    queryFn: ({ signal }) =>
      call(client.GET("/api/projects/{project_id}", { params: { path: { project_id: projectId } }, signal })),
  });

export function createProject(project: { name: string; description: string }): Promise<Project> {
  return call(client.POST("/api/projects", { body: project }));
}

export function changeProject(projectId: number, change: { name?: string; description?: string; guidelines?: string }): Promise<Project> {
  return call(
    client.PATCH("/api/projects/{project_id}", { params: { path: { project_id: projectId } }, body: change }),
  );
}

export async function deleteProject(projectId: number): Promise<void> {
  await call(client.DELETE("/api/projects/{project_id}", { params: { path: { project_id: projectId } } }));
}

export async function restoreProject(projectId: number): Promise<void> {
  await call(client.POST("/api/projects/{project_id}/restore", { params: { path: { project_id: projectId } } }));
}

export const membersQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...projectKey(projectId), "members"],
    queryFn: ({ signal }) =>
      call(client.GET("/api/projects/{project_id}/members", { params: { path: { project_id: projectId } }, signal })),
  });

export function setMember(projectId: number, member: { email: string; role: Role }): Promise<Member> {
  return call(
    client.POST("/api/projects/{project_id}/members", { params: { path: { project_id: projectId } }, body: member }),
  );
}

export async function removeMember(projectId: number, userId: number): Promise<void> {
  const path = { project_id: projectId, user_id: userId };
  await call(client.DELETE("/api/projects/{project_id}/members/{user_id}", { params: { path } }));
}

export const categoriesQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...projectKey(projectId), "categories"],
    queryFn: ({ signal }) =>
      call(
        client.GET("/api/projects/{project_id}/categories", { params: { path: { project_id: projectId } }, signal }),
      ),
  });

export function addCategory(projectId: number, name: string): Promise<Category> {
  const path = { project_id: projectId };
  return call(client.POST("/api/projects/{project_id}/categories", { params: { path }, body: { name } }));
}

export function renameCategory(projectId: number, categoryId: number, name: string): Promise<Category> {
  const path = { project_id: projectId, category_id: categoryId };
  return call(client.PATCH("/api/projects/{project_id}/categories/{category_id}", { params: { path }, body: { name } }));
}

export async function deleteCategory(projectId: number, categoryId: number): Promise<void> {
  const path = { project_id: projectId, category_id: categoryId };
  await call(client.DELETE("/api/projects/{project_id}/categories/{category_id}", { params: { path } }));
}
