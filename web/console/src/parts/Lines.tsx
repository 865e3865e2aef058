import { type PointerEvent, useState } from "react";

import { useWords } from "../words";

interface Row {
  label: string;
  /** The last one belongs to the minute that is not over yet. */
  values: number[];
  look: "first" | "second";
}

const WIDTH = 600;
const HEIGHT = 64;

/** Counts over time, one small line each on a scale of its own; pointing at a moment reads it off all of them.
 * Drawn without the chart engine, so that the first page does not wait for it. */
export function Lines({ rows, at }: { rows: Row[]; at: (index: number) => string }) {
  const [pointed, point] = useState<number | null>(null);
  const last = (rows[0]?.values.length ?? 0) - 1;
  if (last < 1) return null;
  const follow = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    point(Math.min(last, Math.max(0, Math.round(share * last))));
  };
  return (
    <div className="lines" onPointerMove={follow} onPointerLeave={() => point(null)}>
      {rows.map((row) => (
        <Line key={row.label} row={row} pointed={pointed} at={at} />
      ))}
      <div className="lines-axis" aria-hidden>
        <span>{at(0)}</span>
        <span>{at(Math.round(last / 2))}</span>
        <span>{at(last)}</span>
      </div>
    </div>
  );
}

function Line({
  row: { label, values, look },
  pointed,
  at,
}: {
  row: Row;
  pointed: number | null;
  at: (index: number) => string;
}) {
  const { t, f } = useWords();
  const whole = values.slice(0, -1);
  const top = Math.max(1, ...values);
  const x = (index: number) => (index / (values.length - 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 1 - (value / top) * (HEIGHT - 3);
  const points = values.map((value, index) => `${x(index)},${y(value).toFixed(1)}`);
  const read = (index: number) =>
    t(index < whole.length ? "lines.at" : "lines.so_far", {
      time: at(index),
      n: f.number(values[index] ?? 0),
    });
  const sum = values.reduce((total, value) => total + value, 0);
  return (
    <figure className={`line-row ${look}`}>
      <figcaption>
        <span>
          <span className={`swatch ${look}`} aria-hidden /> {label}
        </span>
        <span className="dimmed">
          {pointed === null ? t("lines.most", { n: f.number(Math.max(0, ...values)) }) : read(pointed)}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t("lines.label", {
          what: label,
          sum: f.number(sum),
          most: f.number(Math.max(0, ...values)),
        })}
      >
        <polygon points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
        <polyline points={points.slice(0, -1).join(" ")} />
        <polyline className="so-far" points={points.slice(-2).join(" ")} />
        {pointed !== null && <line x1={x(pointed)} x2={x(pointed)} y1={0} y2={HEIGHT} />}
      </svg>
    </figure>
  );
}
