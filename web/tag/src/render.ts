/** Drawing a decision: into the page's own template where it has one, else into plain elements it can style. */
import type { Decision } from "./transport";

type Fields = Record<string, string>;

/** What elements held before the first decision. */
const own = new WeakMap<Element, Node[]>();

/** Replace an element's content by the decision's; where there is nothing to draw, by its own. */
export function draw(element: HTMLElement, decision: Decision): void {
  const template = element.querySelector<HTMLTemplateElement>("template[data-duyen-template]");
  const parts =
    decision.fill === "items"
      ? decision.items.map((item) => one(template, { ...item, title: item.name, price: price(item) }, item.id))
      : Object.keys(decision.content).length
        ? [one(template, decision.content)]
        : [];
  const before = own.get(element);
  if (!parts.length) {
    if (before) replace(element, before);
    return;
  }
  if (!before) own.set(element, [...element.childNodes]);
  replace(element, template ? [template, ...parts] : parts);
}

function replace(element: Element, nodes: Node[]): void {
  element.textContent = "";
  element.append(...nodes);
}

function one(template: HTMLTemplateElement | null, fields: Fields, item?: string): Node {
  const holder = template ? fromTemplate(template, fields) : plain(fields);
  if (item) holder.setAttribute("data-duyen-item", item);
  return holder;
}

/** `<… data-duyen-field="title">` gets the text; on an `img` the source, on an `a` also the address from `url`. */
function fromTemplate(template: HTMLTemplateElement, fields: Fields): HTMLElement {
  const copy = template.content.cloneNode(true) as DocumentFragment;
  const holder = document.createElement("div");
  holder.append(copy);
  const root = holder.childElementCount === 1 ? (holder.firstElementChild as HTMLElement) : holder;
  for (const slot of holder.querySelectorAll<HTMLElement>("[data-duyen-field]")) {
    set(slot, fields[slot.dataset.duyenField || ""] || "");
  }
  for (const link of holder.querySelectorAll<HTMLAnchorElement>("a[data-duyen-link]")) follow(link, fields.url);
  return root;
}

function plain(fields: Fields): HTMLElement {
  const link = document.createElement("a");
  link.className = "duyen-card";
  follow(link, fields.url);
  for (const [name, kind] of [
    ["image", "img"],
    ["title", "strong"],
    ["body", "span"],
    ["price", "span"],
    ["cta", "span"],
  ] as const) {
    const value = fields[name];
    if (!value) continue;
    const part = document.createElement(kind);
    part.className = `duyen-${name}`;
    set(part, value);
    link.append(part);
  }
  return link;
}

/** Text is only ever text; an image is only ever a picture. */
function set(slot: HTMLElement, value: string): void {
  if (slot instanceof HTMLImageElement) {
    const address = safe(value);
    if (address) slot.src = address;
    slot.alt ||= "";
  } else {
    slot.textContent = value;
  }
}

function follow(link: HTMLAnchorElement, address: string | undefined): void {
  const safely = safe(address);
  if (safely) link.href = safely;
}

/** An address that can be followed without running anything, or nothing. */
function safe(address: string | undefined): string {
  if (!address) return "";
  try {
    const url = new URL(address, location.href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}

function price(item: { price: string; currency: string }): string {
  const amount = Number(item.price);
  if (!item.price || !Number.isFinite(amount)) return "";
  const language = document.documentElement.lang || navigator.language;
  try {
    return new Intl.NumberFormat(language, { style: "currency", currency: item.currency }).format(amount);
  } catch {
    return `${item.price} ${item.currency}`;
  }
}
