import {
  ActionIcon,
  Autocomplete,
  Button,
  Group,
  Modal,
  NativeSelect,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useRef, useState } from "react";

import { api, Problem } from "../../api/client";
import { traitPreview, traits, vocabulary } from "../../api/queries";
import { rowsOf } from "../../parts/More";
import { usePersonName } from "../../parts/PersonLink";
import { Trouble } from "../../parts/Trouble";
import { useWords } from "../../words";
import { TRAIT_KINDS, type TraitKind, traitWords } from "../../words/trait";
import { type Change, useChange } from "./change";
import {
  type Condition,
  definitionOf,
  type Draft,
  hasProperty,
  hasWindow,
  idOf,
  inFormula,
  isWhole,
  needsProperty,
  OPERATORS,
  repeated,
  UNITS,
} from "./draft";
import { TraitValueText } from "./TraitValueText";

interface Props {
  start: Draft;
  isNew: boolean;
  onClose: () => void;
  onSaved: (change: Change) => void;
}

/** Writes a computed trait field by field, and shows beside it what it would be of people seen last. */
export function TraitForm({ start, isNew, onClose, onSaved }: Props) {
  const words = useWords();
  const { t } = words;
  const [draft, setDraft] = useState(start);
  const [ownId, setOwnId] = useState(!isNew);
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const phone = useMediaQuery("(max-width: 47.99em)");
  const known = rowsOf(useInfiniteQuery(traits).data?.pages ?? []);
  const taken = isNew && known.some(({ id }) => id === draft.id);
  const twice = repeated(draft);
  const whole = isWhole(draft) && !taken && !twice;
  const save = useChange(
    () => api.putTrait(draft.id, definitionOf(draft)),
    (answer) =>
      onSaved({
        done: isNew ? "created" : "saved",
        id: draft.id,
        name: draft.name.trim() || draft.id,
        applied: !("applied" in answer) || answer.applied,
        at: Date.now(),
      }),
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={t(isNew ? "trait.new_title" : "trait.edit_title", { name: start.name })}
      closeButtonProps={{ "aria-label": t("act.close") }}
      size="lg"
      fullScreen={phone}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (whole) save.mutate();
        }}
      >
        <Stack>
          <TextInput
            label={t("trait.name")}
            value={draft.name}
            placeholder={t("trait.name_hint")}
            onChange={({ currentTarget: { value } }) => set({ name: value, ...(ownId ? {} : { id: idOf(value) }) })}
            maxLength={100}
            data-autofocus
          />
          <TextInput
            label={t("trait.id")}
            description={t("trait.id_hint")}
            value={draft.id}
            disabled={!isNew}
            error={taken && t("trait.id_taken")}
            onChange={({ currentTarget: { value } }) => {
              setOwnId(true);
              set({ id: value.trim() });
            }}
            maxLength={100}
          />
          <NativeSelect
            label={t("trait.kind")}
            description={t(`trait.kind_${draft.kind}_hint`)}
            data={TRAIT_KINDS.map((kind) => ({ value: kind, label: t(`trait.kind_${kind}`) }))}
            value={draft.kind}
            onChange={({ currentTarget: { value } }) => set({ kind: value as TraitKind })}
          />
          {draft.kind === "formula" ? (
            <FormulaField draft={draft} set={set} />
          ) : (
            <EventFields draft={draft} set={set} twice={twice} />
          )}
          <TextInput
            label={t("trait.description")}
            value={draft.description}
            onChange={({ currentTarget: { value } }) => set({ description: value })}
          />
          <Preview draft={draft} ready={whole} />
          {save.error && <Trouble error={save.error} />}
          <Group justify="space-between" gap="sm">
            <Text size="sm" c="dimmed" className="break">
              {whole && traitWords(words, definitionOf(draft))}
            </Text>
            <Group gap="sm" ml="auto">
              <Button variant="default" onClick={onClose}>
                {t("act.cancel")}
              </Button>
              <Button type="submit" loading={save.isPending} disabled={!whole}>
                {t("trait.save")}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

type Part = { draft: Draft; set: (part: Partial<Draft>) => void };

function EventFields({ draft, set, twice }: Part & { twice: Condition | null }) {
  const { t } = useWords();
  const { data } = useQuery(vocabulary);
  const events = data?.events ?? [];
  const properties = events.find(({ name }) => name === draft.event.trim())?.properties ?? [];
  const change = (at: number, part: Partial<Condition>) =>
    set({ conditions: draft.conditions.map((one, i) => (i === at ? { ...one, ...part } : one)) });
  return (
    <>
      <Autocomplete
        label={t("trait.event")}
        description={t("trait.event_hint")}
        data={events.map(({ name }) => name)}
        value={draft.event}
        onChange={(event) => set({ event })}
      />
      {hasProperty(draft.kind) && (
        <Autocomplete
          label={t("trait.of")}
          description={t(needsProperty(draft.kind) ? "trait.of_hint" : "trait.of_or_time")}
          data={properties}
          value={draft.of}
          onChange={(of) => set({ of })}
        />
      )}
      {hasWindow(draft.kind) && (
        <fieldset className="together">
          <legend>{t("trait.within")}</legend>
          <TextInput
            aria-label={t("trait.within_length")}
            placeholder={t("trait.all_time")}
            inputMode={draft.unit ? "numeric" : "text"}
            value={draft.length}
            onChange={({ currentTarget: { value } }) =>
              set({ length: draft.unit ? value.replace(/\D/g, "") : value })
            }
          />
          <NativeSelect
            aria-label={t("trait.within_unit")}
            data={[
              ...(draft.unit ? [] : [{ value: "", label: t("trait.unit_written") }]),
              ...UNITS.map((unit) => ({ value: unit, label: t(`trait.unit_${unit}`) })),
            ]}
            value={draft.unit}
            onChange={({ currentTarget: { value } }) =>
              set({ unit: value, length: draft.length.replace(/\D.*/, "") })
            }
          />
        </fieldset>
      )}
      <fieldset className="conditions">
        <legend>{t("trait.where")}</legend>
        {draft.conditions.map((condition, at) => (
          <ConditionFields
            key={at}
            condition={condition}
            number={at + 1}
            properties={properties}
            onChange={(part) => change(at, part)}
            onRemove={() => set({ conditions: draft.conditions.filter((_, i) => i !== at) })}
          />
        ))}
        {twice && (
          <Text size="sm" className="warning">
            {t("trait.where_twice", { property: twice.property })}
          </Text>
        )}
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() =>
            set({ conditions: [...draft.conditions, { property: "", operator: "is", value: "" }] })
          }
        >
          {t("trait.where_add")}
        </Button>
      </fieldset>
    </>
  );
}

