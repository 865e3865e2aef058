/** Options of the charts that more than one page draws. */
import type { Estimate } from "../api/types";
import type { Colours } from "./Chart";

interface Row {
  label: string;
  estimate: Estimate;
  colour: string;
}

interface Coordinates {
  value: (dimension: number) => number;
  coord: (point: [number, number]) => [number, number];
}

const CAP = 5;
const LABELS = 118;

/** One row for each estimate: a point with its whiskers, on one axis that keeps zero in sight when it is near. */
export function intervals(
  rows: Row[],
  write: (value: number) => string,
  say: (estimate: Estimate) => string,
  colours: Colours,
  width: number,
) {
  const ends = rows.flatMap(({ estimate: { value, low, high } }) => [value, low ?? value, high ?? value]);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const margin = (most - least) * 0.15 || Math.abs(most) * 0.1 || 1;
  return {
    grid: { left: LABELS, right: 20, top: 8, bottom: 28 },
    tooltip: {
      trigger: "item",
      backgroundColor: colours.surface,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontFamily: "Be Vietnam Pro" },
      renderMode: "richText",
      formatter: ({ dataIndex }: { dataIndex: number }) => {
        const row = rows[dataIndex];
        return row ? `${row.label}\n${say(row.estimate)}` : "";
      },
    },
    xAxis: {
      type: "value",
      min: least >= 0 ? Math.max(0, least - margin) : least - margin,
      max: most + margin,
      splitNumber: width < 420 ? 2 : 4,
      axisLabel: {
        color: colours.dimmed,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
        formatter: write,
      },
      splitLine: { lineStyle: { color: colours.line }, showMinLine: false, showMaxLine: false },
    },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ label }) => label),
      axisLabel: { color: colours.ink, width: LABELS - 12, overflow: "break", fontSize: 12, lineHeight: 17 },
      axisLine: { show: false },
      axisTick: { show: false },
    },
    series: [
      {
        type: "custom",
        data: rows.map(({ estimate: { value, low, high } }, index) => [
          index,
          value,
          low ?? value,
          high ?? value,
        ]),
        encode: { x: [1, 2, 3], y: 0 },
        renderItem: ({ dataIndex }: { dataIndex: number }, at: Coordinates) => {
          const y = at.value(0);
          const [x, middle] = at.coord([at.value(1), y]);
          const [from] = at.coord([at.value(2), y]);
          const [to] = at.coord([at.value(3), y]);
          const stroke = rows[dataIndex]?.colour ?? colours.ink;
          const line = (x1: number, y1: number, x2: number, y2: number) => ({
            type: "line",
            shape: { x1, y1, x2, y2 },
            style: { stroke, lineWidth: 2 },
          });
          return {
            type: "group",
            children: [
              line(from, middle, to, middle),
              line(from, middle - CAP, from, middle + CAP),
              line(to, middle - CAP, to, middle + CAP),
              { type: "circle", shape: { cx: x, cy: middle, r: 6 }, style: { fill: stroke } },
            ],
          };
        },
      },
    ],
  };
}
