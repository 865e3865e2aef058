import { Anchor, Stack, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { decisionsReport } from "../../api/queries";
import type { PlacementResult } from "../../api/types";
import { Await } from "../../parts/Await";
import { Empty } from "../../parts/Empty";
import { RateCell, scaleOf } from "../../parts/Interval";
import { Section } from "../../parts/Page";
import { useWords } from "../../words";
import { policyWords } from "../../words/codes";

/** What was chosen at each placement, and what people made of it. */
export function DecisionResults() {
  const { t } = useWords();
  const query = useQuery(decisionsReport);
  return (
    <Await query={query} rows={6}>
      {(report) =>
        report.data.length === 0 ? (
          <Section>
            <Empty>{t("decisions.none")}</Empty>
          </Section>
        ) : (
          <Stack gap="lg">
            {report.data.map((placement) => (
              <PlacementTable key={placement.id} placement={placement} />
            ))}
          </Stack>
        )
      }
    </Await>
  );
}

function PlacementTable({ placement }: { placement: PlacementResult }) {
  const words = useWords();
  const { t, f } = words;
  const scale = scaleOf(placement.arms.map(({ rate }) => rate));
  return (
    <Section
      flush
      title={
        <Anchor component={Link} className="name-link" to={`/program/placements#${encodeURIComponent(placement.id)}`}>
          {placement.name}
        </Anchor>
      }
      note={t("decisions.note", {
        n: placement.decisions,
        held_out: f.number(placement.held_out),
        fallback: f.number(placement.fallback),
        policy: placement.policy || "–",
      })}
    >
      {placement.arms.length === 0 ? (
        <Empty>{t("decisions.no_choice")}</Empty>
      ) : (
        <div className="scroll-x" tabIndex={0}>
          <Table highlightOnHover className="wide">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("decisions.arm")}</Table.Th>
                <Table.Th className="right">{t("decisions.chosen")}</Table.Th>
                <Table.Th>{t("decisions.share")}</Table.Th>
                <Table.Th className="right">{t("decisions.views")}</Table.Th>
                <Table.Th className="right">{t("decisions.clicks")}</Table.Th>
                <Table.Th>{t("decisions.rate")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {placement.arms.map((arm) => (
                <Table.Tr key={arm.arm}>
                  <Table.Td className="named strong">{policyWords(words, arm.name)}</Table.Td>
                  <Table.Td className="right">{f.number(arm.chosen)}</Table.Td>
                  <Table.Td>
                    <span className="bar-cell">
                      <span className="bar" style={{ width: `${arm.share * 100}%` }} aria-hidden />
                      <span>{f.percent(arm.share)}</span>
                    </span>
                  </Table.Td>
                  <Table.Td className="right">{f.number(arm.views)}</Table.Td>
                  <Table.Td className="right">{f.number(arm.clicks)}</Table.Td>
                  <Table.Td>
                    <RateCell estimate={arm.rate} scale={scale} sample={false} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Section>
  );
}
