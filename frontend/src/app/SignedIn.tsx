// Around every page of somebody signed in: should the session end, a sign-in comes over it.
import { Outlet } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense } from "react";
import { useStore } from "zustand";
import { connection } from "../api/connection";

const SessionExpired = lazy(() => import("./SessionExpired").then((module) => ({ default: module.SessionExpired })));

export function SignedIn(): ReactNode {
  const isExpired = useStore(connection, (state) => state.isSessionExpired);
  return (
    <>
      <Outlet />
      <Suspense>{isExpired && <SessionExpired />}</Suspense>
    </>
  );
}
