/** What the visitor allows: Global Privacy Control, consent, and the little that is kept in the browser. */

const PREFIX = "duyen:";
const CONSENT = `${PREFIX}consent`;

export class Privacy {
  private said: string | null;

  constructor(private readonly needsConsent: boolean) {
    this.said = read(CONSENT);
  }

  /**
   * Whether anything may be kept or sent. A visitor who agreed here has the last word; before that, the browser's
   * Global Privacy Control says no, and so does a page that asks first.
   */
  get allowed(): boolean {
    if (this.said !== null) return this.said === "granted";
    const asked = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;
    return !asked && !this.needsConsent;
  }

  grant(): void {
    this.said = "granted";
    write(CONSENT, "granted");
  }

  /** Keep only the no itself. */
  deny(): void {
    this.clear();
    this.said = "denied";
    write(CONSENT, "denied");
  }

  clear(): void {
    this.said = null;
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
    } catch {
      // Storage is switched off: there is nothing to clear.
    }
  }

  get(name: string): string | null {
    return this.allowed ? read(PREFIX + name) : null;
  }

  set(name: string, value: string): void {
    if (this.allowed) write(PREFIX + name, value);
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is full or switched off: the visit goes on without memory.
  }
}
