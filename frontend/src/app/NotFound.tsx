import type { ReactNode } from "react";
import { EmptyState } from "../ui/EmptyState";
import { ButtonLink } from "../ui/links";

export function NotFoundAlone(): ReactNode {
  return (
    <main>
      <NotFound />
    </main>
  );
}

export function NotFound(): ReactNode {
  return (
    <EmptyState isPage title="There is no such page" action={<ButtonLink to="/projects">Show projects</ButtonLink>}>
      The address may have been shortened on its way here, or what it led to is gone.
    </EmptyState>
  );
}
