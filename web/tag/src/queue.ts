/**
 * Calls that the server does not have yet. Each is kept under a key of its own: tabs share the storage, so none can
 * overwrite what another has added, and whichever is open sends what the closed ones left.
 */
import { get, names, remove, set } from "./privacy";
import type { JsonObject } from "./transport";

const NAME = "queue:";
const MOST_CALLS = 500;
const MOST_LETTERS = 500_000;
/** The server takes 32 KB of properties, traits and context. */
const MOST_OF_ONE = 33_000;

let added = 0;

/** Keep a call, at the price of the oldest where there are too many; returns its id. Raises where it cannot be sent. */
export function add(call: JsonObject): string {
  const id = nextId();
  const text = JSON.stringify({ ...call, messageId: id });
  if (text.length > MOST_OF_ONE) throw new Error("Duyên: a call larger than 32 KB is not sent.");
  set(NAME + id, text);
  let letters = 0;
  for (const [place, each] of ids().reverse().entries()) {
    letters += get(NAME + each).length;
    if (place >= MOST_CALLS || letters > MOST_LETTERS) drop(each);
  }
  return id;
}

/** All that is kept, the oldest first. */
export function ids(): string[] {
  return names(NAME);
}

/** The first of these calls by their ids: at most `most`, and no more letters than given unless there is only one. */
export function take(from: Iterable<string>, most: number, letters: number): Map<string, JsonObject> {
  const taken = new Map<string, JsonObject>();
  for (const id of from) {
    const text = get(NAME + id);
    letters -= text.length;
    if (taken.size >= most || (taken.size && letters < 0)) break;
    const call = parse(text);
    if (call) taken.set(id, call);
    else drop(id);
  }
  return taken;
}

export function drop(id: string): void {
  remove(NAME + id);
}

/** Sorted as they were added: by time, then by number in this page; chance keeps pages apart. */
function nextId(): string {
  const chance = [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36));
  return Date.now().toString(36) + String(100_000 + added++) + chance.join("");
}

function parse(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
