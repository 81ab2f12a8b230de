// A page that could not be opened: why, and what can be done.
import { Container } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { ApiError, hasCode, messageOf } from "../api/errors";
import { connection } from "../api/connection";
import { EmptyState } from "../ui/EmptyState";
import { ErrorPanel } from "../ui/ErrorPanel";
import { ButtonLink } from "../ui/links";

export function RouteError({ error }: ErrorComponentProps): ReactNode {
  return (
    <main>
      <Problem error={error} />
    </main>
  );
}

export function Problem({ error }: { error: unknown }): ReactNode {
  const router = useRouter();
  const isNoAnswer = error instanceof ApiError && error.status === 0;

  useEffect(() => {
    if (!isNoAnswer) return undefined;
    return connection.subscribe((now) => {
      if (!now.isLost) void router.invalidate();
    });
  }, [isNoAnswer, router]);

  if (hasCode(error, "project_deleted", "project_not_found", "not_found")) return <ProjectGone error={error} />;
  return (
    <Container size="sm" py="xl">
      <ErrorPanel
        title={isNoAnswer ? "The server does not answer" : "This page could not be opened"}
        message={
          isNoAnswer ? "It may be starting or stopped. This page opens by itself once it answers." : messageOf(error)
        }
        safe="Nothing was changed."
        onRetry={() => void router.invalidate()}
      />
    </Container>
  );
}

function ProjectGone({ error }: { error: unknown }): ReactNode {
  const isDeleted = hasCode(error, "project_deleted");
  return (
    <EmptyState
      isPage
      title={isDeleted ? "This project has been deleted" : "There is no such project"}
      action={<ButtonLink to="/projects">Show projects</ButtonLink>}
    >
      {isDeleted
        ? "Somebody deleted it. Its images and masks are still on the server; an administrator can say more."
        : "Either it never was, or you are not a member of it. An admin of the project can add you under Settings."}
    </EmptyState>
  );
}
