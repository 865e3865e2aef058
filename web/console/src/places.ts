import {
  IconActivity,
  IconBuilding,
  IconChartDots,
  IconFileImport,
  IconInbox,
  IconListDetails,
  IconMailOff,
  IconPlugConnected,
  IconSettings,
  IconUsers,
} from "@tabler/icons-react";

import type { Key } from "./words";

/** The console's pages in the order of the menu; `key` follows `g` on the keyboard. */
export const PLACES: { path: string; label: Key; Icon: typeof IconUsers; key: string }[] = [
  { path: "/", label: "nav.overview", Icon: IconActivity, key: "o" },
  { path: "/people", label: "nav.people", Icon: IconUsers, key: "p" },
  { path: "/companies", label: "nav.companies", Icon: IconBuilding, key: "c" },
  { path: "/mail", label: "nav.mail", Icon: IconInbox, key: "m" },
  { path: "/results", label: "nav.results", Icon: IconChartDots, key: "r" },
  { path: "/program", label: "nav.program", Icon: IconListDetails, key: "l" },
  { path: "/sources", label: "nav.sources", Icon: IconPlugConnected, key: "n" },
  { path: "/rejected", label: "nav.rejected", Icon: IconMailOff, key: "x" },
  { path: "/import", label: "nav.import", Icon: IconFileImport, key: "i" },
  { path: "/settings", label: "nav.settings", Icon: IconSettings, key: "s" },
];

/** Whether the page at `path` is the one shown. */
export function isHere(path: string, pathname: string): boolean {
  return path === "/" ? pathname === "/" : pathname === path || pathname.startsWith(`${path}/`);
}
