/** What went wrong, told to whoever looks into the browser's console; the page goes on. */
export function report(problem: unknown): void {
  if (typeof reportError === "function") reportError(problem);
  else
    setTimeout(() => {
      throw problem;
    });
}

/** The server's answer was no, or not now; a network that is away has no status. */
export interface Failure extends Error {
  status?: number;
  /** Milliseconds that the server asks to be left alone. */
  wait?: number;
}

/** Tell of a refusal, which somebody has to mend; what may pass by itself is nobody's work. */
export function tellRefusal(problem: Failure): void {
  const status = problem.status || 500;
  if (status < 500 && status !== 429) report(problem);
}
