import type { Estimate } from "../api/types";
import { useWords } from "../words";

/** An estimate as text with its interval and sample: `3.1% (2.6 to 3.7), n = 4,210`. */
export function useEstimateText() {
  const { t, f } = useWords();
  return (estimate: Estimate, write: (value: number) => string) => {
    const { low, high, n } = estimate;
    const interval =
      low === null || high === null
        ? t("interval.none")
        : t("interval.range", { low: write(low), high: write(high) });
    return { value: write(estimate.value), interval, sample: t("interval.sample", { n: f.number(n) }) };
  };
}

/** Writes a rate with as many digits as its interval gives a meaning to: 8.25% (8.19% to 8.31%), 55% (40% to 70%). */
export function useRate(): (estimate: Estimate) => (value: number) => string {
  const { f } = useWords();
  return ({ low, high }) => {
    if (low === null || high === null || high <= low) return (value) => f.percent(value);
    const half = ((high - low) / 2) * 100;
    const digits = Math.min(4, Math.max(0, Math.ceil(0.3 - Math.log10(half))));
    return (value) => f.percent(value, digits);
  };
}

/** A point with its whiskers on a shared scale, for a row of a table; the text beside it says the same. */
export function IntervalBar({ estimate, scale }: { estimate: Estimate; scale: [number, number] }) {
  const [from, to] = scale;
  const at = (value: number) =>
    `${Math.min(100, Math.max(0, (100 * (value - from)) / (to - from || 1)))}%`;
  const { value, low, high } = estimate;
  return (
    <span className="interval" aria-hidden>
      {low !== null && high !== null && (
        <span className="interval-range" style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
      )}
      <span className="interval-point" style={{ left: at(value) }} />
    </span>
  );
}

/** The scale that holds every estimate, from zero. */
export function scaleOf(estimates: Estimate[]): [number, number] {
  const top = Math.max(0, ...estimates.map(({ value, high }) => high ?? value));
  return [0, top * 1.04 || 1];
}

/** A rate in a table's cell: number, whiskers on the column's scale, interval, and the sample unless it stands beside. */
export function RateCell({
  estimate,
  scale,
  sample = true,
}: {
  estimate: Estimate;
  scale: [number, number];
  sample?: boolean;
}) {
  const rate = useRate();
  const text = useEstimateText()(estimate, rate(estimate));
  const { t } = useWords();
  if (estimate.n === 0) return <span className="dimmed">{t("interval.nobody")}</span>;
  return (
    <span className="estimate">
      <span className="estimate-value">{text.value}</span>
      <IntervalBar estimate={estimate} scale={scale} />
      <span className="estimate-note">
        {text.interval}
        {sample && ` · ${text.sample}`}
      </span>
    </span>
  );
}
