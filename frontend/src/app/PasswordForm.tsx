// Setting or changing one's own password.
import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../api/errors";
import { meQuery, setPassword } from "../api/session";
import type { Me } from "../api/types";
import { words } from "../words/account";

interface PasswordFormProps {
  me: Me;
  onSet: () => void;
  otherwise?: ReactNode;
}

export function PasswordForm({ me, onSet, otherwise }: PasswordFormProps): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { current: "", password: "" } });
  const save = useMutation({
    mutationFn: ({ current, password }: { current: string; password: string }) =>
      setPassword(password, me.has_password ? current : null),
    onSuccess: async () => {
      form.reset();
      await queryClient.invalidateQueries({ queryKey: meQuery.queryKey });
      onSet();
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => save.mutate(values))}>
      <Stack>
        {/* For password managers: whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={me.user.email} readOnly hidden />
        {me.has_password && (
          <PasswordInput
            label={words.currentPassword}
            autoComplete="current-password"
            required
            {...form.getInputProps("current")}
          />
        )}
        <PasswordInput
          label={words.newPassword}
          autoComplete="new-password"
          required
          {...form.getInputProps("password")}
          error={save.error === null ? null : messageOf(save.error)}
        />
        <Group>
          <Button type="submit" loading={save.isPending}>
            {me.has_password ? words.changePassword : words.setPassword}
          </Button>
          {otherwise}
        </Group>
      </Stack>
    </form>
  );
}
