import { initials } from "../lib/people.ts";

export function Avatar({ name, hue }: { name: string; hue: number }) {
  return (
    <span className="avatar" data-hue={hue} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
