// The dialog that adds a person.
import { Button, Group, Modal, Radio, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf } from "../../api/errors";
import { createUser, usersQuery } from "../../api/people";
import { ROLES } from "../../api/roles";
import type { Role } from "../../api/types";
import { words } from "../../words/people";

interface AddPersonProps {
  isOpen: boolean;
  onClose: () => void;
  onAdded: (email: string, signInLink: string) => void;
}

export function AddPerson({ isOpen, onClose, onAdded }: AddPersonProps): ReactNode {
  const queryClient = useQueryClient();
  const form = useForm({ initialValues: { email: "", name: "", role: "annotator" as Role } });
  const add = useMutation({
    mutationFn: createUser,
    onSuccess: (person) => {
      form.reset();
      onAdded(person.email, person.sign_in_link);
      void queryClient.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  return (
    <Modal opened={isOpen} onClose={onClose} title={words.add}>
      <form onSubmit={form.onSubmit((values) => add.mutate({ ...values, email: values.email.trim() }))}>
        <Stack>
          <TextInput
            label={words.email}
            type="email"
            required
            data-autofocus
            {...form.getInputProps("email")}
            error={add.error === null ? null : messageOf(add.error)}
          />
          <TextInput label={words.name} maxLength={120} {...form.getInputProps("name")} />
          <Radio.Group label={words.role} {...form.getInputProps("role")}>
            <Stack gap={8} mt={8}>
              {ROLES.map(({ value, label, does }) => (
                <Radio key={value} value={value} label={label} description={does} />
              ))}
            </Stack>
          </Radio.Group>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {words.cancel}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {words.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
