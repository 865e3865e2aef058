import { Anchor, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { messagesReport } from "../../api/queries";
import type { MessagesReport } from "../../api/types";
import { Await } from "../../parts/Await";
import { Empty } from "../../parts/Empty";
import { RateCell, scaleOf } from "../../parts/Interval";
import { Section } from "../../parts/Page";
import { useWords } from "../../words";
import { channelWords, reasonWords } from "../../words/codes";

/** What each message came to, and why some were not sent. */
export function MessageResults() {
  const { t } = useWords();
  const query = useQuery(messagesReport);
  return (
    <Await query={query} rows={6}>
      {(report) =>
        report.data.length === 0 ? (
          <Section>
            <Empty>{t("messages.none")}</Empty>
          </Section>
        ) : (
          <Stack gap="lg">
            <MessageTable report={report} />
            <Refusals report={report} />
          </Stack>
        )
      }
    </Await>
  );
}

function MessageTable({ report }: { report: MessagesReport }) {
  const words = useWords();
  const { t, f } = words;
  const opens = scaleOf(report.data.map(({ open_rate }) => open_rate));
  const clicks = scaleOf(report.data.map(({ click_rate }) => click_rate));
  return (
    <Section flush note={t("messages.note", { since: f.date(report.since) })} title={t("results.messages")}>
      <div className="scroll-x" tabIndex={0}>
        <Table highlightOnHover className="wide">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("messages.message")}</Table.Th>
              <Table.Th className="right">{t("messages.sent")}</Table.Th>
              <Table.Th>{t("messages.opened")}</Table.Th>
              <Table.Th>{t("messages.clicked")}</Table.Th>
              <Table.Th className="right">{t("messages.unsubscribed")}</Table.Th>
              <Table.Th className="right">{t("messages.orders")}</Table.Th>
              <Table.Th className="right">{t("messages.not_sent")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.data.map((row) => (
              <Table.Tr key={row.id}>
                <Table.Td className="named">
                  <Anchor component={Link} className="name-link" to={`/program/messages#${encodeURIComponent(row.id)}`}>
                    {row.name}
                  </Anchor>
                  <Text size="sm" c="dimmed">
                    {channelWords(words, row.channel)}
                  </Text>
                </Table.Td>
                <Table.Td className="right">
                  {f.number(row.sent)}
                  {row.waiting > 0 && (
                    <div className="dimmed nowrap">{t("messages.waiting", { n: row.waiting })}</div>
                  )}
                </Table.Td>
                <Table.Td>
                  <div>{f.number(row.opened)}</div>
                  <Machines count={row.bot_opened} />
                  <RateCell estimate={row.open_rate} scale={opens} sample={false} />
                </Table.Td>
                <Table.Td>
                  <div>{f.number(row.clicked)}</div>
                  <Machines count={row.bot_clicked} />
                  <RateCell estimate={row.click_rate} scale={clicks} sample={false} />
                </Table.Td>
                <Table.Td className="right">{f.number(row.unsubscribed)}</Table.Td>
                <Table.Td className="right nowrap">
                  {f.number(row.orders)}
                  <div className="dimmed">{f.money(row.revenue, report.currency)}</div>
                  <LeftOut count={row.other_currency + row.unreadable} />
                </Table.Td>
                <Table.Td className="right nowrap">
                  <NotSent label={t("state.refused")} count={row.refused} />
                  <NotSent label={t("state.held_out")} count={row.held_out} />
                  <NotSent label={t("state.failed")} count={row.failed} />
                  {row.refused + row.held_out + row.failed === 0 && "0"}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  );
}

/** Mails that only machines touched are no part of the rate; this says how many were left out. */
function Machines({ count }: { count: number }) {
  const { t, f } = useWords();
  if (count === 0) return null;
  return <div className="dimmed nowrap">{t("messages.machines", { n: f.number(count) })}</div>;
}

/** Orders whose amount is in another currency or cannot be read are orders all the same; this says how many. */
function LeftOut({ count }: { count: number }) {
  const { t } = useWords();
  if (count === 0) return null;
  return <div className="dimmed">{t("messages.left_out", { n: count })}</div>;
}

function NotSent({ label, count }: { label: string; count: number }) {
  const { f } = useWords();
  if (count === 0) return null;
  return (
    <div>
      <span className="dimmed">{label}</span> {f.number(count)}
    </div>
  );
}

function Refusals({ report }: { report: MessagesReport }) {
  const words = useWords();
  const { t, f } = words;
  if (report.refusals.length === 0) return null;
  const most = Math.max(...report.refusals.map(({ count }) => count));
  return (
    <Section title={t("messages.refusals")} note={t("messages.refusals_note")}>
      <table className="plain bars">
        <tbody>
          {report.refusals.map(({ reason, count }) => (
            <tr key={reason}>
              <th scope="row">{reasonWords(words, reason)}</th>
              <td className="bar-wide">
                <span className="bar rest" style={{ width: `${(100 * count) / most}%` }} aria-hidden />
              </td>
              <td className="right">{f.number(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
