import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const Logo = () => (
  <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="9" fill="var(--accent)" />
    <circle cx="16" cy="16" r="3.2" fill="var(--on-accent)" />
    <path
      d="M10.5 21.5a8 8 0 0 1 0-11m11 0a8 8 0 0 1 0 11"
      fill="none"
      stroke="var(--on-accent)"
      strokeWidth="2.4"
      strokeLinecap="round"
    />
  </svg>
);

export const MenuIcon = () => (
  <Icon>
    <path d="M4 7h16M4 12h16M4 17h10" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);

export const MegaphoneIcon = () => (
  <Icon>
    <path d="M4 10v4h3l8 4V6l-8 4zM18.5 9.5a3.5 3.5 0 0 1 0 5M8 14.5V19h2.5v-3.2" />
  </Icon>
);

export const HashIcon = () => (
  <Icon>
    <path d="M5 9h15M4 15h15M10 4L8 20M16 4l-2 16" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M5 12l-1.5-7.5L21 12 3.5 19.5 5 12zm0 0h7" />
  </Icon>
);

export const ForwardIcon = () => (
  <Icon>
    <path d="M13 6l6 5.5-6 5.5v-3.5c-4 0-6.5 1.5-8 4 .3-5 3-8 8-8.5z" />
  </Icon>
);

export const LeaveIcon = () => (
  <Icon>
    <path d="M14 5H7a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h7M11 12h9m-3.5-3.5L20 12l-3.5 3.5" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M12 5v14m-6-6 6 6 6-6" />
  </Icon>
);

export const ReplyIcon = () => (
  <Icon>
    <path d="M10 6L4.5 11.5 10 17v-3.5c4.5 0 7.5 1.5 9.5 5 .5-6-3-10-9.5-10z" />
  </Icon>
);

export const SmileIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M8.5 14c1.5 2.5 5.5 2.5 7 0M9 9.5v.5M15 9.5v.5" />
  </Icon>
);

export const EditIcon = () => (
  <Icon>
    <path d="M5 19l1-4L16.5 4.5l3 3L9 18zM14.5 6.5l3 3" />
  </Icon>
);

export const TrashIcon = () => (
  <Icon>
    <path d="M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5" />
  </Icon>
);

export const FileIcon = () => (
  <Icon>
    <path d="M13.5 4H7a1.5 1.5 0 0 0-1.5 1.5v13A1.5 1.5 0 0 0 7 20h10a1.5 1.5 0 0 0 1.5-1.5V9zm0 0v5h5" />
  </Icon>
);

export const ClipIcon = () => (
  <Icon>
    <path d="M18.5 11.5l-7 7a4.2 4.2 0 0 1-6-6l7.5-7.5a2.8 2.8 0 0 1 4 4L9.5 16.5a1.4 1.4 0 0 1-2-2l6.5-6.5" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="M15 15l5 5" />
  </Icon>
);
