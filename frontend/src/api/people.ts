// People of the installation (administrators only).
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import type { Role, User } from "./types";

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => call(client.GET("/api/users", { signal })),
});

export function createUser(person: { email: string; name: string; role: Role }) {
  return call(client.POST("/api/users", { body: person }));
}

export function changeUser(userId: number, change: { role?: Role; is_active?: boolean; name?: string }): Promise<User> {
  return call(client.PATCH("/api/users/{user_id}", { params: { path: { user_id: userId } }, body: change }));
}

export async function createSignInLink(userId: number): Promise<string> {
  const answer = await call(client.POST("/api/users/{user_id}/link", { params: { path: { user_id: userId } } }));
  return answer.sign_in_link;
}
