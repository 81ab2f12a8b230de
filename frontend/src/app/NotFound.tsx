import type { ReactNode } from "react";
import { EmptyState } from "../ui/EmptyState";
import { ButtonLink } from "../ui/links";
import { words } from "../words/app";

export function NotFoundAlone(): ReactNode {
  return (
    <main>
      <NotFound />
    </main>
  );
}

export function NotFound(): ReactNode {
  return (
    <EmptyState isPage title={words.notFound.title} action={<ButtonLink to="/projects">{words.showProjects}</ButtonLink>}>
      {words.notFound.text}
    </EmptyState>
  );
}
