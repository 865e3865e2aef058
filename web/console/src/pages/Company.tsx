import { Table, Text } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";

import { group, groupMembers } from "../api/queries";
import type { Group, GroupMember } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { PersonLink } from "../parts/PersonLink";
import { valueText } from "../parts/value";
import { useWords } from "../words";

/** One company: what is known of it, and who belongs to it. */
export default function Company() {
  const { id = "" } = useParams();
  const { t } = useWords();
  const query = useQuery(group(id));
  return (
    <Page
      title={query.data?.name ?? id}
      lead={query.data && query.data.name !== id && <span className="break">{id}</span>}
      back={{ to: "/companies", label: t("companies.title") }}
    >
      <Await query={query} rows={6}>
        {(data) => (
          <>
            <Section title={t("person.traits")}>
              <Traits group={data} />
            </Section>
            <Members id={id} count={data.members} />
          </>
        )}
      </Await>
    </Page>
  );
}

function Traits({ group: { traits } }: { group: Group }) {
  const { t, f } = useWords();
  if (traits.length === 0) return <Empty>{t("companies.no_traits")}</Empty>;
  return (
    <dl className="pairs">
      {traits.map(({ name, value, time, source_name }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="break">{valueText(value)}</span>
            <Text size="xs" c="dimmed">
              {f.dateTime(time)}
              {source_name && ` · ${source_name}`}
            </Text>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Members({ id, count }: { id: string; count: number }) {
  const { t, f } = useWords();
  const list = useInfiniteQuery(groupMembers(id));
  return (
    <Section flush title={t("companies.members")} note={t("companies.count", { n: count, count: f.number(count) })}>
      <div className="section-body" aria-busy={list.isFetching}>
        <Await query={list} rows={4}>
          {({ pages }) => {
            const rows = rowsOf(pages);
            return rows.length > 0 ? <MemberTable rows={rows} /> : <Empty>{t("companies.nobody")}</Empty>;
          }}
        </Await>
        <More list={list} />
      </div>
    </Section>
  );
}

function MemberTable({ rows }: { rows: GroupMember[] }) {
  const { t, f } = useWords();
  return (
    <Table highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("people.person")}</Table.Th>
          <Table.Th className="right">{t("companies.since")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td className="who">
              <PersonLink person={row} />
              <Text size="sm" c="dimmed" className="break">
                {row.email && row.name ? row.email : row.key}
              </Text>
            </Table.Td>
            <Table.Td className="right nowrap">{f.date(row.since)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
