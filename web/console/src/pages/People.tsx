import { Anchor, Badge, Button, Group, SegmentedControl, Select, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSearchParams } from "react-router";

import type { PeopleFilters } from "../api/client";
import { people, segments } from "../api/queries";
import type { PersonRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { PersonLink } from "../parts/PersonLink";
import { Search } from "../parts/Search";
import { useWords } from "../words";

const SEGMENTS_SHOWN = 3;
const ARMS = ["treated", "held_out"] as const;

/** Everyone we know, found by name or identifier, with or without diacritics. */
export default function People() {
  const { t } = useWords();
  const [parameters, setParameters] = useSearchParams();
  const filters: PeopleFilters = {
    query: parameters.get("query") ?? "",
    segment: parameters.get("segment") ?? "",
    arm: ARMS.find((arm) => arm === parameters.get("arm")) ?? "",
  };
  const list = useInfiniteQuery(people(filters));
  const narrow = (change: Partial<PeopleFilters>) => {
    const next = Object.entries<string>({ ...filters, ...change }).filter(([, value]) => value !== "");
    setParameters(new URLSearchParams(next), { replace: true });
  };
  const clear = () => narrow({ query: "", segment: "", arm: "" });
  const narrowed = Object.values(filters).some((value) => value !== "");

  return (
    <Page title={t("people.title")} lead={t("people.lead")}>
      <Section flush>
        <div className="filters">
          <Search
            label={t("people.search")}
            value={filters.query}
            onSearch={(query) => narrow({ query })}
          />
          <SegmentSelect value={filters.segment} onChange={(segment) => narrow({ segment })} />
          <SegmentedControl
            aria-label={t("people.arm")}
            value={filters.arm}
            onChange={(arm) => narrow({ arm })}
            data={[
              { value: "", label: t("people.all") },
              { value: "treated", label: t("arm.treated") },
              { value: "held_out", label: t("arm.held_out") },
            ]}
          />
        </div>
        <div className="section-body" aria-busy={list.isFetching}>
          <Await query={list} rows={8}>
            {({ pages }) => {
              const rows = rowsOf(pages);
              if (rows.length > 0) return <PeopleTable rows={rows} />;
              return narrowed ? (
                <Empty
                  action={
                    <Button variant="default" onClick={clear}>
                      {t("people.clear")}
                    </Button>
                  }
                >
                  {t("people.none_found")}
                </Empty>
              ) : (
                <Empty>
                  {t("people.none")} <code>duyen import orders FILE</code>
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

function SegmentSelect({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const { t, f } = useWords();
  const list = useInfiniteQuery(segments);
  // All of them can be chosen, hundreds too.
  const { hasNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage) void fetchNextPage();
  }, [hasNextPage, fetchNextPage, list.data]);
  const data = rowsOf(list.data?.pages ?? []).map(({ id, name, count }) => ({
    value: id,
    label: t("people.segment_count", { name, count: f.number(count) }),
  }));
  return (
    <Select
      aria-label={t("people.segment")}
      placeholder={t("people.every_segment")}
      data={data}
      value={value || null}
      onChange={(id) => onChange(id ?? "")}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("people.every_segment") }}
      nothingFoundMessage={t("people.no_segment")}
      className="segment-select"
    />
  );
}

function PeopleTable({ rows }: { rows: PersonRow[] }) {
  const { t, f } = useWords();
  return (
    <Table highlightOnHover className="people">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("people.person")}</Table.Th>
          <Table.Th visibleFrom="md">{t("people.segments")}</Table.Th>
          <Table.Th visibleFrom="sm">{t("people.group")}</Table.Th>
          <Table.Th visibleFrom="sm" className="right">
            {t("people.events")}
          </Table.Th>
          <Table.Th className="right">{t("people.last")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td className="who">
              <PersonLink person={row} />
              <Text size="sm" c="dimmed" truncate>
                {row.email && row.name ? row.email : row.key}
              </Text>
              <div className="phone-only">
                <Chips row={row} />
              </div>
            </Table.Td>
            <Table.Td visibleFrom="md">
              <Chips row={row} />
            </Table.Td>
            <Table.Td visibleFrom="sm">
              {row.arm ? t(`arm.${row.arm}`) : <span className="dimmed">–</span>}
            </Table.Td>
            <Table.Td visibleFrom="sm" className="right">
              {f.number(row.events)}
            </Table.Td>
            <Table.Td className="right nowrap">
              {row.events > 0 ? (
                <>
                  {f.date(row.last)}
                  <Text size="sm" c="dimmed">
                    {f.time(row.last)}
                  </Text>
                </>
              ) : (
                <span className="dimmed">–</span>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Chips({ row }: { row: PersonRow }) {
  const { t } = useWords();
  const [, setParameters] = useSearchParams();
  const more = row.segments.length - SEGMENTS_SHOWN;
  return (
    <Group gap={6}>
      {row.segments.slice(0, SEGMENTS_SHOWN).map(({ id, name }) => (
        <Anchor
          key={id}
          component="button"
          type="button"
          underline="never"
          title={t("people.only_segment", { name })}
          onClick={() => setParameters({ segment: id })}
        >
          <Badge variant="default">{name}</Badge>
        </Anchor>
      ))}
      {more > 0 && (
        <Text size="sm" c="dimmed">
          {t("people.more_segments", { n: more })}
        </Text>
      )}
    </Group>
  );
}
