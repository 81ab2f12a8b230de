// Who is signed in, and signing in and out.
import { queryOptions } from "@tanstack/react-query";
import { call, client } from "./client";
import { ApiError } from "./errors";
import type { Me, User } from "./types";

/** Who I am; null when nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await call(client.GET("/api/me", { signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Infinity,
});

export function signIn(email: string, password: string): Promise<User> {
  return call(client.POST("/api/auth/login", { body: { email, password } }));
}

export function signInByLink(token: string): Promise<User> {
  return call(client.POST("/api/auth/link", { body: { token } }));
}

export async function signOut(): Promise<void> {
  await call(client.POST("/api/auth/logout"));
}

export async function setPassword(password: string, currentPassword: string | null): Promise<void> {
  await call(client.PUT("/api/me/password", { body: { password, current_password: currentPassword } }));
}

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => call(client.GET("/api/tokens", { signal })),
});

export function createToken(name: string) {
  return call(client.POST("/api/tokens", { body: { name } }));
}

export async function revokeToken(tokenId: number): Promise<void> {
  await call(client.DELETE("/api/tokens/{token_id}", { params: { path: { token_id: tokenId } } }));
}
