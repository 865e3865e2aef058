/** Placements: found on the page, filled without flicker, seen and clicked. */
import { draw } from "./render";
import type { Decision, JsonObject, Transport } from "./transport";

const NAME = "data-duyen-placement";
const READY = "data-duyen-ready";
const UNREADY = `[${NAME}]:not([${READY}])`;
/** Longest time that a page waits for its decisions before it shows its own content. */
const PATIENCE = 800;
/** An impression is half of it in view for a second, as the Media Rating Council counts display. */
const SHARE = 0.5;
const DWELL = 1_000;

type Track = (event: string, properties: JsonObject) => void;

export class Placements {
  private readonly shown = new WeakMap<Element, Decision>();
  private readonly seen = new WeakMap<Element, number>();
  private readonly asked = new WeakSet<Element>();
  private readonly eyes: IntersectionObserver | null;

  constructor(
    private readonly transport: Transport,
    private readonly track: Track,
  ) {
    this.eyes =
      "IntersectionObserver" in window
        ? new IntersectionObserver((entries) => this.looked(entries), { threshold: [0, 0.1, 0.2, 0.3, 0.4, SHARE] })
        : null;
    document.addEventListener("click", (event) => this.clicked(event), { capture: true });
  }

  /** Keep places invisible, not collapsed, until they are filled: nothing jumps, nothing flashes. */
  hide(): void {
    if (!this.transport.allowed || !("adoptedStyleSheets" in document)) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`${UNREADY}{visibility:hidden}`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    setTimeout(() => this.reveal(), PATIENCE + 1_000);
  }

  /** Placements that a page's own script adds later are filled too; without this they would stay invisible. */
  watch(): void {
    let waiting = 0;
    new MutationObserver(() => {
      waiting ||= window.setTimeout(() => {
        waiting = 0;
        if (document.querySelector(UNREADY)) void this.fill();
      });
    }).observe(document.documentElement, { childList: true, subtree: true });
  }

  /** Ask for every placement on the page that has no decision yet. */
  async fill(): Promise<void> {
    const found = [...document.querySelectorAll<HTMLElement>(`[${NAME}]`)].filter((each) => !this.asked.has(each));
    if (!found.length) return;
    if (!this.transport.allowed) {
      this.reveal(found);
      return;
    }
    for (const element of found) this.asked.add(element);
    // What the page shows already, because nobody could be asked before, may change; what gave up waiting may not.
    const visible = new Set(found.filter((each) => each.hasAttribute(READY)));
    const patience = setTimeout(() => this.reveal(found), PATIENCE);
    try {
      const names = [...new Set(found.map(placement))].filter(Boolean);
      const decisions = (await this.transport.decide(names)).filter(known);
      for (const element of found) {
        const decision = decisions.find((each) => each.placement === placement(element));
        if (decision && (visible.has(element) || !element.hasAttribute(READY))) this.show(element, decision);
      }
    } catch {
      // The page's own content stays: a shop must not depend on us to be readable.
    } finally {
      clearTimeout(patience);
      for (const element of found) if (!this.shown.has(element)) this.asked.delete(element);
      this.reveal(found);
    }
  }

  private show(element: HTMLElement, decision: Decision): void {
    draw(element, decision);
    this.shown.set(element, decision);
    element.setAttribute("data-duyen-decision", decision.id);
    this.eyes?.observe(element);
  }

  private reveal(elements: Iterable<Element> = document.querySelectorAll(`[${NAME}]`)): void {
    for (const element of elements) element.setAttribute(READY, "");
  }

  private looked(entries: IntersectionObserverEntry[]): void {
    for (const { target, intersectionRatio, intersectionRect } of entries) {
      const waiting = this.seen.get(target);
      // Half of what is larger than the window never fits into it; half of the window is as good.
      const inView = intersectionRatio >= SHARE || intersectionRect.height >= innerHeight * SHARE;
      if (inView && waiting === undefined) {
        this.seen.set(target, window.setTimeout(() => this.viewed(target), DWELL));
      } else if (!inView && waiting !== undefined) {
        clearTimeout(waiting);
        this.seen.delete(target);
      }
    }
  }

  private viewed(element: Element): void {
    this.eyes?.unobserve(element);
    if (document.hidden) {
      // Nobody looks at another tab; the observer tells again when somebody comes back.
      this.seen.delete(element);
      this.eyes?.observe(element);
      return;
    }
    const decision = this.shown.get(element);
    if (decision) this.track("Decision Viewed", about(decision));
  }

  private clicked(event: Event): void {
    const target = event.target instanceof Element ? event.target : null;
    const element = target?.closest(`[${NAME}]`);
    const decision = element && this.shown.get(element);
    if (!target || !decision || !target.closest("a, button")) return;
    const item = target.closest("[data-duyen-item]")?.getAttribute("data-duyen-item");
    this.track("Decision Clicked", { ...about(decision), ...(item ? { item } : {}) });
    void this.transport.flush();
  }
}

/** A name that the server does not know is told to whoever looks into the console, and leaves the page as it is. */
function known(decision: Decision): boolean {
  if (decision.error) reportError(new Error(decision.error.message));
  return !decision.error;
}

function placement(element: Element): string {
  return element.getAttribute(NAME) ?? "";
}

function about(decision: Decision): JsonObject {
  return {
    decision_id: decision.id,
    placement: decision.placement,
    ...(decision.offer ? { offer: decision.offer } : {}),
  };
}
