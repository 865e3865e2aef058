/**
 * The tag: one line in a page.
 *
 *   <script src="https://your.duyen/tag.js" data-write-key="wk_…"></script>
 *
 * It gives `window.duyen` with page, track, identify, consent, context and decide. Calls made before it has loaded are kept:
 * window.duyen = window.duyen || []; duyen.push(["track", "Product Viewed", { product_id: "p1" }]).
 */
import { Placements } from "./placements";
import { Privacy } from "./privacy";
import { Transport, type Json, type JsonObject } from "./transport";

type Call = [name: string, ...args: never[]];

interface Options {
  writeKey: string;
  host: string;
  autoPage: boolean;
  /** Nothing is kept or sent before the visitor has agreed. */
  needsConsent: boolean;
}

class Duyen {
  private readonly privacy: Privacy;
  private readonly transport: Transport;
  private readonly placements: Placements;

  constructor(private readonly options: Options) {
    this.privacy = new Privacy(options.needsConsent);
    this.transport = new Transport(options.host, options.writeKey, this.privacy);
    this.placements = new Placements(this.transport, (event, properties) => this.track(event, properties));
    this.placements.hide();
    whenParsed(() => this.start());
  }

  private start(): void {
    this.placements.watch();
    if (this.options.autoPage) this.page();
    else this.decide();
  }

  /** Tell that a page is seen, and look for placements in it again (single-page applications call this). */
  page(name?: string, properties: JsonObject = {}): void {
    const about = { title: document.title, url: location.href, path: location.pathname, referrer: document.referrer };
    this.transport.send({ type: "page", ...(name ? { name } : {}), properties: { ...about, ...properties } });
    this.decide();
  }

  /** Tell that something happened. */
  track(event: string, properties: JsonObject = {}): void {
    this.transport.send({ type: "track", event, properties });
  }

  /** Tell who this is. `hash` is what your server computed: HMAC-SHA-256 of the user id under the identity secret. */
  identify(userId: string | null, traits: JsonObject = {}, proof: { hash?: string } = {}): void {
    this.transport.identify(userId ?? "", proof.hash ?? "");
    this.transport.send({ type: "identify", traits });
  }

  /**
   * What the visitor wants. Without more words it is about this site: whether anything is kept, sent and chosen for
   * them here. With a purpose and channel ("marketing", "email") it is only told, where anything may be told.
   */
  consent(granted: boolean, purpose = HERE.purpose, channel = HERE.channel): void {
    const here = purpose === HERE.purpose && channel === HERE.channel;
    const said = { purpose, channel, state: granted ? "granted" : "denied", proof: location.href };
    if (here && granted) this.privacy.grant();
    this.transport.send({ type: "track", event: "Consent Updated", properties: said });
    if (!here) return;
    if (granted) this.decide();
    else void this.transport.flush().then(() => this.withdraw());
  }

  private withdraw(): void {
    this.privacy.deny();
    this.transport.forget();
  }

  /** Forget this browser: its visitor, its user, its queue. */
  reset(): void {
    this.privacy.clear();
    this.transport.forget();
  }

  /** Say what this moment is about, as the server's `context` has it; `null` takes a field back. */
  context(told: JsonObject): void {
    Object.assign(this.transport.told, told);
  }

  /** Ask for the placements that are on the page now. */
  decide(): void {
    void this.placements.fill();
  }

  /** The way in for calls that were made before the tag had loaded. */
  push(call: Call): void {
    const [name, ...args] = call;
    const method = (this as unknown as Record<string, unknown>)[name];
    if (typeof method === "function") (method as (...args: Json[]) => void).apply(this, args);
  }
}

const HERE = { purpose: "personalisation", channel: "web" };

function whenParsed(then: () => void): void {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", then, { once: true });
  else then();
}

function start(): void {
  const script = document.currentScript as HTMLScriptElement | null;
  const writeKey = script?.dataset.writeKey;
  if (!script || !writeKey) {
    throw new Error("Duyên: the script element needs data-write-key.");
  }
  const page = window as unknown as { duyen?: Call[] | Duyen };
  const waiting = page.duyen ?? [];
  // Two lines in one page are one tag.
  if (!Array.isArray(waiting)) return;
  const duyen = new Duyen({
    writeKey,
    host: (script.dataset.host ?? new URL(script.src).origin).replace(/\/$/, ""),
    autoPage: script.dataset.autoPage !== "false",
    needsConsent: script.dataset.consent === "required",
  });
  page.duyen = duyen;
  for (const call of waiting) duyen.push(call);
}

start();
