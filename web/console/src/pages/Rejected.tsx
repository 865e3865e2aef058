import { Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconChevronDown } from "@tabler/icons-react";
import { useId, useState } from "react";

import { rejected } from "../api/queries";
import type { RejectedRow } from "../api/types";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { pretty, Source } from "../parts/Source";
import { useWords } from "../words";

/** Calls that could not become events: kept as they came, with what was wrong. */
export default function Rejected() {
  const { t } = useWords();
  const list = useInfiniteQuery(rejected);
  return (
    <Page title={t("rejected.title")} lead={t("rejected.lead")}>
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
          </>
        )}
      </div>
    </li>
  );
}
