/** Our own icons, drawn on a 24 by 24 grid with a 1.8 stroke. Decorative: their buttons carry the words. */

import type { ReactNode } from "react";

function Icon({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <svg
      className={className ? `icon ${className}` : "icon"}
      viewBox="0 0 24 24"
      width="24"
      height="24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

export const LockIcon = () => (
  <Icon>
    <rect x="5" y="11" width="14" height="9" rx="2" />
    <path d="M8 11V8a4 4 0 0 1 8 0v3" />
  </Icon>
);

export const RemoveIcon = () => (
  <Icon>
    <circle cx="10" cy="8" r="3.5" />
    <path d="M3.5 20a6.5 6.5 0 0 1 11-4.7M16 17l5 5M21 17l-5 5" />
  </Icon>
);

export const MicIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MicOffIcon = () => (
  <Icon>
    <path d="M9 9.2V11a3 3 0 0 0 4.6 2.5M15 10.5V6a3 3 0 0 0-5.7-1.3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.5c0 1-.2 1.9-.6 2.7M12 18v3M4 4l16 16" />
  </Icon>
);

export const CameraIcon = () => (
  <Icon>
    <rect x="2.8" y="6" width="12.7" height="12" rx="3" />
    <path d="m15.5 10.5 4.3-2.7a.9.9 0 0 1 1.4.8v6.8a.9.9 0 0 1-1.4.8l-4.3-2.7" />
  </Icon>
);

export const CameraOffIcon = () => (
  <Icon>
    <path d="M6 6a3.2 3.2 0 0 0-3.2 3v6a3 3 0 0 0 3 3h6.7a3 3 0 0 0 2.7-1.7M10.5 6h2a3 3 0 0 1 3 3v2" />
    <path d="m15.5 10.5 4.3-2.7a.9.9 0 0 1 1.4.8v6.8c0 .3-.1.5-.3.7M4 4l16 16" />
  </Icon>
);

export const ChatIcon = () => (
  <Icon>
    <path d="M12 4.2c-5 0-8.8 3.2-8.8 7.3 0 2.1 1 4 2.6 5.3-.1 1-.5 2.1-1.3 3 1.7-.1 3.2-.7 4.3-1.5 1 .3 2.1.4 3.2.4 5 0 8.8-3.2 8.8-7.2s-3.8-7.3-8.8-7.3Z" />
    <path d="M8.5 11.5h.01M12 11.5h.01M15.5 11.5h.01" strokeWidth="2.4" />
  </Icon>
);

export const LeaveIcon = () => (
  <Icon>
    <path d="M3.1 14.9c-.7-.7-.7-1.9 0-2.8C5 9.7 8.3 8.3 12 8.3s7 1.4 8.9 3.8c.7.9.7 2.1 0 2.8l-1 1c-.6.6-1.5.7-2.2.2l-1.7-1.2c-.5-.4-.8-1-.7-1.6l.1-1.2c-1.1-.3-2.2-.5-3.4-.5s-2.3.2-3.4.5l.1 1.2c.1.6-.2 1.2-.7 1.6l-1.7 1.2c-.7.5-1.6.4-2.2-.2Z" />
  </Icon>
);

export const LinkIcon = () => (
  <Icon>
    <path d="m9.8 14.2 4.4-4.4M10.6 7l2-2a4.6 4.6 0 0 1 6.5 6.5l-2 2M13.4 17l-2 2a4.6 4.6 0 0 1-6.5-6.5l2-2" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m5 12.5 4.6 4.5L19 7.5" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="M6.5 6.5l11 11M17.5 6.5l-11 11" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M12 19.5v-15M5.5 11 12 4.5l6.5 6.5" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);

export const WarningIcon = () => (
  <Icon>
    <path d="M12 4.3 2.9 19a1 1 0 0 0 .9 1.5h16.4a1 1 0 0 0 .9-1.5L12 4.3Z" />
    <path d="M12 10v4.5M12 17.4h.01" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="12" cy="8.3" r="3.8" />
    <path d="M4.8 20c.6-3.7 3.5-5.9 7.2-5.9s6.6 2.2 7.2 5.9" />
  </Icon>
);

export const PeopleIcon = () => (
  <Icon>
    <circle cx="9" cy="8.5" r="3.5" />
    <path d="M2.8 19.5c.5-3.3 3-5.3 6.2-5.3s5.7 2 6.2 5.3M15.5 5.3a3.5 3.5 0 0 1 0 6.4M17.7 14.9c2 .8 3.2 2.4 3.5 4.6" />
  </Icon>
);

export const SoundIcon = () => (
  <Icon>
    <path d="M4 9.5v5h3.3l4.7 4v-13l-4.7 4H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18.3 6.3a8 8 0 0 1 0 11.4" />
  </Icon>
);

export const BackIcon = () => (
  <Icon>
    <path d="M14.5 6 8.5 12l6 6" />
  </Icon>
);

export const ForwardIcon = () => (
  <Icon>
    <path d="m9.5 6 6 6-6 6" />
  </Icon>
);

export const UpIcon = () => (
  <Icon>
    <path d="m6.5 14.5 5.5-5 5.5 5" />
  </Icon>
);

export const HandIcon = () => (
  <Icon>
    <path d="M7.5 12.5V6.2a1.5 1.5 0 0 1 3 0V11 4.5a1.5 1.5 0 0 1 3 0V11 5.8a1.5 1.5 0 0 1 3 0V13a7 7 0 0 1-7 7.5c-2.6 0-4-1.2-5.3-3.4L2.9 14a1.5 1.5 0 0 1 2.5-1.6l2.1 2.3" />
  </Icon>
);

export const SmileIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.8" />
    <path d="M8.2 14.2c.8 1.5 2.2 2.3 3.8 2.3s3-.8 3.8-2.3M9 9.6h.01M15 9.6h.01" strokeWidth="2.1" />
  </Icon>
);

export const ScreenIcon = () => (
  <Icon>
    <rect x="2.8" y="4.5" width="18.4" height="12.5" rx="2.5" />
    <path d="M12 13.8V8M9.4 10.4 12 7.8l2.6 2.6M8.5 20.2h7" />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <path d="M12 5.5h.01M12 12h.01M12 18.5h.01" strokeWidth="3" />
  </Icon>
);

export const PinIcon = () => (
  <Icon>
    <path d="M8.8 4h6.4l-.7 6 3 3.6H6.5l3-3.6L8.8 4ZM12 13.8V20.5" />
  </Icon>
);

export const StatsIcon = () => (
  <Icon>
    <path d="M4 19.5h16M6.5 16v-4M11 16V6M15.5 16V9.5M20 16v-2" />
  </Icon>
);

export const PipIcon = () => (
  <Icon>
    <rect x="2.8" y="4.8" width="18.4" height="14.4" rx="2.6" />
    <rect x="12" y="11.5" width="6.2" height="4.7" rx="1.2" fill="currentColor" stroke="none" />
  </Icon>
);

export const FullScreenIcon = () => (
  <Icon>
    <path d="M4.5 9V5.5a1 1 0 0 1 1-1H9M15 4.5h3.5a1 1 0 0 1 1 1V9M19.5 15v3.5a1 1 0 0 1-1 1H15M9 19.5H5.5a1 1 0 0 1-1-1V15" />
  </Icon>
);

export const GridIcon = () => (
  <Icon>
    <rect x="3.8" y="4.8" width="7" height="6" rx="1.4" />
    <rect x="13.2" y="4.8" width="7" height="6" rx="1.4" />
    <rect x="3.8" y="13.2" width="7" height="6" rx="1.4" />
    <rect x="13.2" y="13.2" width="7" height="6" rx="1.4" />
  </Icon>
);

export const SpeakerViewIcon = () => (
  <Icon>
    <rect x="3.2" y="4.8" width="12" height="14.4" rx="2" />
    <path d="M18.2 6.5h2.6M18.2 12h2.6M18.2 17.5h2.6" strokeWidth="2.6" />
  </Icon>
);

export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7.5h9M17.5 7.5H20M4 16.5h2.5M11 16.5h9" />
    <circle cx="15.2" cy="7.5" r="2.3" />
    <circle cx="8.8" cy="16.5" r="2.3" />
  </Icon>
);

