import { Text } from "@mantine/core";

import type { Effect, LiftReport } from "../api/types";
import { type Key, useWords } from "../words";

export type Verdict = "more" | "less" | "unclear" | "early";

/** What an interval allows us to say about a difference. */
export function verdict(effect: Effect | null): Verdict {
  if (!effect || effect.difference.low === null || effect.difference.high === null) return "early";
  if (effect.difference.low > 0) return "more";
  return effect.difference.high < 0 ? "less" : "unclear";
}

/** The effect on revenue or conversion in one plain sentence, always with its interval. */
export function LiftSentence({
  report,
  of = "revenue",
}: {
  report: LiftReport;
  of?: "revenue" | "conversion";
}) {
  const { rich, f } = useWords();
  const effect = report[of];
  const says = verdict(effect);
  const write = (value: number) =>
    of === "revenue" ? f.change(value, report.currency) : f.points(value);
  const { value = 0, low = 0, high = 0 } = effect?.difference ?? {};
  const least = Math.min(Math.abs(low ?? 0), Math.abs(high ?? 0));
  const most = Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0));
  const unsigned = (amount: number) =>
    of === "revenue" ? f.money(amount, report.currency) : f.number(amount * 100, 2);
  const key: Key = says === "early" ? "lift.early" : `lift.${of}_${says}`;
  return (
    <Text size="lg" className={`verdict says-${says}`}>
      {rich(key, {
        difference: <strong>{unsigned(Math.abs(value))}</strong>,
        low: says === "unclear" ? write(low ?? 0) : unsigned(least),
        high: says === "unclear" ? write(high ?? 0) : unsigned(most),
        level: f.percent(report.level),
        treated: f.number(report.treated.people),
        held_out: f.number(report.held_out.people),
      })}
    </Text>
  );
}
