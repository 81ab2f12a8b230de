// The choice of a language on the account page. Apart from the menu's, so that radio buttons stay out of the first chunk.
import { Group, Radio } from "@mantine/core";
import type { ReactNode } from "react";
import { chooseLanguage, language, LANGUAGES } from "../words/language";

export function LanguageRadios({ labelledBy }: { labelledBy: string }): ReactNode {
  return (
    <Radio.Group aria-labelledby={labelledBy} value={language}>
      <Group gap="lg">
        {LANGUAGES.map(({ code, name }) => (
          <Radio key={code} value={code} label={name} lang={code} onChange={() => chooseLanguage(code)} />
        ))}
      </Group>
    </Radio.Group>
  );
}
