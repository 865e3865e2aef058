import { Button, Group, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { api } from "../../api/client";
import { imports, oneImport } from "../../api/queries";
import type { ImportWhole, JsonObject } from "../../api/types";
import { Waiting } from "../../parts/Await";
import { Page, Section } from "../../parts/Page";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { Look } from "./Look";
import { Standing } from "./Standing";

/** One import: what is in the file before it is started, how far it is, what came of it. */
export function One({ id }: { id: string }) {
  const { t, f } = useWords();
  const query = useQuery(oneImport(id));
  const found = query.data;
  return (
    <Page
      title={found?.name ?? t("import.title")}
      back={{ to: "/import", label: t("import.title") }}
      lead={found && `${f.dateTime(found.created)} · ${f.bytes(found.size)} · ${found.author}`}
    >
      {query.error && !found && <Trouble error={query.error} retry={() => void query.refetch()} />}
      {!found && !query.error && <Waiting rows={6} />}
      {found && (
        <>
          {found.state !== "uploaded" && (
            <Section title={t("import.state")}>
              <Standing row={found} />
              <Actions found={found} />
            </Section>
          )}
          {found.report && <Report report={found.report} />}
          {(found.state === "uploaded" || found.state === "failed") && <Look found={found} />}
          {found.state === "uploaded" && <Actions found={found} />}
        </>
      )}
    </Page>
  );
}

/** What can be done with an import as it stands. */
function Actions({ found }: { found: ImportWhole }) {
  const { t } = useWords();
  const client = useQueryClient();
  const go = useNavigate();
  const again = () => client.invalidateQueries({ queryKey: imports.queryKey });
  const cancel = useMutation({ mutationFn: () => api.cancelImport(found.id), onSettled: again });
  const forget = useMutation({
    mutationFn: () => api.forgetImport(found.id),
    onSuccess: () => {
      void go("/import");
      client.removeQueries({ queryKey: oneImport(found.id).queryKey });
      void again();
    },
  });
  const moving = found.state === "waiting" || found.state === "running";
  return (
    <Group mt="sm" gap="sm">
      {(found.rejected ?? 0) > 0 && (
        <Button component="a" variant="default" size="xs" href={api.rejectsOf(found.id)} download>
          {t("import.rejects")}
        </Button>
      )}
      {moving ? (
        <Button
          variant="default"
          size="xs"
          loading={cancel.isPending}
          disabled={found.cancelling}
          onClick={() => cancel.mutate()}
        >
          {t("import.cancel")}
        </Button>
      ) : (
        <Button variant="default" size="xs" loading={forget.isPending} onClick={() => forget.mutate()}>
          {t(found.state === "uploaded" ? "import.discard" : "import.forget")}
        </Button>
      )}
      {(cancel.error ?? forget.error) && <Trouble error={(cancel.error ?? forget.error) as Error} />}
    </Group>
  );
}

const COUNTS = ["customers", "orders", "items", "duplicates", "dropped"] as const;

/** What came of an import, counted; what is zero is not worth a line. */
function Report({ report }: { report: JsonObject }) {
  const { t, f } = useWords();
  const counts = COUNTS.map((name) => [name, Number(report[name] ?? 0)] as const).filter(([, n]) => n > 0);
  return (
    <Section title={t("import.report")}>
      <dl className="settings">
        {counts.map(([name, n]) => (
          <div key={name}>
            <dt>{t(`import.count_${name}`)}</dt>
            <dd>{f.number(n)}</dd>
          </div>
        ))}
        <Counted title={t("import.events")} counts={report.events} />
        <Counted title={t("import.reasons")} counts={report.reasons} />
        <Counted title={t("import.notes")} counts={report.notes} />
      </dl>
    </Section>
  );
}

/** Counts by words of the server, the largest first. */
export function Counted({ title, counts }: { title: string; counts: unknown }) {
  const { f } = useWords();
  const rows = Object.entries((counts ?? {}) as Record<string, number>).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return null;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {rows.slice(0, 20).map(([word, n]) => (
          <Text key={word} size="sm" className="break">
            {f.number(n)} · {word}
          </Text>
        ))}
      </dd>
    </div>
  );
}
