import { useId } from "react";

import { useT } from "../i18n/index.ts";
import { useStore } from "../lib/store.ts";
import { MoonIcon, SunIcon, SystemIcon } from "./icons.tsx";
import { setTheme, theme, THEMES } from "./theme.ts";

const ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon };

/** Three pictures beside each other, of which one is chosen. */
export function ThemeSwitch() {
  const t = useT();
  const chosen = useStore(theme);
  const name = useId();
  return (
    <fieldset className="theme-switch">
      <legend className="visually-hidden">{t.theme}</legend>
      {THEMES.map((one) => {
        const Icon = ICONS[one];
        return (
          <label key={one} title={t.themes[one]}>
            <input
              type="radio"
              className="visually-hidden"
              name={name}
              data-testid={`theme-${one}`}
              checked={one === chosen}
              onChange={() => setTheme(one)}
            />
            <Icon />
            <span className="visually-hidden">{t.themes[one]}</span>
          </label>
        );
      })}
    </fieldset>
  );
}
