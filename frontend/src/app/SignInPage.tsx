// Signing in by address and password, or by a single-use link.
import { Button, Center, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { setSessionExpired } from "../api/connection";
import { ApiError, messageOf } from "../api/errors";
import { meQuery, signIn, signInByLink } from "../api/session";
import { Delayed } from "../ui/Delayed";
import { ErrorPanel } from "../ui/ErrorPanel";
import { ButtonLink } from "../ui/links";
import { words } from "../words/account";
import { LanguageLinks } from "./LanguageChoice";
import { words as appWords } from "../words/app";

const route = getRouteApi("/sign-in");

export function SignInPage(): ReactNode {
  const { link } = route.useSearch();
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={360} gap="lg">
        <Stack gap={8}>
          <img src="/favicon.svg" alt="" width={36} height={36} />
          <Title order={1}>{link === undefined ? words.signInTitle : "Segloop"}</Title>
        </Stack>
        {link === undefined ? <PasswordSignIn /> : <LinkSignIn link={link} />}
        <LanguageLinks />
      </Stack>
    </Center>
  );
}

/** Takes the person on to where they wanted to go. */
function useArrival(): (options: { mayLackPassword: boolean }) => Promise<void> {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const { next } = route.useSearch();
  return async ({ mayLackPassword }) => {
    setSessionExpired(false);
    const me = await queryClient.fetchQuery({ ...meQuery, staleTime: 0 });
    if (mayLackPassword && me !== null && !me.has_password) await navigate({ to: "/set-password", replace: true });
    else await navigate({ href: next ?? "/projects", replace: true });
  };
}

function PasswordSignIn(): ReactNode {
  const arrive = useArrival();
  const { data: me } = useQuery(meQuery);
  const form = useForm({ initialValues: { email: "", password: "" } });
  const enter = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => signIn(email.trim(), password),
    onSuccess: () => arrive({ mayLackPassword: false }),
  });
  return (
    <form onSubmit={form.onSubmit((values) => enter.mutate(values))}>
      <Stack>
        {me !== undefined && me !== null && !enter.isPending && (
          <Text c="dimmed">
            {words.alreadyAs(me.user.email)}{" "}
            <ButtonLink to="/projects" variant="default" size="compact-sm">
              {appWords.showProjects}
            </ButtonLink>
          </Text>
        )}
        <TextInput label={words.email} type="email" autoComplete="username" required autoFocus {...form.getInputProps("email")} />
        <PasswordInput label={words.password} autoComplete="current-password" required {...form.getInputProps("password")} />
        {enter.error !== null && <RefusedSignIn error={enter.error} />}
        <Button type="submit" loading={enter.isPending}>
          {words.signIn}
        </Button>
        <Text size="sm" c="dimmed">
          {words.signUpClosed}
        </Text>
      </Stack>
    </form>
  );
}

function RefusedSignIn({ error }: { error: Error }): ReactNode {
  const isLimited = error instanceof ApiError && error.status === 429;
  return (
    <Text role="alert" c="var(--sl-red)">
      {isLimited ? words.tooManyAttempts : messageOf(error)}
    </Text>
  );
}

function LinkSignIn({ link }: { link: string }): ReactNode {
  const arrive = useArrival();
  // A query, because the cache sees to it that a link that works once is used once.
  const use = useQuery({
    queryKey: ["sign-in-link", link],
    queryFn: () => signInByLink(link),
    retry: false,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  const { isSuccess } = use;
  useEffect(() => {
    if (isSuccess) void arrive({ mayLackPassword: true });
    // Arriving once per link is meant, not once per render.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isSuccess]);

  if (use.error !== null) {
    const isRefused = use.error instanceof ApiError && use.error.status >= 400 && use.error.status < 500;
    return (
      <ErrorPanel
        title={isRefused ? words.link.refused : words.link.failed}
        message={
          isRefused
            ? words.link.refusedText
            : messageOf(use.error)
        }
        onRetry={isRefused ? undefined : () => void use.refetch()}
        action={
          <ButtonLink to="/sign-in" search={{}} variant="default">
            {words.signInWithPassword}
          </ButtonLink>
        }
      />
    );
  }
  return (
    <Delayed>
      <Text c="dimmed" role="status">
        {words.signingIn}
      </Text>
    </Delayed>
  );
}
