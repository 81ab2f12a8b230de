// The languages of the page, each under its own name.
import { Anchor, Group, Menu } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { words } from "../words/app";
import { chooseLanguage, language, LANGUAGES } from "../words/language";

/** In the account's menu. */
export function LanguageItems(): ReactNode {
  return (
    <>
      <Menu.Label>{words.language}</Menu.Label>
      {LANGUAGES.map(({ code, name }) => (
        <Menu.Item
          key={code}
          lang={code}
          rightSection={code === language ? <IconCheck size={14} aria-label={words.chosen} /> : null}
          onClick={() => chooseLanguage(code)}
        >
          {name}
        </Menu.Item>
      ))}
    </>
  );
}

/** For somebody who is not signed in: the other languages. */
export function LanguageLinks(): ReactNode {
  return (
    <Group gap="md">
      {LANGUAGES.filter(({ code }) => code !== language).map(({ code, name }) => (
        <Anchor key={code} component="button" type="button" size="sm" lang={code} onClick={() => chooseLanguage(code)}>
          {name}
        </Anchor>
      ))}
    </Group>
  );
}
