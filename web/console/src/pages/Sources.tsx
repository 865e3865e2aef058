import { Badge, Button, Text, UnstyledButton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconChevronDown } from "@tabler/icons-react";
import { useId, useState } from "react";

import { api } from "../api/client";
import { sources } from "../api/queries";
import type { SourceRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { Page, Section } from "../parts/Page";
import { Source } from "../parts/Source";
import { Trouble } from "../parts/Trouble";
import { useWords } from "../words";
import { DeclareShop } from "./sources/DeclareShop";

/** Systems that tell by themselves what happens, what came of each, and what was wrong last. */
export default function Sources() {
  const { t, rich } = useWords();
  const list = useQuery(sources);
  return (
    <Page
      title={t("sources.title")}
      lead={rich("sources.lead", { command: <code>duyen sources put</code> })}
      actions={<DeclareShop />}
    >
      <Section flush>
        <Await query={list} rows={3}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty>{t("sources.none")}</Empty>
            ) : (
              <ul className="resources">
                {data.map((row) => (
                  <One key={row.id} row={row} />
                ))}
              </ul>
            )
          }
        </Await>
      </Section>
    </Page>
  );
}

function One({ row }: { row: SourceRow }) {
  const { t, f } = useWords();
  const [open, setOpen] = useState(false);
  const panel = useId();
  const { counts } = row;
  return (
    <li>
      <UnstyledButton
        className="resource"
        onClick={() => setOpen(!open)}
        aria-expanded={open}
        aria-controls={panel}
      >
        <span className="resource-name">
          <span className="strong">{row.name}</span>
          <Badge variant={row.live ? "light" : "default"} color="gray">
            {t(row.live ? `sources.kind_${row.kind}` : "sources.paused")}
          </Badge>
        </span>
        <span className="resource-says dimmed">
          {row.last_seen
            ? t("sources.seen", { when: f.dateTime(row.last_seen) })
            : t("sources.never")}
          {row.trouble && row.troubled_at && (
            <span className="reason warning">
              {f.dateTime(row.troubled_at)}: {row.trouble}
            </span>
          )}
        </span>
        <span className="resource-count">{t("sources.deliveries", { n: counts.deliveries })}</span>
        <IconChevronDown size={16} className="chevron" aria-hidden />
      </UnstyledButton>
      <div id={panel} hidden={!open} className="resource-more">
        {open && <More row={row} />}
      </div>
    </li>
  );
}

function More({ row }: { row: SourceRow }) {
  const { t, f } = useWords();
  const { accepted, items, rejected, ignored, refused } = row.counts;
  const numbers = Object.fromEntries(
    Object.entries({ accepted, items, rejected, ignored, refused }).map(([name, count]) => [
      name,
      f.number(count),
    ]),
  );
  return (
    <>
      <Text size="sm">{t("sources.counts", numbers)}</Text>
      {row.url && <Paste label={t("sources.address")} text={row.url} />}
      {row.verify_token && <Paste label={t("sources.verify")} text={row.verify_token} />}
      {row.topics.length > 0 && <Paste label={t("sources.topics")} text={row.topics.join("\n")} />}
      <Paste label={t("sources.definition")} text={JSON.stringify(row.definition, null, 2)} />
      <Switch row={row} />
    </>
  );
}

function Paste({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Source text={text} />
    </div>
  );
}

/** Pauses a source, or lets it tell again; its secret stays. */
function Switch({ row }: { row: SourceRow }) {
  const { t } = useWords();
  const client = useQueryClient();
  const put = useMutation({
    mutationFn: () => api.putSource(row.id, { ...row.definition, live: !row.live }),
    onSettled: () => client.invalidateQueries({ queryKey: sources.queryKey }),
  });
  return (
    <div>
      <Button variant="default" size="xs" loading={put.isPending} onClick={() => put.mutate()}>
        {t(row.live ? "sources.pause" : "sources.resume")}
      </Button>
      {put.error && <Trouble error={put.error} />}
    </div>
  );
}
