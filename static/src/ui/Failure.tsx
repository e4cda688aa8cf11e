import { Component, type ReactNode } from "react";

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
          <h1>Something broke on this page</h1>
          <p>It is our fault. Loading the page again usually helps.</p>
          <div className="ended-actions">
            <button type="button" className="button primary large" onClick={() => location.reload()}>
              Load again
            </button>
          </div>
        </main>
      </div>
    );
  }
}
