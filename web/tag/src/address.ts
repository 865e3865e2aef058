/** Where the page is, for applications that change their address without loading a new page. */

/** Routers change the address and then the title, some of them in two steps; what stands after this is the page. */
const SETTLES = 100;

/** What makes a page another page: its path and its query, and the part after # only where a router keeps its path there. */
export function address(): string {
  return location.pathname + location.search + (/^#[!/]/.test(location.hash) ? location.hash : "");
}

/** Call `moved` soon after every change of the history, at most once for changes that come together. */
export function watchAddress(moved: () => void): void {
  let timer = 0;
  const soon = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(moved, SETTLES);
  };
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name].bind(history);
    history[name] = (...told): void => {
      original(...told);
      soon();
    };
  }
  addEventListener("popstate", soon);
  addEventListener("hashchange", soon);
}
