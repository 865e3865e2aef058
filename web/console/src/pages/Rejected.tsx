import { Button, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { IconChevronDown } from "@tabler/icons-react";
import { useId, useState } from "react";

import { api } from "../api/client";
import { rejected } from "../api/queries";
import type { RejectedRow, ReplayedRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { pretty, Source } from "../parts/Source";
import { Trouble } from "../parts/Trouble";
import { useWords } from "../words";

/** Judges calls again, named ones or all; says how many became events. */
function useReplay(ids?: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      if (ids) return (await api.replay({ ids })).data;
      const lines: ReplayedRow[] = [];
      let cursor: string | null = null;
      do {
        const part: Awaited<ReturnType<typeof api.replay>> = await api.replay({ all: true, cursor });
        lines.push(...part.data);
        cursor = part.next;
      } while (cursor !== null);
      return lines;
    },
    onSettled: () => client.invalidateQueries({ queryKey: rejected.queryKey }),
  });
}

/** A button that judges calls again, and beneath it what came of that. */
function Replay({ ids }: { ids?: string[] }) {
  const { t } = useWords();
  const replay = useReplay(ids);
  const became = replay.data?.filter((line) => line.state === "replayed").length ?? 0;
  return (
    <div>
      <Button
        variant="default"
        size="xs"
        mt="sm"
        loading={replay.isPending}
        onClick={() => replay.mutate()}
      >
        {t(ids ? "rejected.replay" : "rejected.replay_all")}
      </Button>
      {replay.error && <Trouble error={replay.error} />}
      <Text size="sm" c="dimmed" role="status">
        {replay.data
          ? t("rejected.done", { n: became, of: replay.data.length })
          : t("rejected.replay_what")}
      </Text>
    </div>
  );
}

/** Calls that could not become events: kept as they came, with what was wrong. */
export default function Rejected() {
  const { t } = useWords();
  const list = useInfiniteQuery(rejected);
  return (
    <Page title={t("rejected.title")} lead={t("rejected.lead")}>
      <Replay />
      <Section flush>
        <Await query={list} rows={6}>
          {({ pages }) => {
            const rows = rowsOf(pages);
            if (rows.length === 0) return <Empty>{t("rejected.none")}</Empty>;
            return (
              <ul className="resources">
                {rows.map((row) => (
                  <One key={row.id} row={row} />
                ))}
              </ul>
            );
          }}
        </Await>
        <More list={list} />
      </Section>
    </Page>
  );
}

function One({ row }: { row: RejectedRow }) {
  const { t, f } = useWords();
  const [open, setOpen] = useState(false);
  const panel = useId();
  return (
    <li>
      <UnstyledButton
        className="resource rejected"
        onClick={() => setOpen(!open)}
        aria-expanded={open}
        aria-controls={panel}
      >
        <span className="resource-says">
          {row.reasons.map((reason) => (
            <span key={reason} className="reason">
              {reason}
            </span>
          ))}
        </span>
        <span className="dimmed rejected-when">
          {f.dateTime(row.received)} · {row.source_name || t("rejected.no_source")}
          {row.replayed && ` · ${t("rejected.replayed", { when: f.dateTime(row.replayed) })}`}
        </span>
        <IconChevronDown size={16} className="chevron" aria-hidden />
      </UnstyledButton>
      <div id={panel} hidden={!open} className="resource-more">
        {open && (
          <>
            <Text size="sm" c="dimmed">
              {t("rejected.as_it_came")}
            </Text>
            <Source text={pretty(row.payload)} />
            {!row.replayed && <Replay ids={[row.id]} />}
          </>
        )}
      </div>
    </li>
  );
}
