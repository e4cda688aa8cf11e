import { Component, type ReactNode } from "react";

import { t } from "../i18n/index.ts";

/** A mistake of ours while drawing must not leave an empty page: say so, and offer to load it again. */
export class Failure extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="ended">
        <span />
        <main className="ended-main" role="alert">
          <h1>{t().brokenTitle}</h1>
          <p>{t().brokenText}</p>
          <div className="ended-actions">
            <button type="button" className="button primary large" onClick={() => location.reload()}>
              {t().loadAgain}
            </button>
          </div>
        </main>
      </div>
    );
  }
}