export const KeyboardIcon = () => (
  <Icon>
    <rect x="2.8" y="6" width="18.4" height="12" rx="2.4" />
    <path d="M7 10h.01M10.4 10h.01M13.8 10h.01M17 10h.01M8.5 14h7" strokeWidth="2" />
  </Icon>
);

/** Waves that do not arrive. */
export const WeakLinkIcon = () => (
  <Icon>
    <path d="M3.5 9.5A12.5 12.5 0 0 1 9 6.4M14.5 6.3a12.5 12.5 0 0 1 6 3.2M6.8 13a7.8 7.8 0 0 1 4.4-2.2M17.2 13a7.6 7.6 0 0 0-1.6-1.2" />
    <path d="M10.2 16.3a3.4 3.4 0 0 1 3.6 0M12 19.5h.01M4 4l16 16" />
  </Icon>
);

export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4" />
  </Icon>
);

export const MoonIcon = () => (
  <Icon>
    <path d="M19.5 14.6A8 8 0 0 1 9.4 4.5a8 8 0 1 0 10.1 10.1Z" />
  </Icon>
);

export const SystemIcon = () => (
  <Icon>
    <rect x="3.5" y="5" width="17" height="11" rx="2" />
    <path d="M12 16v3.5M8.5 19.5h7" />
  </Icon>
);

export function Logo({ wordmark = false }: { wordmark?: boolean }) {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
        <rect className="logo-tile" width="32" height="32" rx="9" />
        <g className="logo-line" fill="none" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
          <path d="M7.5 16h6.2c2.6 0 3.4-6.5 6.6-6.5h3.2M13.7 16c2.6 0 3.4 6.5 6.6 6.5h3.2" />
          <path d="m21 6.8 3 2.7-3 2.7M21 19.8l3 2.7-3 2.7" />
        </g>
      </svg>
      {wordmark ? <span className="logo-word">rtpfwd</span> : <span className="visually-hidden">rtpfwd</span>}
    </span>
  );
}
