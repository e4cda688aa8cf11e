/** Our own pictures of the reactions: not every computer has a font with them, and they look alike everywhere. */

import type { ReactNode } from "react";

import type { ReactionName } from "../signaling/messages.ts";

const [SKIN, LINE, ROSE, MINT, SKY] = ["#ffcf4d", "#4a3000", "#f2495c", "#35c98e", "#4d9bff"];

const FACE = <circle cx="16" cy="16" r="13.5" fill={SKIN} />;

const ART: Record<ReactionName, ReactNode> = {
  "thumbs-up": (
    <g stroke={LINE} strokeWidth="1.6" strokeLinejoin="round">
      <path
        fill={SKIN}
        d="M11.5 14.5 16 4.6c2.2 0 3.6 1.6 3.2 3.8l-.8 4.2h6.3c1.9 0 3.2 1.7 2.8 3.5l-1.8 8.2a3.4 3.4 0 0 1-3.3 2.7H11.5Z"
      />
      <rect fill={SKY} x="4.5" y="14" width="7" height="13.4" rx="2.2" />
    </g>
  ),
  heart: (
    <path
      fill={ROSE}
      d="M16 28S3.5 20.6 3.5 12.2C3.5 8.2 6.5 5.5 10 5.5c2.5 0 4.7 1.3 6 3.4 1.3-2.1 3.5-3.4 6-3.4 3.5 0 6.5 2.7 6.5 6.7C28.5 20.6 16 28 16 28Z"
    />
  ),
  clap: (
    <g stroke={LINE} strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
      <path fill={SKIN} d="M8.3 17.8 15.5 8a2 2 0 0 1 3.3 2.3L16.3 14l6.4-5.2a2 2 0 0 1 2.5 3.1L20 16.6l5.5-2.6a2 2 0 0 1 1.8 3.5l-8.6 7.9c-3.3 3-8 3-10.6.2-2-2.1-2-5.2.2-7.8Z" />
      <path fill="none" d="M9.5 6.5 8.3 3.7M5.8 9.8 3 8.6M5 14.2H2.2" />
    </g>
  ),
  laugh: (
    <>
      {FACE}
      <path d="M7.8 12.8c1-1.6 3.4-1.6 4.4 0M19.8 12.8c1-1.6 3.4-1.6 4.4 0" fill="none" stroke={LINE} strokeWidth="1.9" strokeLinecap="round" />
      <path d="M8.5 17h15c0 4.7-3.2 8-7.5 8s-7.5-3.3-7.5-8Z" fill={LINE} />
      <path d="M11.3 22.9c1-1.3 2.7-2 4.7-2s3.7.7 4.7 2c-1.2 1.3-2.9 2.1-4.7 2.1s-3.5-.8-4.7-2.1Z" fill={ROSE} />
    </>
  ),
  wow: (
    <>
      {FACE}
      <circle cx="11" cy="13" r="1.9" fill={LINE} />
      <circle cx="21" cy="13" r="1.9" fill={LINE} />
      <ellipse cx="16" cy="21.5" rx="3.2" ry="4.2" fill={LINE} />
    </>
  ),
  party: (
    <g strokeLinecap="round" strokeLinejoin="round">
      <path d="M4 28 10.5 11.5 20.5 21.5Z" fill={SKIN} stroke={LINE} strokeWidth="1.6" />
      <path d="M14.5 9c-.5-2.3.2-4.3 2-5.5M21 14c1.5-3 4-4.2 7-3.3M22.5 19.5c2-.8 3.9-.3 5.5 1.5" fill="none" stroke={MINT} strokeWidth="2.2" />
      <circle cx="22" cy="5.5" r="1.7" fill={ROSE} />
      <circle cx="17.5" cy="13" r="1.5" fill={SKY} />
      <circle cx="27.5" cy="15.8" r="1.5" fill={ROSE} />
      <circle cx="10.5" cy="5" r="1.5" fill={SKY} />
    </g>
  ),
};

export function ReactionArt({ name }: { name: ReactionName }) {
  return (
    <svg className="reaction-art" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      {ART[name]}
    </svg>
  );
}
