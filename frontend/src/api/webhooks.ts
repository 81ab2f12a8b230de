// Addresses outside that are told of a project's events.
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { projectKey } from "./projects";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Webhook = Schemas["WebhookOut"];
/** With its secret, which is shown this once. */
export type NewWebhook = Schemas["NewWebhookOut"];
export type WebhookKind = NonNullable<Schemas["WebhookIn"]["kinds"]>[number];

export const webhooksQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...projectKey(projectId), "webhooks"],
    queryFn: ({ signal }) =>
      call(client.GET("/api/projects/{project_id}/webhooks", { params: { path: { project_id: projectId } }, signal })),
  });

export function addWebhook(projectId: number, webhook: { url: string; kinds: WebhookKind[] }): Promise<NewWebhook> {
  return call(client.POST("/api/projects/{project_id}/webhooks", { params: { path: { project_id: projectId } }, body: webhook }));
}

export async function deleteWebhook(projectId: number, webhookId: number): Promise<void> {
  const path = { project_id: projectId, webhook_id: webhookId };
  await call(client.DELETE("/api/projects/{project_id}/webhooks/{webhook_id}", { params: { path } }));
}
