import { Anchor, Button, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";

import { groups } from "../api/queries";
import type { GroupRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { Search } from "../parts/Search";
import { useWords } from "../words";

/** The companies (and other groups) that customers belong to, found by how their names begin. */
export default function Companies() {
  const { t } = useWords();
  const [parameters, setParameters] = useSearchParams();
  const query = parameters.get("query") ?? "";
  const list = useInfiniteQuery(groups(query));
  const look = (text: string) => setParameters(text ? { query: text } : {}, { replace: true });
  return (
    <Page title={t("companies.title")} lead={t("companies.lead")}>
      <Section flush>
        <div className="filters">
          <Search label={t("companies.search")} value={query} onSearch={look} />
        </div>
        <div className="section-body" aria-busy={list.isFetching}>
          <Await query={list} rows={8}>
            {({ pages }) => {
              const rows = rowsOf(pages);
              if (rows.length > 0) return <CompanyTable rows={rows} />;
              return query ? (
                <Empty
                  action={
                    <Button variant="default" onClick={() => look("")}>
                      {t("people.clear")}
                    </Button>
                  }
                >
                  {t("companies.none_found")}
                </Empty>
              ) : (
                <Empty>
                  {t("companies.none")} <code>group</code>
                </Empty>
              );
            }}
          </Await>
          <More list={list} />
        </div>
      </Section>
    </Page>
  );
}

function CompanyTable({ rows }: { rows: GroupRow[] }) {
  const { t, f } = useWords();
  return (
    <Table highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("companies.company")}</Table.Th>
          <Table.Th className="right">{t("companies.members")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(({ id, name, members }) => (
          <Table.Tr key={id}>
            <Table.Td className="who">
              <Anchor component={Link} to={companyPath(id)} className="name-link break">
                {name}
              </Anchor>
              {name !== id && (
                <Text size="sm" c="dimmed" className="break">
                  {id}
                </Text>
              )}
            </Table.Td>
            <Table.Td className="right">{f.number(members)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

export function companyPath(id: string): string {
  return `/companies/${encodeURIComponent(id)}`;
}
