import { Anchor, Badge, Button, Group, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconChevronDown, IconPlus } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation } from "react-router";

import { api } from "../../api/client";
import { traits } from "../../api/queries";
import type { TraitResource } from "../../api/types";
import { Await } from "../../parts/Await";
import { Empty } from "../../parts/Empty";
import { More, rowsOf } from "../../parts/More";
import { Section } from "../../parts/Page";
import { Source } from "../../parts/Source";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { traitWords } from "../../words/trait";
import { type Change, useChange } from "./change";
import { draftOf, EMPTY } from "./draft";
import { TraitForm } from "./TraitForm";

/** The computed traits: what each is, what uses it, and how to write, change, take back and delete one. */
export function Traits() {
  const { t } = useWords();
  const list = useInfiniteQuery(traits);
  const [writing, write] = useState<TraitResource | "new" | null>(null);
  const [changed, tell] = useState<Change | null>(null);
  const rows = rowsOf(list.data?.pages ?? []);
  const start = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => write("new")}>
      {t("trait.new")}
    </Button>
  );
  return (
    <>
      {changed && <Told key={changed.at} change={changed} onUndone={() => tell(null)} />}
      <Section flush note={<span className="short-lines">{t("trait.lead")}</span>} {...(rows.length ? { actions: start } : {})}>
        <Await query={list} rows={6}>
          {() =>
            rows.length === 0 ? (
              <Empty action={start}>{t("trait.none")}</Empty>
            ) : (
              <ul className="resources">
                {rows.map((row) => (
                  <One key={row.id} trait={row} onEdit={() => write(row)} onChange={tell} />
                ))}
              </ul>
            )
          }
        </Await>
        <More list={list} />
      </Section>
      {writing && (
        <TraitForm
          start={writing === "new" ? EMPTY : draftOf(writing.id, writing.definition)}
          isNew={writing === "new"}
          onClose={() => write(null)}
          onSaved={(change) => {
            write(null);
            tell(change);
          }}
        />
      )}
    </>
  );
}

/** What was just done, and the way back. */
function Told({ change: { done, id, name, applied }, onUndone }: { change: Change; onUndone: () => void }) {
  const { t } = useWords();
  const undo = useChange(() => api.undoTrait(id), onUndone);
  return (
    <div className="told" role="status">
      <Text>
        {t(`trait.${done}`, { name })} {!applied && t("trait.later")}
      </Text>
      {done !== "created" && (
        <Button variant="default" size="xs" loading={undo.isPending} onClick={() => undo.mutate()}>
          {t("trait.undo")}
        </Button>
      )}
      {undo.error && <Trouble error={undo.error} />}
    </div>
  );
}

/** One trait: its sentence, and opened, what uses it, its YAML and what can be done. An address ending in #id opens it. */
function One({
  trait,
  onEdit,
  onChange,
}: {
  trait: TraitResource;
  onEdit: () => void;
  onChange: (change: Change) => void;
}) {
  const words = useWords();
  const { t, f } = words;
  const { hash } = useLocation();
  const named = decodeURIComponent(hash.slice(1)) === trait.id;
  const [open, setOpen] = useState(named);
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (named) item.current?.scrollIntoView({ block: "start" });
  }, [named]);
  const told = (done: Change["done"]) => (answer: object) =>
    onChange({
      done,
      id: trait.id,
      name: trait.name,
      applied: !("applied" in answer) || answer.applied === true,
      at: Date.now(),
    });
  const remove = useChange(() => api.deleteTrait(trait.id), told("deleted"));
  const undo = useChange(() => api.undoTrait(trait.id), told("undone"));
  const panel = `panel-${trait.id}`;
  return (
    <li ref={item}>
      <UnstyledButton
        className="resource"
        onClick={() => setOpen(!open)}
        aria-expanded={open}
        aria-controls={panel}
      >
        <span className="resource-name">
          <span className="strong">{trait.name}</span>
          {trait.problem && (
            <Badge variant="light" className="still-badge">
              {t("program.still")}
            </Badge>
          )}
        </span>
        <span className="resource-says dimmed">{traitWords(words, trait.definition)}</span>
        <span className="resource-count">
          {trait.used_by.length > 0 ? (
            t("trait.used", { n: trait.used_by.length })
          ) : (
            <span className="dimmed">{t("trait.unused")}</span>
          )}
        </span>
        <IconChevronDown size={16} className="chevron" aria-hidden />
      </UnstyledButton>
      <div id={panel} hidden={!open} className="resource-more">
        {open && (
          <>
            {trait.problem && (
              <div className="still" role="note">
                <Text fw={600}>{t("program.still_title")}</Text>
                <Text>{trait.problem}</Text>
              </div>
            )}
            {typeof trait.definition.description === "string" && <Text>{trait.definition.description}</Text>}
            <Uses trait={trait} />
            <Text size="sm" c="dimmed">
              {t("program.changed", {
                id: trait.id,
                version: String(trait.version),
                when: f.dateTime(trait.updated_at),
                author: trait.author || "–",
              })}
            </Text>
            <Source text={trait.yaml} />
            <Group gap="sm">
              <Button variant="default" size="xs" onClick={onEdit}>
                {t("trait.edit")}
              </Button>
              {trait.version > 1 && (
                <Button variant="default" size="xs" loading={undo.isPending} onClick={() => undo.mutate()}>
                  {t("trait.undo_last")}
                </Button>
              )}
              <Button variant="default" size="xs" loading={remove.isPending} onClick={() => remove.mutate()}>
                {t("trait.delete")}
              </Button>
            </Group>
            {(remove.error ?? undo.error) && <Trouble error={(remove.error ?? undo.error) as Error} />}
          </>
        )}
      </div>
    </li>
  );
}

const PLACES: Record<string, string> = {
  segment: "segments",
  journey: "journeys",
  offer: "offers",
  message: "messages",
  trait: "traits",
};

function Uses({ trait: { id, used_by } }: { trait: TraitResource }) {
  const { t } = useWords();
  if (used_by.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("trait.how_to_use")} <code>{`trait: ${id}`}</code>, <code>{`{{ person.${id} }}`}</code>
      </Text>
    );
  }
  return (
    <div>
      <Text size="sm" c="dimmed">
        {t("trait.used_by")}
      </Text>
      <ul className="bare uses">
        {used_by.map((use) => (
          <li key={`${use.kind} ${use.id}`}>
            <Anchor component={Link} to={`/program/${PLACES[use.kind] ?? ""}#${encodeURIComponent(use.id)}`} size="sm">
              {use.name}
            </Anchor>{" "}
            <Text span size="xs" c="dimmed">
              {t(`trait.kind_of_use_${use.kind as "segment" | "journey" | "offer" | "message" | "trait"}`)}
            </Text>
          </li>
        ))}
      </ul>
    </div>
  );
}
