// A page that could not be opened: why, and what can be done.
import { Container } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { ApiError, hasCode, messageOf } from "../api/errors";
import { connection } from "../api/connection";
import { EmptyState } from "../ui/EmptyState";
import { ErrorPanel } from "../ui/ErrorPanel";
import { ButtonLink } from "../ui/links";
import { words } from "../words/app";

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
        title={isNoAnswer ? words.noAnswer.title : words.notOpened}
        message={
          isNoAnswer ? words.noAnswer.text : messageOf(error)
        }
        safe={words.nothingChanged}
        onRetry={() => void router.invalidate()}
      />
    </Container>
  );
}

function ProjectGone({ error }: { error: unknown }): ReactNode {
  const said = hasCode(error, "project_deleted") ? words.deleted : words.unknown;
  return (
    <EmptyState
      isPage
      title={said.title}
      action={<ButtonLink to="/projects">{words.showProjects}</ButtonLink>}
    >
      {said.text}
    </EmptyState>
  );
}