function ConditionFields({
  condition: { property, operator, value },
  number,
  properties,
  onChange,
  onRemove,
}: {
  condition: Condition;
  number: number;
  properties: string[];
  onChange: (part: Partial<Condition>) => void;
  onRemove: () => void;
}) {
  const { t } = useWords();
  const n = String(number);
  return (
    <div className="condition">
      <Autocomplete
        aria-label={t("trait.where_property", { number: n })}
        placeholder={t("trait.property")}
        data={properties}
        value={property}
        onChange={(found) => onChange({ property: found })}
      />
      <Select
        aria-label={t("trait.where_operator", { number: n })}
        data={OPERATORS.map((one) => ({ value: one, label: t(`trait.op_${one}`) }))}
        value={operator}
        allowDeselect={false}
        onChange={(found) =>
          onChange({ operator: found ?? "is", ...(found === "exists" ? { value: "true" } : {}) })
        }
      />
      {operator === "exists" ? (
        <NativeSelect
          aria-label={t("trait.where_value", { number: n })}
          data={[
            { value: "true", label: t("trait.there") },
            { value: "false", label: t("trait.not_there") },
          ]}
          value={value === "false" ? "false" : "true"}
          onChange={({ currentTarget }) => onChange({ value: currentTarget.value })}
        />
      ) : (
        <TextInput
          aria-label={t("trait.where_value", { number: n })}
          placeholder={t(operator === "in" ? "trait.values" : "trait.value")}
          value={value}
          onChange={({ currentTarget }) => onChange({ value: currentTarget.value })}
        />
      )}
      <ActionIcon variant="subtle" color="gray" aria-label={t("trait.where_remove", { number: n })} onClick={onRemove}>
        <IconX size={16} />
      </ActionIcon>
    </div>
  );
}

const MOST_CHIPS = 24;

function FormulaField({ draft, set }: Part) {
  const { t } = useWords();
  const { data } = useQuery(vocabulary);
  const field = useRef<HTMLTextAreaElement>(null);
  const names = (data?.numbers ?? []).filter((name) => name !== draft.id).slice(0, MOST_CHIPS);
  const put = (name: string) => {
    const at = field.current?.selectionStart ?? draft.formula.length;
    const before = draft.formula.slice(0, at);
    const gap = before === "" || /[\s(]$/.test(before) ? "" : " ";
    set({ formula: `${before}${gap}${inFormula(name)}${draft.formula.slice(at)}` });
    field.current?.focus();
  };
  return (
    <div>
      <Textarea
        ref={field}
        label={t("trait.formula")}
        description={t("trait.formula_hint")}
        placeholder="(spent - refunded) / orders"
        autosize={false}
        rows={3}
        spellCheck={false}
        maxLength={500}
        classNames={{ input: "mono" }}
        value={draft.formula}
        onChange={({ currentTarget: { value } }) => set({ formula: value })}
      />
      {names.length > 0 && (
        <Group gap={6} mt={6} role="group" aria-label={t("trait.formula_traits")}>
          {names.map((name) => (
            <Button key={name} variant="default" size="compact-xs" onClick={() => put(name)}>
              {name}
            </Button>
          ))}
        </Group>
      )}
    </div>
  );
}

/** What it would be of people seen last, or what is wrong with it, asked as one writes. */
function Preview({ draft, ready }: { draft: Draft; ready: boolean }) {
  const { t } = useWords();
  const nameOf = usePersonName();
  const wanted = ready ? JSON.stringify({ id: draft.id, definition: definitionOf(draft) }) : "";
  const [asked] = useDebouncedValue(wanted, 400);
  const query = useQuery({
    ...traitPreview(asked),
    enabled: asked !== "",
    placeholderData: keepPreviousData,
  });
  return (
    <section className="trait-preview" aria-live="polite" aria-busy={query.isFetching}>
      <Text fw={600}>{t("trait.preview")}</Text>
      {!ready || asked === "" ? (
        <Text size="sm" c="dimmed">
          {t("trait.preview_hint")}
        </Text>
      ) : query.error instanceof Problem && query.error.status === 422 ? (
        <Text size="sm" className="warning break">
          {query.error.message}
        </Text>
      ) : query.error ? (
        <Trouble error={query.error} retry={() => void query.refetch()} />
      ) : (
        query.data && (
          <>
            <Text size="sm" c="dimmed">
              {query.data.looked_at === 0
                ? t("trait.preview_nobody")
                : t("trait.preview_found", { found: query.data.found, n: query.data.looked_at })}
            </Text>
            <ul className="bare values">
              {query.data.data.map((row) => (
                <li key={row.id}>
                  <span className="break">{nameOf(row)}</span>
                  <TraitValueText value={row.value} />
                </li>
              ))}
            </ul>
          </>
        )
      )}
    </section>
  );
}
