/** Which language the pages speak: the person's choice, else the browser's, else English. */

import { recall, remember } from "../lib/storage.ts";
import { Store, useStore } from "../lib/store.ts";
import { de } from "./de.ts";
import { en, type Strings } from "./en.ts";

export const LANGUAGES = { en, de } satisfies Record<string, Strings>;
export type Language = keyof typeof LANGUAGES;

const CHOICE = "language";

export const language = new Store<Language>(pick([recall(CHOICE), ...navigator.languages]));
tellThePage();
language.subscribe(tellThePage);

export function setLanguage(chosen: Language): void {
  remember(CHOICE, chosen);
  language.set(chosen);
}

/** The strings now; for code outside React. */
export function t(): Strings {
  return LANGUAGES[language.get()];
}

/** The strings, redrawing when the language changes. */
export function useT(): Strings {
  return LANGUAGES[useStore(language)];
}

function pick(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    const short = wish.slice(0, 2).toLowerCase();
    if (short in LANGUAGES) return short as Language;
  }
  return "en";
}

function tellThePage(): void {
  document.documentElement.lang = language.get();
}
