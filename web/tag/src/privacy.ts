/** What the visitor allows: Global Privacy Control, consent, and the little that is kept in the browser. */

const PREFIX = "duyen:";
const CONSENT = `${PREFIX}consent`;
const NOTED = 50;

/** What storage does not take, because it is full or switched off, lasts as long as the page. */
const memory = new Map<string, string>();
let said = read(CONSENT);
let needsConsent = false;

/** From now on nothing is allowed before the visitor agrees. */
export function askFirst(): void {
  needsConsent = true;
}

/**
 * Whether anything may be kept or sent. A visitor who agreed here has the last word; before that, the browser's
 * Global Privacy Control says no, and so does a page that asks first.
 */
export function allowed(): boolean {
  if (said !== null) return said === "granted";
  const asked = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;
  return !asked && !needsConsent;
}

/** Note what the visitor said; of a no, only the no itself is kept. */
export function decideConsent(granted: boolean): void {
  if (!granted) clear();
  said = granted ? "granted" : "denied";
  write(CONSENT, said);
}

export function clear(): void {
  for (const name of names("")) remove(name);
  said = null;
}

/** What is said or forgotten in one tab holds in the others too. */
export function follow(forgotten: () => void): void {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === null || key === CONSENT) said = read(CONSENT);
    if (key === null || (key === `${PREFIX}anonymous` && newValue === null)) forgotten();
  });
}

export function get(name: string): string {
  return (allowed() && (memory.get(PREFIX + name) || read(PREFIX + name))) || "";
}

export function set(name: string, value: string): void {
  if (allowed()) write(PREFIX + name, value);
}

export function remove(name: string): void {
  memory.delete(PREFIX + name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Storage is switched off: there is nothing to remove.
  }
}

/** The names of what is kept that begin like this, without this beginning, sorted. */
export function names(start: string): string[] {
  const kept = new Set(memory.keys());
  try {
    for (const key of Object.keys(localStorage)) kept.add(key);
  } catch {
    // Storage is switched off: there is only this page's memory.
  }
  const whole = PREFIX + start;
  return [...kept]
    .filter((key) => key.startsWith(whole))
    .map((key) => key.slice(whole.length))
    .sort();
}

/** Whether a value was not noted under this name before; from now on it is. The newest fifty are kept. */
export function once(name: string, value: string): boolean {
  const noted = get(name).split("\n");
  if (noted.includes(value)) return false;
  set(name, [value, ...noted].slice(0, NOTED).join("\n"));
  return true;
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
    memory.delete(key);
  } catch {
    memory.set(key, value);
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
