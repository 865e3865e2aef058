import { Anchor, Badge, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { journeysReport } from "../../api/queries";
import { Await } from "../../parts/Await";
import { Empty } from "../../parts/Empty";
import { Section } from "../../parts/Page";
import { useWords } from "../../words";

/** Who entered each journey, who is on the way, and what came of it. */
export function JourneyResults() {
  const { t, f } = useWords();
  const query = useQuery(journeysReport);
  return (
    <Await query={query} rows={6}>
      {(report) => (
        <Section flush title={t("results.journeys")} note={t("journeys.note", { when: f.dateTime(report.as_of) })}>
          {report.data.length === 0 ? (
            <Empty>{t("journeys.none")}</Empty>
          ) : (
            <div className="scroll-x" tabIndex={0}>
              <Table highlightOnHover className="wide">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t("journeys.journey")}</Table.Th>
                    <Table.Th className="right">{t("journeys.entered")}</Table.Th>
                    <Table.Th className="right">{t("journeys.active")}</Table.Th>
                    <Table.Th className="right">{t("journeys.finished")}</Table.Th>
                    <Table.Th className="right">{t("journeys.sent")}</Table.Th>
                    <Table.Th className="right">{t("journeys.refused")}</Table.Th>
                    <Table.Th className="right">{t("journeys.held_out")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {report.data.map((row) => (
                    <Table.Tr key={row.id}>
                      <Table.Td className="named">
                        <Anchor
                          component={Link}
                          className="name-link"
                          to={`/program/journeys#${encodeURIComponent(row.id)}`}
                        >
                          {row.name}
                        </Anchor>{" "}
                        <Badge variant="default">{t(row.live ? "program.live" : "program.draft")}</Badge>
                      </Table.Td>
                      <Table.Td className="right">{f.number(row.entered)}</Table.Td>
                      <Table.Td className="right">{f.number(row.active)}</Table.Td>
                      <Table.Td className="right">{f.number(row.finished)}</Table.Td>
                      <Table.Td className="right">{f.number(row.sent)}</Table.Td>
                      <Table.Td className="right">{f.number(row.refused)}</Table.Td>
                      <Table.Td className="right">{f.number(row.held_out)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          )}
        </Section>
      )}
    </Await>
  );
}
