/** Dark or light: the person's choice, else the system's. The colours are in styles/tokens.css. */

import { recall, remember } from "../lib/storage.ts";
import { Store } from "../lib/store.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const CHOICE = "theme";

export const theme = new Store<Theme>(THEMES.find((one) => one === recall(CHOICE)) ?? "system");
tellThePage();
theme.subscribe(tellThePage);

export function setTheme(chosen: Theme): void {
  remember(CHOICE, chosen === "system" ? "" : chosen);
  theme.set(chosen);
}

function tellThePage(): void {
  const chosen = theme.get();
  const { dataset } = document.documentElement;
  if (chosen === "system") delete dataset["theme"];
  else dataset["theme"] = chosen;
  // The browser's own bars: of the two colours in the page's head the chosen one counts whatever the system says.
  for (const meta of document.querySelectorAll<HTMLMetaElement>("meta[name=theme-color]")) {
    const own = meta.dataset["theme"] ?? "";
    meta.media = chosen === "system" ? `(prefers-color-scheme: ${own})` : chosen === own ? "all" : "not all";
  }
}
