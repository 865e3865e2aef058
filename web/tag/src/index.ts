/**
 * The tag: one line in a page.
 *
 *   <script src="https://your.duyen/tag.js" data-write-key="wk_…"></script>
 *
 * It gives `window.duyen` with page, track, identify, consent, context and decide. Calls made before it has loaded are kept:
 * window.duyen = window.duyen || []; duyen.push(["track", "Product Viewed", { product_id: "p1" }]).
 */
import { address, watchAddress } from "./address";
import { listen } from "./datalayer";
import { fill, hide, watch } from "./placements";
import { askFirst, clear, decideConsent, follow } from "./privacy";
import * as transport from "./transport";
import type { JsonObject } from "./transport";

type Call = [name: string, ...args: never[]];

const PURPOSE = "personalisation";
const CHANNEL = "web";

/** Where the last page view was, and where its visitor came from. */
let seen = "";
let href = document.referrer;
let referrer = href;
let layer = "";

const duyen = {
  /** Tell that a page is seen; placements that were decided at another address are asked for anew. */
  page(name?: string, properties: JsonObject = {}): void {
    const { href: url, pathname: path } = location;
    const place = address();
    if (place !== seen) {
      referrer = href;
      href = url;
      seen = place;
    }
    const about = { title: document.title, url, path, referrer };
    transport.send({ type: "page", ...(name ? { name } : {}), properties: { ...about, ...properties } });
    if (layer) listen(layer);
    void fill(true);
  },

  /** Tell that something happened. */
  track(event: string, properties: JsonObject = {}): void {
    transport.track(event, properties);
  },

  /** Tell who this is. `hash` is what your server computed: HMAC-SHA-256 of the user id under the identity secret. */
  identify(userId: string | null, traits: JsonObject = {}, proof: { hash?: string } = {}): void {
    transport.identify(userId || "", proof.hash || "");
    transport.send({ type: "identify", traits });
  },

  /**
   * What the visitor wants. Without more words it is about this site: whether anything is kept, sent and chosen for
   * them here. With a purpose and channel ("marketing", "email") it is only told, where anything may be told.
   */
  consent(granted: boolean, purpose = PURPOSE, channel = CHANNEL): void {
    const here = purpose === PURPOSE && channel === CHANNEL;
    if (here && granted) decideConsent(true);
    const state = granted ? "granted" : "denied";
    transport.track("Consent Updated", { purpose, channel, state, proof: location.href });
    if (!here) return;
    if (granted) duyen.decide();
    else transport.leave(() => decideConsent(false));
  },

  /** Forget this browser: its visitor, its user, its queue. */
  reset(): void {
    transport.leave(clear);
  },

  /** Say what this moment is about, as the server's `context` has it; `null` takes a field back. */
  context(told: JsonObject): void {
    Object.assign(transport.told, told);
  },

  /** Ask for the placements that are on the page now. */
  decide(): void {
    void fill();
  },

  /** The way in for calls that were made before the tag had loaded. */
  push([name, ...args]: Call): void {
    const method = (duyen as unknown as Record<string, unknown>)[name];
    if (typeof method === "function") (method as (...args: never[]) => void)(...args);
  },
};

/** Begin: by itself a page view, placements, and whatever the attributes of the line ask for. */
function begin({ autoPage, spa }: DOMStringMap): void {
  watch();
  if (autoPage === "false") {
    duyen.decide();
    if (layer) listen(layer);
    return;
  }
  duyen.page();
  if (spa !== "false") {
    watchAddress(() => {
      if (address() !== seen) duyen.page();
    });
  }
  // Gone back to, a page comes out of the browser's memory as it was left.
  addEventListener("pageshow", (event) => {
    if (event.persisted) duyen.page();
  });
}

function start(): void {
  const script = document.currentScript as HTMLScriptElement | null;
  if (!script?.dataset.writeKey) throw new Error("Duyên: the script element needs data-write-key.");
  const page = window as unknown as { duyen?: Call[] | typeof duyen };
  const waiting = page.duyen || [];
  // Two lines in one page are one tag.
  if (!Array.isArray(waiting)) return;
  const { writeKey, host, consent, datalayer = "false" } = script.dataset;
  if (consent === "required") askFirst();
  if (datalayer !== "false") layer = datalayer === "true" ? "dataLayer" : datalayer;
  transport.open((host || new URL(script.src).origin).replace(/\/$/, ""), writeKey);
  follow(transport.forget);
  hide();
  page.duyen = duyen;
  for (const call of waiting) duyen.push(call);
  const then = (): void => begin(script.dataset);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", then, { once: true });
  else then();
}

start();
