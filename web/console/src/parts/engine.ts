/** The parts of ECharts that the console uses, and no others; loaded when the first chart is shown. */
import { CustomChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use as register } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

register([CustomChart, GridComponent, TooltipComponent, SVGRenderer]);

export { init };
