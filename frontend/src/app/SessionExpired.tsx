// The session ended while the page was open: sign in over it, and go on where one was.
import { Button, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { setSessionExpired } from "../api/connection";
import { messageOf } from "../api/errors";
import { meQuery, signIn } from "../api/session";
import type { User } from "../api/types";
import { words } from "../words/account";

export function SessionExpired(): ReactNode {
  const { data: me } = useQuery(meQuery);
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { email: me?.user.email ?? "", password: "" } });

  const goOn = (user: User): void => {
    // Somebody else: nothing on this page is theirs.
    if (me !== null && me?.user.id !== user.id) return location.assign("/projects");
    setSessionExpired(false);
    form.setFieldValue("password", "");
    void queryClient.invalidateQueries();
  };
  const again = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => signIn(email, password),
    onSuccess: goOn,
  });

  // Signing in again in another tab is enough. Asked beside what the page knows: that nobody is signed in yet would empty it.
  useEffect(() => {
    const check = async (): Promise<void> => {
      const fresh = await queryClient.fetchQuery({ ...meQuery, queryKey: ["me", "now"], staleTime: 0, gcTime: 0 }).catch(() => null);
      if (fresh !== null) goOn(fresh.user);
    };
    const onFocus = (): void => void check();
    window.addEventListener("focus", onFocus);
    return () => window.removeEventListener("focus", onFocus);
  });

  return (
    <Modal opened onClose={() => undefined} withCloseButton={false} title={words.expired.title}>
      <form onSubmit={form.onSubmit((values) => again.mutate(values))}>
        <Stack>
          <Text c="dimmed">{words.expired.text}</Text>
          <TextInput label={words.email} type="email" autoComplete="username" required {...form.getInputProps("email")} />
          <PasswordInput
            label={words.password}
            autoComplete="current-password"
            required
            data-autofocus
            error={again.error === null ? null : messageOf(again.error)}
            {...form.getInputProps("password")}
          />
          <Button type="submit" loading={again.isPending}>
            {words.signIn}
          </Button>
          <Text size="xs" c="dimmed">
            {words.expired.noPassword}
          </Text>
        </Stack>
      </form>
    </Modal>
  );
}
