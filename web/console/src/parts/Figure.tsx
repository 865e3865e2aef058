import { Text } from "@mantine/core";
import type { ReactNode } from "react";

/** A number as the hero: what it counts, the number, and what belongs beside it (interval, sample, parts). */
export function Figure({
  label,
  value,
  unit,
  children,
}: {
  label: string;
  value: ReactNode;
  unit?: string;
  children?: ReactNode;
}) {
  return (
    <div className="figure">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <div className="figure-value">
        {value}
        {unit && <span className="figure-unit">{unit}</span>}
      </div>
      {children && (
        <Text component="div" size="sm" c="dimmed" className="figure-note">
          {children}
        </Text>
      )}
    </div>
  );
}

/** Figures side by side, divided by hairlines; two by two on a phone. */
export function Figures({ children }: { children: ReactNode }) {
  return <div className="figures">{children}</div>;
}
