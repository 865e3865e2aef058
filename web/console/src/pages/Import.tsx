import { Anchor, Button, Progress, Table, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { IconUpload } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { imports } from "../api/queries";
import type { ImportRow } from "../api/types";
import { upload } from "../api/upload";
import { Await } from "../parts/Await";
import { Empty } from "../parts/Empty";
import { More, rowsOf } from "../parts/More";
import { Page, Section } from "../parts/Page";
import { Trouble } from "../parts/Trouble";
import { useWords } from "../words";
import { One } from "./import/One";
import { importPath, Standing } from "./import/Standing";

/** Files that come in: a place to drop one, and what became of those before; or one of them. */
export default function Import() {
  const { id } = useParams();
  return id === undefined ? <All /> : <One key={id} id={id} />;
}

function All() {
  const { t } = useWords();
  const list = useInfiniteQuery(imports);
  return (
    <Page title={t("import.title")} lead={t("import.lead")}>
      <Drop />
      <Section title={t("import.past")} flush>
        <Await query={list} rows={3}>
          {({ pages }) => {
            const rows = rowsOf(pages);
            return rows.length ? <Imports rows={rows} /> : <Empty>{t("import.none")}</Empty>;
          }}
        </Await>
        <More list={list} />
      </Section>
    </Page>
  );
}

/** Takes a file by drop or by choice, and goes on to what is in it. */
function Drop() {
  const { t, f } = useWords();
  const go = useNavigate();
  const client = useQueryClient();
  const [over, setOver] = useState(false);
  const [share, setShare] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const stop = useRef(new AbortController());
  const send = useMutation({
    mutationFn: (file: File) => {
      setShare(0);
      stop.current = new AbortController();
      return upload(file, setShare, stop.current.signal);
    },
    onSuccess: ({ id }) => {
      void client.invalidateQueries({ queryKey: imports.queryKey });
      void go(importPath(id));
    },
  });
  const take = (file: File | undefined) => {
    if (file && !send.isPending) send.mutate(file);
  };
  return (
    <section
      className={over ? "section drop over" : "section drop"}
      aria-label={t("import.drop_label")}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files[0]);
      }}
    >
      <input
        ref={input}
        type="file"
        hidden
        data-file
        onChange={({ currentTarget }) => {
          take(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
      {send.isPending ? (
        <div className="drop-progress">
          <Text>{t("import.sending", { name: send.variables.name, share: f.percent(share, 0) })}</Text>
          <Progress value={share * 100} aria-label={t("import.sending_label")} />
          <Button
            variant="default"
            size="xs"
            onClick={() => {
              stop.current.abort();
              send.reset();
            }}
          >
            {t("act.cancel")}
          </Button>
        </div>
      ) : (
        <>
          <IconUpload size={26} stroke={1.5} aria-hidden />
          <Text>{t("import.drop")}</Text>
          <Button onClick={() => input.current?.click()}>{t("import.choose")}</Button>
          <Text size="sm" c="dimmed" maw={560}>
            {t("import.formats")}
          </Text>
        </>
      )}
      {send.error && <Trouble error={send.error} />}
    </section>
  );
}

function Imports({ rows }: { rows: ImportRow[] }) {
  const { t, f } = useWords();
  return (
    <Table highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("import.file")}</Table.Th>
          <Table.Th>{t("import.state")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td className="who">
              <Anchor component={Link} to={importPath(row.id)} className="name-link break">
                {row.name}
              </Anchor>
              <Text size="sm" c="dimmed" className="break">
                {f.dateTime(row.created)} · {f.bytes(row.size)} · {row.author}
              </Text>
            </Table.Td>
            <Table.Td>
              <Standing row={row} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
