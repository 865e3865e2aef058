/** Speaking to the server: a visitor's token, events in small batches, decisions. */
import { here, moment } from "./context";
import { allowed, get, set } from "./privacy";
import * as queue from "./queue";
import { type Failure, report, tellRefusal } from "./trouble";

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
/** Answers that are about what was sent, not about who sends it. */
const ABOUT_CALLS = [400, 413, 422];
/** A letter takes up to three bytes, and the server up to 500 KB. */
const LARGE = 150_000;
/** The browser lets requests outlive their page only up to 64 KB together. */
const SMALL = 20_000;
/** After so long a server counts as down. */
const TIMEOUT = 10_000;
/** A question waits so long for the events before it; a long queue must not keep a page from its decisions. */
const POLITE = 400;
const LONGEST_BACKOFF = 60_000;
const LONGEST_WAIT = 600_000;
/** A visitor's token is renewed once a day, not before every page's first decision. */
const DAY = 86_400_000;

/** What the page's own script says of this moment, sent with every question. */
export const told: JsonObject = {};
let host = "";
let writeKey = "";
let token = "";
let anonymousId = "";
let userId = "";
let hash = "";
/** This page's own calls that neither the server nor the browser has taken over. */
const own = new Set<string>();
let timer = 0;
let offset = "";
let failures = 0;
let visiting: Promise<void> | null = null;
let sending: Promise<void> = Promise.resolve();

/** Begin to speak to a server, with what an earlier page has left unsaid. */
export function open(server: string, key: string): void {
  host = server;
  writeKey = key;
  userId = get("user");
  hash = get("hash");
  addEventListener("pagehide", beacon);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") beacon();
  });
  addEventListener("online", () => void flush());
  if (queue.ids().length) later();
}

export function identify(user: string, proof: string): void {
  if (user) userId = user;
  if (proof || user) hash = proof;
  set("user", userId);
  set("hash", hash);
}

export function forget(): void {
  token = anonymousId = userId = hash = offset = "";
  own.clear();
  visiting = null;
}

export function send(call: JsonObject): void {
  if (!allowed()) return;
  try {
    const id = queue.add({
      ...call,
      timestamp: new Date().toISOString(),
      context: { ...context(), ...(hash ? { user_hash: hash } : {}) },
      ...(userId ? { userId } : {}),
    });
    own.add(id);
  } catch (problem) {
    // It holds itself, or is far too large: only this call is lost.
    report(problem);
  }
  if (!timer) later();
}

/** Tell that something happened. */
export function track(event: string, properties: JsonObject): void {
  send({ type: "track", event, properties });
}

/** Send what waits; it stays in the queue until the server has it. */
export function flush(): Promise<void> {
  sending = sending.then(drain);
  return sending;
}

/** One tab at a time sends what all have left; where another does, or nobody can tell, doubles are known by their ids. */
async function drain(): Promise<void> {
  try {
    await navigator.locks.request("duyen", { ifAvailable: true }, (mine) => empty(!!mine));
  } catch {
    // An old browser, or a page without an origin of its own.
    await empty(true);
  }
}

async function empty(everything: boolean): Promise<void> {
  let most = MOST;
  while (allowed()) {
    const batch = queue.take(everything ? queue.ids() : [...own], most, LARGE);
    if (!batch.size) return;
    if (held()) {
      later(held());
      return;
    }
    let met = false;
    try {
      await visit();
      met = true;
      await deliver([...batch.values()]);
    } catch (problem) {
      // A refusal of the key or the site, or of the visitor, is not about the calls: they wait.
      if (!met || !ABOUT_CALLS.includes((problem as Failure).status || 0)) {
        tellRefusal(problem as Failure);
        retry((problem as Failure).wait);
        return;
      }
      if (batch.size > 1) {
        // One call among them spoils it: it is searched by halves, so that only it is lost.
        most = batch.size >> 1;
        continue;
      }
      report(problem);
    }
    most = MOST;
    failures = 0;
    for (const id of batch.keys()) {
      queue.drop(id);
      own.delete(id);
    }
  }
}

async function deliver(batch: JsonObject[]): Promise<void> {
  const answer = await post("/v1/batch", body(batch));
  offset = said(answer.offset);
  for (const each of (answer.rejected || []) as { reasons?: string[] }[]) report(new Error(String(each.reasons)));
}

