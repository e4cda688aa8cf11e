import type { MouseEvent } from "react";

import { goHome } from "../routes/router.ts";
import { Logo } from "./icons.tsx";

export function PageHeader() {
  const home = (event: MouseEvent) => {
    event.preventDefault();
    goHome();
  };
  return (
    <header className="page-header">
      <a href="/" aria-label="rtpfwd, to the first page" onClick={home}>
        <Logo wordmark />
      </a>
    </header>
  );
}
