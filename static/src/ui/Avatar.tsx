import { initials } from "../lib/people.ts";
import { PersonIcon } from "./icons.tsx";

export function Avatar({ name, hue }: { name: string; hue: number }) {
  return (
    <span className="avatar" data-hue={hue} aria-hidden="true">
      {name.trim() ? initials(name) : <PersonIcon />}
    </span>
  );
}
