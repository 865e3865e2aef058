import { Button, Group, NativeSelect, SegmentedControl, SimpleGrid, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api } from "../../api/client";
import { importLook, imports } from "../../api/queries";
import type { ImportDraft, ImportGuess, ImportLook, ImportWhole } from "../../api/types";
import { Waiting } from "../../parts/Await";
import { Section } from "../../parts/Page";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { Counted } from "./One";

const KINDS = ["people", "orders", "events", "products", "log"] as const;
const DATES = ["ymd", "dmy", "mdy"] as const;
const SURE = 0.7;

/** A file before it is imported: its rows, which column is what, and what would come of it. */
export function Look({ found }: { found: ImportWhole }) {
  const [draft, setDraft] = useState<ImportDraft>({});
  const [asked] = useDebouncedValue(draft, 300);
  const look = useQuery({ ...importLook(found.id, asked), placeholderData: keepPreviousData });
  const seen = look.data;
  if (!seen) {
    return look.error ? (
      <Section>
        <Trouble error={look.error} retry={() => void look.refetch()} />
      </Section>
    ) : (
      <Waiting rows={8} />
    );
  }
  const set = (part: ImportDraft) => setDraft((before) => ({ ...before, kind: seen.kind, ...part }));
  const settled = asked === draft && !look.isFetching;
  return (
    <>
      {look.error && <Trouble error={look.error} />}
      <Rows seen={seen} />
      <Choices seen={seen} draft={draft} set={set} reset={setDraft} />
      <Outcome found={found} seen={seen} ready={settled && !look.error} />
    </>
  );
}

/** The first rows as they stand in the file. */
function Rows({ seen }: { seen: ImportLook }) {
  const { t } = useWords();
  const how = [seen.format.toUpperCase(), seen.encoding, seen.files > 1 ? t("import.files", { n: seen.files }) : ""];
  return (
    <Section title={t("import.first_rows")} note={how.filter(Boolean).join(" · ")} flush>
      <div className="sheet-rows" tabIndex={0} role="region" aria-label={t("import.first_rows")}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              {seen.columns.map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {seen.rows.map((row, place) => (
              <Table.Tr key={place}>
                {row.map((cell, column) => (
                  <Table.Td key={column}>{cell}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Section>
  );
}

interface Choosing {
  seen: ImportLook;
  draft: ImportDraft;
  set: (part: ImportDraft) => void;
  reset: (draft: ImportDraft) => void;
}

/** What the table is, and which column is which field. */
function Choices({ seen, draft, set, reset }: Choosing) {
  const { t } = useWords();
  const mapping = seen.mapping as { dates?: string; source?: string; event?: string };
  return (
    <Section title={t("import.mapping")} note={t("import.mapping_note")}>
      <SegmentedControl
        aria-label={t("import.kind")}
        className="kinds"
        value={seen.kind}
        onChange={(kind) => reset({ kind })}
        data={KINDS.map((kind) => ({ value: kind, label: t(`import.kind_${kind}`) }))}
      />
      {seen.questions.length > 0 && (
        <div className="import-questions">
          <Text fw={600}>{t("import.questions")}</Text>
          <ul>
            {seen.questions.map((question) => (
              <li key={question} lang="en">
                {question}
              </li>
            ))}
          </ul>
        </div>
      )}
      <SimpleGrid cols={{ base: 1, sm: 3 }} my="md">
        <NativeSelect
          label={t("import.dates")}
          value={draft.dates ?? mapping.dates ?? "ymd"}
          onChange={({ currentTarget: { value } }) => set({ dates: value as (typeof DATES)[number] })}
          data={DATES.map((order) => ({ value: order, label: t(`import.dates_${order}`) }))}
        />
        <TextInput
          label={t("import.source")}
          description={t("import.source_hint")}
          value={draft.source ?? mapping.source ?? ""}
          maxLength={100}
          onChange={({ currentTarget: { value } }) => set({ source: value })}
        />
        {seen.kind === "events" && (
          <TextInput
            label={t("import.event")}
            description={t("import.event_hint")}
            value={draft.event ?? mapping.event ?? ""}
            maxLength={100}
            onChange={({ currentTarget: { value } }) => set({ event: value })}
          />
        )}
      </SimpleGrid>
      <div className="fields">
        {seen.guesses.map((guess) => (
          <Field key={guess.field} guess={guess} seen={seen} draft={draft} set={set} />
        ))}
      </div>
    </Section>
  );
}

function Field({ guess, seen, draft, set }: Omit<Choosing, "reset"> & { guess: ImportGuess }) {
  const { t, f, coded } = useWords();
  const { field, confidence, example } = guess;
  const unsure = guess.column !== "" && confidence < SURE;
  const told = draft.columns?.[field];
  return (
    <NativeSelect
      label={coded("import.field", field) ?? field}
      description={
        guess.column === ""
          ? undefined
          : [unsure ? t("import.check", { share: f.percent(confidence, 0) }) : "", example && `“${example}”`]
              .filter(Boolean)
              .join(" · ")
      }
      value={told ?? guess.column}
      onChange={({ currentTarget: { value } }) => set({ columns: { ...draft.columns, [field]: value } })}
      data={[{ value: "", label: t("import.no_column") }, ...seen.columns]}
      classNames={unsure ? { description: "unsure" } : {}}
    />
  );
}

/** What would come of it, and the way to start. */
function Outcome({ found, seen, ready }: { found: ImportWhole; seen: ImportLook; ready: boolean }) {
  const { t, f } = useWords();
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: () => api.startImport(found.id, seen.mapping),
    onSettled: () => client.invalidateQueries({ queryKey: imports.queryKey }),
  });
  const { trial, problem } = seen;
  return (
    <Section title={t("import.outcome")} note={t("import.outcome_note")}>
      <div role="status" aria-busy={!ready}>
        {problem && (
          <Text className="break" lang="en">
            {problem.message}
          </Text>
        )}
        {trial && (
          <dl className="settings">
            <div>
              <dt>{t(trial.whole ? "import.all_rows" : "import.some_rows")}</dt>
              <dd>
                {t("import.counts", {
                  rows: f.number(trial.rows),
                  accepted: f.number(trial.accepted),
                  rejected: f.number(trial.rejected),
                })}
              </dd>
            </div>
            {trial.people > 0 && (
              <div>
                <dt>{t("import.count_customers")}</dt>
                <dd>{f.number(trial.people)}</dd>
              </div>
            )}
            {trial.orders > 0 && (
              <div>
                <dt>{t("import.count_orders")}</dt>
                <dd>{f.number(trial.orders)}</dd>
              </div>
            )}
            {trial.items > 0 && (
              <div>
                <dt>{t("import.count_items")}</dt>
                <dd>{f.number(trial.items)}</dd>
              </div>
            )}
            <Counted title={t("import.events")} counts={trial.events} />
            <Counted title={t("import.reasons")} counts={trial.reasons} />
            <Counted title={t("import.notes")} counts={trial.notes} />
          </dl>
        )}
      </div>
      {seen.missing.length > 0 && (
        <Text mt="sm">
          {t("import.missing")} <span lang="en">{seen.missing.join("; ")}</span>
        </Text>
      )}
      <Group mt="md">
        <Button
          disabled={!ready || problem !== null || seen.missing.length > 0}
          loading={start.isPending}
          onClick={() => start.mutate()}
        >
          {t("import.start")}
        </Button>
        <Text size="sm" c="dimmed" maw={480}>
          {t("import.start_note")}
        </Text>
      </Group>
      {start.error && <Trouble error={start.error} />}
    </Section>
  );
}
