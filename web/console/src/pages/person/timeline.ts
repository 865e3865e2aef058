import type { ContactRow, DecisionRow, EventRow, Page } from "../../api/types";

export type Entry =
  | { kind: "event"; id: string; time: string; row: EventRow }
  | { kind: "decision"; id: string; time: string; row: DecisionRow }
  | { kind: "contact"; id: string; time: string; row: ContactRow };

export const KINDS = ["event", "decision", "contact"] as const;
export type Kind = Entry["kind"];

/** One list as far as it has been read; `whole` once there is no further page. */
export interface Read {
  entries: Entry[];
  whole: boolean;
}

function read<T>(pages: Page<T>[] | undefined, entry: (row: T) => Entry): Read {
  if (!pages) return { entries: [], whole: false };
  return {
    entries: pages.flatMap((page) => page.data.map(entry)),
    whole: pages.at(-1)?.next === null,
  };
}

export const readEvents = (pages?: Page<EventRow>[]) =>
  read(pages, (row) => ({ kind: "event", id: `event ${row.id}`, time: row.time, row }));
export const readDecisions = (pages?: Page<DecisionRow>[]) =>
  read(pages, (row) => ({ kind: "decision", id: `decision ${row.id}`, time: row.time, row }));
export const readContacts = (pages?: Page<ContactRow>[]) =>
  read(pages, (row) => ({ kind: "contact", id: `contact ${row.key}`, time: row.time, row }));

const byTime = (a: Entry, b: Entry) => Date.parse(b.time) - Date.parse(a.time);

/**
 * Merges lists, newest first, down to the moment until which all of them have been read: what lies
 * below might still get something in between from a page that has not come yet.
 */
export function merge(lists: Read[]): Entry[] {
  const horizon = Math.max(
    -Infinity,
    ...lists
      .filter(({ whole }) => !whole)
      .map(({ entries }) => Date.parse(entries.at(-1)?.time ?? "") || Infinity),
  );
  return lists
    .flatMap(({ entries }) => entries)
    .filter(({ time }) => Date.parse(time) >= horizon)
    .sort(byTime);
}
