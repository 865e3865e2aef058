/** Speaking to the server: a visitor's token, events in small batches, decisions. */
import { here, moment } from "./context";
import type { Privacy } from "./privacy";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Decision {
  id: string;
  placement: string;
  fill: "offers" | "items" | "fallback";
  offer: string | null;
  content: Record<string, string>;
  items: { id: string; name: string; price: string; currency: string; image: string; url: string }[];
  /** Why there is no decision for this placement; its id is null then. */
  error?: { code: string; message: string };
}

const WAIT = 250;
const MOST = 50;
const KEPT = 200;
/** The browser lets requests outlive their page only up to 64 KB together; a letter takes up to three bytes. */
const SMALL = 20_000;
/** After so long a server counts as down. */
const TIMEOUT = 10_000;
/** A visitor's token is renewed once a day, not before every page's first decision. */
const DAY = 86_400_000;

export class Transport {
  /** What the page's own script says of this moment, sent with every question. */
  told: JsonObject = {};
  private token = "";
  private anonymousId = "";
  private userId = "";
  private hash = "";
  private queue: JsonObject[] = [];
  private timer = 0;
  private offset = "";
  private failures = 0;
  private visiting: Promise<void> | null = null;
  private sending: Promise<void> = Promise.resolve();

  constructor(
    private readonly host: string,
    private readonly writeKey: string,
    private readonly privacy: Privacy,
  ) {
    this.userId = privacy.get("user") ?? "";
    this.hash = privacy.get("hash") ?? "";
    this.queue = parse(privacy.get("queue"));
    addEventListener("pagehide", () => this.beacon());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.beacon();
    });
    addEventListener("online", () => void this.flush());
    if (this.queue.length) this.later();
  }

  identify(userId: string, hash: string): void {
    if (userId) this.userId = userId;
    if (hash || userId) this.hash = hash;
    this.privacy.set("user", this.userId);
    this.privacy.set("hash", this.hash);
  }

  forget(): void {
    this.token = this.anonymousId = this.userId = this.hash = this.offset = "";
    this.queue = [];
    this.visiting = null;
  }

  send(call: JsonObject): void {
    if (!this.privacy.allowed) return;
    this.queue.push({
      ...call,
      messageId: id(),
      timestamp: new Date().toISOString(),
      context: { ...context(), ...(this.hash ? { user_hash: this.hash } : {}) },
      ...(this.userId ? { userId: this.userId } : {}),
    });
    if (this.queue.length > KEPT) this.queue.shift();
    this.keep();
    if (this.queue.length >= MOST) void this.flush();
    else this.later();
  }

  /** Send what waits; it stays in the queue until the server has it. */
  flush(): Promise<void> {
    this.sending = this.sending.then(() => this.drain()).catch(() => undefined);
    return this.sending;
  }

  private async drain(): Promise<void> {
    while (this.queue.length && this.privacy.allowed) {
      const batch = this.queue.slice(0, MOST);
      try {
        await this.visit();
        const answer = await this.post("/v1/batch", this.body(batch));
        this.offset = said(answer.offset);
      } catch (problem) {
        if (!(problem instanceof Refused)) {
          this.later(Math.min(60_000, 1_000 * 2 ** this.failures++));
          return;
        }
      }
      this.failures = 0;
      const sent = new Set(batch.map((call) => call.messageId));
      this.queue = this.queue.filter((call) => !sent.has(call.messageId));
      this.keep();
    }
  }

  get allowed(): boolean {
    return this.privacy.allowed;
  }

  async decide(placements: string[]): Promise<Decision[]> {
    await this.flush();
    try {
      return await this.ask(placements);
    } catch (problem) {
      if (!(problem instanceof Refused && problem.message.includes('"visitor.invalid"'))) throw problem;
      // The server has a new secret: be somebody new to it.
      this.privacy.set("met", "");
      this.visiting = null;
      return this.ask(placements);
    }
  }

  private async ask(placements: string[]): Promise<Decision[]> {
    // While other things took their time the visitor may have said no.
    if (!this.allowed) return [];
    await this.visit();
    const asked: JsonObject = {
      writeKey: this.writeKey,
      visitor: this.token,
      placements,
      context: moment(this.told),
      after: this.offset,
    };
    if (this.userId && this.hash) asked.user = { id: this.userId, hash: this.hash };
    const answer = (await this.post("/v1/decide", asked)) as { decisions?: Decision[] };
    return answer.decisions ?? [];
  }

  /** Be somebody to the server; what waits for the answer waits for the same one. */
  private visit(): Promise<void> {
    this.visiting ??= this.meet().catch((problem: unknown) => {
      this.visiting = null;
      throw problem;
    });
    return this.visiting;
  }

  private async meet(): Promise<void> {
    const kept = this.privacy.get("visitor") ?? "";
    const known = this.privacy.get("anonymous") ?? "";
    if (kept && known && Date.now() - Number(this.privacy.get("met")) < DAY) {
      this.token = kept;
      this.anonymousId = known;
      return;
    }
    const answer = await this.post("/v1/visitor", { writeKey: this.writeKey, token: kept });
    this.token = said(answer.token);
    this.anonymousId = said(answer.anonymousId);
    this.privacy.set("visitor", this.token);
    this.privacy.set("anonymous", this.anonymousId);
    this.privacy.set("met", String(Date.now()));
  }

  private body(batch: JsonObject[]): JsonObject {
    const calls = batch.map((call) => ({ ...call, anonymousId: this.anonymousId }));
    return { writeKey: this.writeKey, sentAt: new Date().toISOString(), batch: calls };
  }

  /** The page goes away: hand the queue to the browser. Twice is harmless, ids tell. */
  private beacon(): void {
    this.anonymousId ||= this.privacy.get("anonymous") ?? "";
    if (!this.queue.length || !this.anonymousId || !this.privacy.allowed) return;
    const body = JSON.stringify(this.body(this.queue.slice(0, MOST)));
    navigator.sendBeacon(`${this.host}/v1/batch`, body);
  }

  private async post(path: string, body: JsonObject): Promise<JsonObject> {
    const text = JSON.stringify(body);
    // Text is a "simple" request: no preflight, one round trip.
    const answer = await fetch(this.host + path, {
      method: "POST",
      body: text,
      headers: { "content-type": "text/plain" },
      credentials: "omit",
      keepalive: text.length < SMALL,
      ...("timeout" in AbortSignal ? { signal: AbortSignal.timeout(TIMEOUT) } : {}),
    });
    if (answer.ok) return (await answer.json()) as JsonObject;
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw new Refused(await answer.text());
    throw new Error(String(answer.status));
  }

  private later(wait = WAIT): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.flush(), wait);
  }

  private keep(): void {
    this.privacy.set("queue", JSON.stringify(this.queue));
  }
}

/** The server understood and said no; asking again would change nothing. */
class Refused extends Error {
  constructor(answer: string) {
    super(answer);
    reportError(this);
  }
}

function said(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function context(): JsonObject {
  const where = new URLSearchParams(location.search);
  const campaign: JsonObject = {};
  for (const [key, value] of where) if (key.startsWith("utm_")) campaign[key.slice(4)] = value;
  return {
    ...here(),
    userAgent: navigator.userAgent,
    library: { name: "duyen-tag", version: "0.1.0" },
    ...(Object.keys(campaign).length ? { campaign } : {}),
  };
}

function id(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function parse(text: string | null): JsonObject[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? (value as JsonObject[]) : [];
  } catch {
    return [];
  }
}
