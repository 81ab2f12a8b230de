// The frame of every page but the workspace: where one is, who one is, whether the server answers.
import "./shell.css";
import { ActionIcon, Menu, Text } from "@mantine/core";
import { useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconKey,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { connection } from "../api/connection";
import { isAdmin, roleLabel } from "../api/roles";
import { meQuery, signOut } from "../api/session";
import { words } from "../words/app";
import { LanguageItems } from "./LanguageChoice";

export function Shell(): ReactNode {
  const { data: me } = useQuery(meQuery);
  return (
    <>
      <a className="skip-link" href="#main">
        {words.skip}
      </a>
      <header className="shell-header">
        <Link to="/projects" className="shell-brand">
          <img src="/favicon.svg" alt="" width={22} height={22} />
          Segloop
        </Link>
        <nav aria-label={words.main} style={{ display: "flex", gap: 4 }}>
          <Link to="/projects" className="shell-link">
            {words.projects}
          </Link>
          {isAdmin(me) && (
            <Link to="/people" className="shell-link">
              {words.people}
            </Link>
          )}
        </nav>
        <span style={{ flex: 1 }} />
        <SchemeMenu />
        <UserMenu />
      </header>
      <ConnectionLost />
      <main id="main" className="shell-main" tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}

function ConnectionLost(): ReactNode {
  const isLost = useStore(connection, (state) => state.isLost);
  return (
    <div role="status">
      {isLost && (
        <div className="shell-lost">
          {words.lost}
        </div>
      )}
    </div>
  );
}

const SCHEMES = [
  { value: "auto", label: words.scheme.auto, Icon: IconDeviceDesktop },
  { value: "dark", label: words.scheme.dark, Icon: IconMoon },
  { value: "light", label: words.scheme.light, Icon: IconSun },
] as const;

function SchemeMenu(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Chosen = SCHEMES.find((scheme) => scheme.value === colorScheme)?.Icon ?? IconDeviceDesktop;
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={words.scheme.choose}>
          <Chosen size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map(({ value, label, Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={16} aria-hidden />}
            rightSection={value === colorScheme ? <IconCheck size={14} aria-label={words.chosen} /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu(): ReactNode {
  const { data: me } = useQuery(meQuery);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      queryClient.clear();
      queryClient.setQueryData(meQuery.queryKey, null);
      await navigate({ to: "/sign-in" });
    },
  });
  if (me === undefined || me === null) return null;
  return (
    <Menu position="bottom-end" shadow="md" width={220}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={words.accountOf(me.user.name || me.user.email)}>
          <IconUserCircle size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <div style={{ padding: "6px 12px 8px" }}>
          <Text size="sm" truncate>
            {me.user.name || me.user.email}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {words.addressAndRole(me.user.name ? me.user.email : "", roleLabel(me.user.role))}
          </Text>
        </div>
        <Menu.Divider />
        <Menu.Item component={Link} to="/account" leftSection={<IconKey size={16} aria-hidden />}>
          {words.passwordAndTokens}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => leave.mutate()}>
          {words.signOut}
        </Menu.Item>
        <Menu.Divider />
        <LanguageItems />
        <Menu.Divider />
        <Text size="xs" c="dimmed" px={12} py={4} className="tabular">
          Segloop {me.version}
        </Text>
      </Menu.Dropdown>
    </Menu>
  );
}
