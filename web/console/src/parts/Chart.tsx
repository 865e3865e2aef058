import { Skeleton, useComputedColorScheme } from "@mantine/core";
import type { ECharts, EChartsCoreOption } from "echarts/core";
import { useEffect, useRef, useState } from "react";

/** The theme's colours as text, for a chart that cannot read variables. */
export interface Colours {
  ink: string;
  dimmed: string;
  line: string;
  surface: string;
  first: string;
  second: string;
  rest: string;
}

function colours(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: read("--mantine-color-text"),
    dimmed: read("--mantine-color-dimmed"),
    line: read("--line"),
    surface: read("--surface"),
    first: read("--series-1"),
    second: read("--series-2"),
    rest: read("--series-rest"),
  };
}

interface Props {
  /** What the chart shows, in a sentence, for those who do not see it. */
  label: string;
  height: number;
  /** Built again whenever it changes: keep it stable with useCallback. */
  option: (colours: Colours, width: number) => EChartsCoreOption;
}

/** An ECharts chart that follows its box and the theme; its engine comes after the page. */
export function Chart({ label, height, option }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<ECharts>();
  const [width, setWidth] = useState(0);
  const scheme = useComputedColorScheme("light");

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let made: ECharts | undefined;
    let asked = false;
    let gone = false;
    // The engine measures its box when it starts, so it starts once there is one.
    const start = async () => {
      const { init } = await import("./engine");
      if (gone) return;
      made = init(element, null, { renderer: "svg" });
      setChart(made);
    };
    const watch = new ResizeObserver(() => {
      if (element.clientWidth === 0) return;
      if (!asked) void start();
      asked = true;
      made?.resize();
      setWidth(element.clientWidth);
    });
    watch.observe(element);
    return () => {
      gone = true;
      watch.disconnect();
      made?.dispose();
      setChart(undefined);
    };
  }, []);

  useEffect(() => {
    if (chart && box.current && width > 0) {
      chart.setOption(
        { animation: false, textStyle: { fontFamily: "Be Vietnam Pro" }, ...option(colours(box.current), width) },
        { notMerge: true },
      );
    }
  }, [chart, option, scheme, width]);

  return (
    <div className="chart" style={{ height }}>
      {!chart && <Skeleton height={height} className="chart-wait" />}
      <div ref={box} style={{ height }} role="img" aria-label={label} />
    </div>
  );
}
