import { useT } from "../i18n/index.ts";
import type { Quality } from "../lib/quality.ts";

/** How good somebody's connection is; nothing while that is unknown. */
export function Bars({ quality }: { quality: Quality }) {
  const t = useT();
  if (quality === 0) return null;
  const label = t.quality[quality] ?? "";
  return (
    <span className="bars" role="img" aria-label={label} title={label} data-quality={quality}>
      <i />
      <i />
      <i />
    </span>
  );
}
