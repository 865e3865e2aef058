import { Anchor, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import type { ContactRow, DecisionRow } from "../../api/types";
import { Properties } from "../../parts/Properties";
import { useProgramWords } from "../../parts/names";
import { useWords } from "../../words";
import { channelWords, explanationWords, policyWords, purposeWords, reasonWords } from "../../words/codes";
import { entryWords, ruleWords, stepNumber } from "../../words/rule";

/** The candidate that stands for all eligible ones that are not listed one by one. */
const OTHERS = "*";

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Why a contact came about, or why it did not: journey, step, entry in words, what started it, policy, arm. */
export function WhyContact({ contact }: { contact: ContactRow }) {
  const words = useProgramWords();
  const { t, f } = words;
  const { why } = contact;
  return (
    <>
      <dl className="why">
        {why.journey ? (
          <Row label={t("why.journey")}>
            <Anchor component={Link} to={`/program/journeys#${encodeURIComponent(why.journey.id)}`}>
              {why.journey.name}
            </Anchor>
            {why.step && <> · {t("why.step", { step: stepNumber(why.step) })}</>}
          </Row>
        ) : (
          <Row label={t("why.origin")}>{why.origin}</Row>
        )}
        {why.entry && <Row label={t("why.entry")}>{entryWords(words, why.entry)}</Row>}
        {why.unless && (
          <Row label={t("why.unless")}>{t("why.not", { rule: ruleWords(words, why.unless) })}</Row>
        )}
        <Row label={t("why.policy")}>
          {contact.reason
            ? t("why.policy_refused", { reason: reasonWords(words, contact.reason) })
            : t("why.policy_allowed", {
                purpose: purposeWords(words, contact.purpose),
                channel: channelWords(words, contact.channel),
              })}
          {contact.retry_at && <> · {t("why.retry", { when: f.dateTime(contact.retry_at) })}</>}
        </Row>
        {why.arm && <Row label={t("why.arm")}>{t(`arm.${why.arm}`)}</Row>}
        {(contact.opened_at ?? contact.clicked_at) && (
          <Row label={t("why.answer")}>
            {contact.opened_at && t("why.opened", { when: f.dateTime(contact.opened_at) })}
            {contact.opened_at && contact.clicked_at && " · "}
            {contact.clicked_at && t("why.clicked", { when: f.dateTime(contact.clicked_at) })}
          </Row>
        )}
        <Row label={t("why.message")}>
          <Anchor component={Link} to={`/program/messages#${encodeURIComponent(contact.message.id)}`}>
            {contact.message.name}
          </Anchor>
          {contact.message_version !== null && (
            <> · {t("why.version", { version: String(contact.message_version) })}</>
          )}
          {contact.mail && (
            <>
              {" · "}
              <Anchor component={Link} to={`/mail/${encodeURIComponent(contact.mail)}`}>
                {t("why.read_mail")}
              </Anchor>
            </>
          )}
        </Row>
      </dl>
      <Properties title={t("why.trigger")} values={why.trigger} />
    </>
  );
}

/** Why this was shown: the draw with its propensity, the policy, every candidate and what kept others out. */
export function WhyDecision({ decision }: { decision: DecisionRow }) {
  const words = useWords();
  const { t, f } = words;
  // Items are ranked, not drawn.
  const drawn =
    decision.fill === "offers" ? decision.candidates.filter(({ excluded }) => !excluded).length : 0;
  const names = new Map(decision.items.map(({ id, name }) => [id, name]));
  return (
    <>
      <dl className="why">
        <Row label={t("why.reason")}>{reasonWords(words, decision.reason)}</Row>
        <Row label={t("why.arm")}>{t(`arm.${decision.arm}`)}</Row>
        <Row label={t("why.propensity")}>
          {t(drawn > 0 ? "why.propensity_of" : "why.propensity_fixed", {
            share: f.percent(decision.propensity),
            n: drawn,
          })}
        </Row>
        <Row label={t("why.policy_name")}>
          {policyWords(words, decision.policy)}
          {decision.policy_version && <> · {t("why.version", { version: decision.policy_version })}</>}
          {" · "}
          {t("why.program", { version: String(decision.program_version) })}
        </Row>
        {decision.items.length > 0 && (
          <Row label={t("why.items")}>{f.list(decision.items.map(({ name }) => name))}</Row>
        )}
        {decision.explanation.length > 0 && (
          <Row label={t("why.explanation")}>
            {decision.explanation.map((sentence) => (
              <div key={sentence}>{explanationWords(words, sentence, names)}</div>
            ))}
          </Row>
        )}
        <Row label={t("why.answer")}>
          {t(decision.clicked ? "why.was_clicked" : decision.viewed ? "why.was_viewed" : "why.not_viewed")}
        </Row>
      </dl>
      {decision.candidates.length > 0 && <Candidates decision={decision} names={names} />}
      <Properties title={t("why.features")} values={decision.features} />
      <Text size="xs" c="dimmed" ff="monospace" className="break">
        {decision.id}
      </Text>
    </>
  );
}

function Candidates({
  decision,
  names,
}: {
  decision: DecisionRow;
  names: ReadonlyMap<string, string>;
}) {
  const words = useWords();
  const { t, f } = words;
  const isChosen = (arm: string) => arm === decision.chosen?.id || names.has(arm);
  return (
    <div className="scroll-x" tabIndex={0}>
      <Table className="candidates">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("why.candidate")}</Table.Th>
            <Table.Th className="right">{t("why.score")}</Table.Th>
            <Table.Th>{t("why.propensity")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {decision.candidates.map(({ arm, name, score, propensity, excluded }) => (
            <Table.Tr key={arm} className={excluded ? "out" : ""}>
              <Table.Td fw={isChosen(arm) ? 600 : undefined}>
                {arm === OTHERS ? t("why.others") : (names.get(arm) ?? name)}
                {isChosen(arm) && (
                  <Text span size="xs" className="chosen">
                    {t("why.chosen")}
                  </Text>
                )}
              </Table.Td>
              {excluded ? (
                <Table.Td colSpan={2} className="dimmed">
                  {t("why.excluded", { reason: reasonWords(words, excluded) })}
                </Table.Td>
              ) : (
                <>
                  <Table.Td className="right">{f.number(score, 4)}</Table.Td>
                  <Table.Td>
                    <span className="bar-cell">
                      <span className="bar" style={{ width: `${propensity * 100}%` }} aria-hidden />
                      <span>{f.percent(propensity)}</span>
                    </span>
                  </Table.Td>
                </>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
