import { SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";

import { lift } from "../../api/queries";
import type { Estimate, LiftReport } from "../../api/types";
import { Await } from "../../parts/Await";
import { Chart, type Colours } from "../../parts/Chart";
import { Empty } from "../../parts/Empty";
import { useEstimateText, useRate } from "../../parts/Interval";
import { LiftSentence, verdict } from "../../parts/Lift";
import { intervals } from "../../parts/plots";
import { Section } from "../../parts/Page";
import { useWords } from "../../words";

/** Treated against held out: what the program changed per customer. */
export function Effect() {
  const { t } = useWords();
  const query = useQuery(lift);
  return (
    <Await query={query} rows={6}>
      {(report) =>
        report.treated.people + report.held_out.people === 0 ? (
          <Section>
            <Empty>{t("lift.none")}</Empty>
          </Section>
        ) : (
          <Stack gap="lg">
            <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg" verticalSpacing="lg">
              <Measure report={report} of="revenue" />
              <Measure report={report} of="conversion" />
            </SimpleGrid>
            <Arms report={report} />
          </Stack>
        )
      }
    </Await>
  );
}

function Measure({ report, of }: { report: LiftReport; of: "revenue" | "conversion" }) {
  const { t, f } = useWords();
  const text = useEstimateText();
  const effect = report[of];
  const arm = of === "revenue" ? "revenue_per_person" : "conversion";
  const money = (value: number) => f.money(value, report.currency);
  const rate = useRate();
  const level = of === "revenue" ? () => money : rate;
  const change = of === "revenue" ? (value: number) => f.change(value, report.currency) : f.points;
  const difference = effect && text(effect.difference, change);
  const signed = (write: (value: number) => string) => (value: number) =>
    value > 0 ? `+${write(value)}` : write(value);
  // While nothing can be told from chance, a share of it would only seem to say more than the difference does.
  const told = ["more", "less"].includes(verdict(effect));
  const relative = told && effect?.relative && text(effect.relative, signed(rate(effect.relative)));
  return (
    <Section title={t(`lift.${of}_title`)}>
      <div className="effect-number">
        <span className="figure-value">
          {difference ? difference.value : "–"}
          {of === "conversion" && effect && <span className="figure-unit">{t("unit.points")}</span>}
        </span>
        {difference && (
          <Text size="sm" c="dimmed">
            {t("interval.with_level", {
              level: f.percent(report.level),
              interval: difference.interval,
            })}
            {" · "}
            {difference.sample}
          </Text>
        )}
        {relative && (
          <Text size="sm" c="dimmed">
            {t("lift.relative", { value: relative.value, interval: relative.interval })}
          </Text>
        )}
      </div>
      <LiftSentence report={report} of={of} />
      {[report.treated[arm], report.held_out[arm]].some(({ low }) => low !== null) && (
        // Without an interval the axis would blow a difference up of which nothing is known.
        <ArmsPlot
          treated={report.treated[arm]}
          heldOut={report.held_out[arm]}
          write={level}
          of={of}
        />
      )}
    </Section>
  );
}

function ArmsPlot({
  treated,
  heldOut,
  write,
  of,
}: {
  treated: Estimate;
  heldOut: Estimate;
  write: (estimate: Estimate) => (value: number) => string;
  of: "revenue" | "conversion";
}) {
  const { t } = useWords();
  const text = useEstimateText();
  const option = useCallback(
    (colours: Colours, width: number) =>
      intervals(
        [
          { label: t("arm.treated"), estimate: treated, colour: colours.first },
          { label: t("arm.held_out"), estimate: heldOut, colour: colours.rest },
        ],
        write(heldOut),
        (estimate) => {
          const { value, interval, sample } = text(estimate, write(estimate));
          return `${value}\n${interval}\n${sample}`;
        },
        colours,
        width,
      ),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `write` follows `t`
    [treated, heldOut, t, of],
  );
  const said = (estimate: Estimate) => {
    const { value, interval, sample } = text(estimate, write(estimate));
    return `${value} ${interval}, ${sample}`;
  };
  return (
    <Chart
      height={150}
      option={option}
      label={t("lift.plot_label", { treated: said(treated), held_out: said(heldOut) })}
    />
  );
}

function Arms({ report }: { report: LiftReport }) {
  const { t, f } = useWords();
  const text = useEstimateText();
  const rate = useRate();
  const money = (value: number) => f.money(value, report.currency);
  const leftOut = report.other_currency + report.unreadable;
  const crossed = report.treated.crossed + report.held_out.crossed;
  return (
    <Section
      title={t("lift.sample_title")}
      note={t("lift.sample_note", {
        since: report.since ? f.date(report.since) : "–",
        until: f.dateTime(report.as_of),
        share: f.percent(report.hold_out),
      })}
    >
      <div className="scroll-x" tabIndex={0}>
        <Table className="arms">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("lift.arm")}</Table.Th>
              <Table.Th className="right">{t("lift.people")}</Table.Th>
              <Table.Th className="right">{t("lift.converted")}</Table.Th>
              <Table.Th className="right">{t("lift.conversion")}</Table.Th>
              <Table.Th className="right">{t("lift.orders")}</Table.Th>
              <Table.Th className="right">{t("lift.revenue")}</Table.Th>
              <Table.Th className="right">{t("lift.revenue_per_person")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(["treated", "held_out"] as const).map((arm) => {
              const totals = report[arm];
              const conversion = text(totals.conversion, rate(totals.conversion));
              const each = text(totals.revenue_per_person, money);
              return (
                <Table.Tr key={arm}>
                  <Table.Th scope="row">
                    <span className={`swatch ${arm === "treated" ? "first" : "rest"}`} aria-hidden />{" "}
                    {t(`arm.${arm}`)}
                  </Table.Th>
                  <Table.Td className="right">{f.number(totals.people)}</Table.Td>
                  <Table.Td className="right">{f.number(totals.converted)}</Table.Td>
                  <Table.Td className="right">
                    {conversion.value}
                    <div className="dimmed nowrap">{conversion.interval}</div>
                  </Table.Td>
                  <Table.Td className="right">{f.number(totals.orders)}</Table.Td>
                  <Table.Td className="right">{f.money(totals.revenue, report.currency)}</Table.Td>
                  <Table.Td className="right">
                    {each.value}
                    <div className="dimmed nowrap">{each.interval}</div>
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </div>
      <Text size="sm" c="dimmed" mt="sm">
        {t("lift.crossed", { n: crossed })} {leftOut > 0 && t("lift.left_out", { n: leftOut })} {t("lift.method")}
      </Text>
    </Section>
  );
}
