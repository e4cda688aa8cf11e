import type { MouseEvent } from "react";

import { useT } from "../i18n/index.ts";
import { goHome } from "../routes/router.ts";
import { Logo } from "./icons.tsx";
import { ThemeSwitch } from "./ThemeSwitch.tsx";

export function PageHeader() {
  const t = useT();
  const home = (event: MouseEvent) => {
    event.preventDefault();
    goHome();
  };
  return (
    <header className="page-header">
      <a href="/" aria-label={t.toFirstPage} onClick={home}>
        <Logo wordmark />
      </a>
      <ThemeSwitch />
    </header>
  );
}
