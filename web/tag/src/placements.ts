/** Placements: found on the page, filled without flicker, seen and clicked. */
import { address } from "./address";
import { allowed } from "./privacy";
import { draw } from "./render";
import { decide, flush, track, type Decision, type JsonObject } from "./transport";
import { report } from "./trouble";

const NAME = "data-duyen-placement";
const READY = "data-duyen-ready";
const UNREADY = `[${NAME}]:not([${READY}])`;
/** Longest time that a page waits for its decisions before it shows its own content. */
const PATIENCE = 800;
/** An impression is half of it in view for a second, as the Media Rating Council counts display. */
const SHARE = 0.5;
const DWELL = 1_000;

const shown = new WeakMap<Element, Decision>();
const seen = new WeakMap<Element, number>();
/** At which address of the page a decision was asked for. */
const asked = new WeakMap<Element, string>();
const eyes =
  "IntersectionObserver" in window
    ? new IntersectionObserver(looked, { threshold: [0, 0.1, 0.2, 0.3, 0.4, SHARE] })
    : null;

/** Keep places invisible, not collapsed, until they are filled: nothing jumps, nothing flashes. */
export function hide(): void {
  if (!allowed() || !("adoptedStyleSheets" in document)) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${UNREADY}{visibility:hidden}`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  setTimeout(() => reveal(), PATIENCE + 1_000);
}

/** Placements that a page's own script adds later are filled too; without this they would stay invisible. */
export function watch(): void {
  document.addEventListener("click", clicked, { capture: true });
  let waiting = 0;
  new MutationObserver(() => {
    waiting ||= window.setTimeout(() => {
      waiting = 0;
      if (document.querySelector(UNREADY)) void fill();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
}

/** Ask for every placement on the page that has no decision yet; `anew`, also for those decided at another address. */
export async function fill(anew = false): Promise<void> {
  const here = address();
  const found = [...document.querySelectorAll<HTMLElement>(`[${NAME}]`)].filter(
    (each) => !asked.has(each) || (anew && asked.get(each) !== here),
  );
  if (!found.length) return;
  if (!allowed()) {
    reveal(found);
    return;
  }
  for (const element of found) asked.set(element, here);
  // An answer that comes after the page was asked about another address is too late.
  const waiting = (): HTMLElement[] => found.filter((each) => asked.get(each) === here);
  // What the page shows already, because nobody could be asked before, may change; what gave up waiting may not.
  const visible = new Set(found.filter((each) => each.hasAttribute(READY)));
  const patience = setTimeout(() => reveal(waiting()), PATIENCE);
  try {
    const names = [...new Set(found.map(placement))].filter(Boolean);
    const decisions = (await decide(names)).filter(known);
    for (const element of waiting()) {
      const decision = decisions.find((each) => each.placement === placement(element));
      if (decision && (visible.has(element) || !element.hasAttribute(READY))) show(element, decision);
    }
  } catch {
    // The page's own content stays: a shop must not depend on us to be readable.
  } finally {
    clearTimeout(patience);
    const left = waiting();
    for (const element of left) if (!shown.has(element)) asked.delete(element);
    reveal(left);
  }
}

function show(element: HTMLElement, decision: Decision): void {
  draw(element, decision);
  shown.set(element, decision);
  element.setAttribute("data-duyen-decision", decision.id);
  // What was seen of an earlier decision does not count for this one.
  eyes?.unobserve(element);
  clearTimeout(seen.get(element));
  seen.delete(element);
  eyes?.observe(element);
}

function reveal(elements: Iterable<Element> = document.querySelectorAll(`[${NAME}]`)): void {
  for (const element of elements) element.setAttribute(READY, "");
}

function looked(entries: IntersectionObserverEntry[]): void {
  for (const { target, intersectionRatio, intersectionRect } of entries) {
    const waiting = seen.get(target);
    // Half of what is larger than the window never fits into it; half of the window is as good.
    const inView = intersectionRatio >= SHARE || intersectionRect.height >= innerHeight * SHARE;
    if (inView && waiting === undefined) {
      seen.set(target, window.setTimeout(() => viewed(target), DWELL));
    } else if (!inView && waiting !== undefined) {
      clearTimeout(waiting);
      seen.delete(target);
    }
  }
}

function viewed(element: Element): void {
  eyes?.unobserve(element);
  if (document.hidden) {
    // Nobody looks at another tab; the observer tells again when somebody comes back.
    seen.delete(element);
    eyes?.observe(element);
    return;
  }
  const decision = shown.get(element);
  if (decision) track("Decision Viewed", about(decision));
}

function clicked(event: Event): void {
  const target = event.target instanceof Element ? event.target : null;
  const element = target?.closest(`[${NAME}]`);
  const decision = element && shown.get(element);
  if (!target || !decision || !target.closest("a, button")) return;
  const item = target.closest("[data-duyen-item]")?.getAttribute("data-duyen-item");
  track("Decision Clicked", { ...about(decision), ...(item ? { item } : {}) });
  void flush();
}

/** A name that the server does not know is told to whoever looks into the console, and leaves the page as it is. */
function known(decision: Decision): boolean {
  if (decision.error) report(new Error(decision.error.message));
  return !decision.error;
}

function placement(element: Element): string {
  return element.getAttribute(NAME) || "";
}

function about(decision: Decision): JsonObject {
  return {
    decision_id: decision.id,
    placement: decision.placement,
    ...(decision.offer ? { offer: decision.offer } : {}),
  };
}
