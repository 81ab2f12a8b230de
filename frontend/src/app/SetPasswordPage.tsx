// After a sign-in link: a password, so that the next sign-in needs no link.
import { Center, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { meQuery } from "../api/session";
import { ButtonLink } from "../ui/links";
import { words } from "../words/account";
import { PasswordForm } from "./PasswordForm";

export function SetPasswordPage(): ReactNode {
  const { data: me } = useQuery(meQuery);
  const navigate = useNavigate();
  if (me === undefined || me === null) return null;
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={360} gap="lg">
        <Stack gap={8}>
          <Title order={1}>{words.first.title(me.user.email)}</Title>
          <Text c="dimmed">
            {words.first.text}
          </Text>
        </Stack>
        <PasswordForm
          me={me}
          onSet={() => void navigate({ to: "/projects", replace: true })}
          otherwise={
            <ButtonLink to="/projects" variant="default">
              {words.first.notNow}
            </ButtonLink>
          }
        />
      </Stack>
    </Center>
  );
}