/** Milliseconds for which the server has asked to be left alone, by any of this site's pages. */
function held(): number {
  const left = Number(get("wait")) - Date.now();
  return left > 0 && left <= LONGEST_WAIT ? left : 0;
}

function retry(asked = 0): void {
  const backoff = Math.min(LONGEST_BACKOFF, 1_000 * 2 ** failures++) * (0.75 + Math.random() / 2);
  if (asked) set("wait", String(Date.now() + Math.min(asked, LONGEST_WAIT)));
  later(Math.max(backoff, held()));
}

export async function decide(placements: string[]): Promise<Decision[]> {
  await Promise.race([flush(), new Promise((done) => setTimeout(done, POLITE))]);
  try {
    return await ask(placements);
  } catch (problem) {
    if (!String(problem).includes('"visitor.invalid"')) {
      tellRefusal(problem as Failure);
      throw problem;
    }
    // The server has a new secret: be somebody new to it.
    set("met", "");
    visiting = null;
    return ask(placements);
  }
}

async function ask(placements: string[]): Promise<Decision[]> {
  // While other things took their time the visitor may have said no.
  if (!allowed()) return [];
  await visit();
  const asked: JsonObject = {
    writeKey,
    visitor: token,
    placements,
    context: moment(told),
    after: offset,
  };
  if (userId && hash) asked.user = { id: userId, hash };
  const answer = (await post("/v1/decide", asked)) as { decisions?: Decision[] };
  return answer.decisions ?? [];
}

/** Be somebody to the server; what waits for the answer waits for the same one. */
function visit(): Promise<void> {
  visiting ??= meet().catch((problem: unknown) => {
    visiting = null;
    throw problem;
  });
  return visiting;
}

async function meet(): Promise<void> {
  const kept = get("visitor");
  if (Date.now() - Number(get("met")) < DAY && remember()) return;
  const answer = await post("/v1/visitor", { writeKey, token: kept });
  // Another tab may have been quicker: one browser is one visitor.
  if (get("visitor") !== kept && remember()) return;
  token = said(answer.token);
  anonymousId = said(answer.anonymousId);
  set("visitor", token);
  set("anonymous", anonymousId);
  set("met", String(Date.now()));
}

/** Be who was met before, where somebody was. */
function remember(): boolean {
  token = get("visitor");
  anonymousId = get("anonymous");
  return !!(token && anonymousId);
}

function body(batch: JsonObject[]): JsonObject {
  const calls = batch.map((call) => ({ ...call, anonymousId }));
  return { writeKey, sentAt: new Date().toISOString(), batch: calls };
}

/**
 * The page goes away: hand what it has told to the browser, in pieces, as long as the browser takes them. It stays
 * in the queue all the same, for nobody says whether it arrived; twice is harmless, ids tell.
 */
function beacon(): void {
  anonymousId ||= get("anonymous");
  while (anonymousId && allowed() && !held()) {
    const batch = queue.take(own, MOST, SMALL);
    if (!batch.size) return;
    if (!navigator.sendBeacon(`${host}/v1/batch`, JSON.stringify(body([...batch.values()])))) return;
    for (const id of batch.keys()) own.delete(id);
  }
}

/** Forget who is here, after the browser was given what they still had to say: also that they want to be forgotten. */
export function leave(clear: () => void): void {
  beacon();
  clear();
  forget();
}

async function post(path: string, what: JsonObject): Promise<JsonObject> {
  const text = JSON.stringify(what);
  // Text is a "simple" request: no preflight, one round trip.
  const answer = await fetch(host + path, {
    method: "POST",
    body: text,
    headers: { "content-type": "text/plain" },
    credentials: "omit",
    keepalive: text.length < SMALL,
    ...("timeout" in AbortSignal ? { signal: AbortSignal.timeout(TIMEOUT) } : {}),
  });
  if (answer.ok) return (await answer.json()) as JsonObject;
  const told = answer.headers.get("retry-after") || "";
  const wait = Number(told) * 1_000 || Date.parse(told) - Date.now() || 0;
  throw Object.assign(new Error(await answer.text()), { status: answer.status, wait });
}

function later(wait = WAIT): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    timer = 0;
    void flush();
  }, wait);
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
