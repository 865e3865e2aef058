import type { Words } from ".";

type Speaker = Pick<Words, "coded" | "f">;

const SHARES = ["share", "p"];
const ITEMS = ["item", "with"];
const RECOMMENDER = "recommender:";

/** The code and parameters of `policy.rate|successes=9|views=120`. */
export function readCode(text: string): { code: string; parameters: Record<string, string> } {
  const [code = "", ...parts] = text.split("|");
  const pairs = parts.map((part): [string, string] => {
    const at = part.indexOf("=");
    return [part.slice(0, at), decoded(part.slice(at + 1))];
  });
  return { code, parameters: Object.fromEntries(pairs) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A reason code of the contact policy or of a decision in words; one we do not know is shown as it is. */
export function reasonWords({ coded }: Speaker, reason: string): string {
  return coded("reason", readCode(reason).code) ?? reason;
}

/** One reason of a decision's explanation in words, its parameters filled in; `names` of items by their ids. */
export function explanationWords(
  words: Speaker,
  text: string,
  names: ReadonlyMap<string, string> = new Map(),
): string {
  const { code, parameters } = readCode(text);
  const nobody = code === "candidates.none_left" && parameters.considered === "0";
  const sentence = words.coded("explain", nobody ? "candidates.none" : code);
  if (sentence === null) return text;
  const filled = sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = parameters[name];
    if (value === undefined) return whole;
    if (name === "why") return explanationWords(words, value, names);
    if (ITEMS.includes(name)) return names.get(value) ?? value;
    if (SHARES.includes(name)) return words.f.percent(Number(value));
    return /^-?\d+$/.test(value) ? words.f.number(Number(value)) : value;
  });
  return code === "candidates.none_left" && !nobody ? `${filled} ${counts(words, parameters)}`.trim() : filled;
}

/** How many candidates each reason kept out. */
function counts(words: Speaker, parameters: Record<string, string>): string {
  const said = Object.entries(parameters)
    .filter(([name]) => name !== "considered")
    .map(([reason, count]) => `${reasonWords(words, reason)} (${count})`);
  return said.length ? `${said.join("; ")}.` : "";
}

/** A policy's name; where items fill a placement, the recommender stands for it. */
export function policyWords({ t }: Pick<Words, "t">, policy: string): string {
  return policy.startsWith(RECOMMENDER)
    ? t("decisions.recommender", { name: policy.slice(RECOMMENDER.length) })
    : policy;
}

export function stateWords({ coded }: Speaker, state: string): string {
  return coded("state", state) ?? state;
}

/** An event's name as the marketer says it; a company's own names stay as they are. */
export function eventWords({ coded }: Speaker, name: string): string {
  return coded("event_name", name) ?? name;
}

export function channelWords({ coded }: Speaker, channel: string): string {
  return coded("channel", channel) ?? channel;
}

export function purposeWords({ coded }: Speaker, purpose: string): string {
  return coded("purpose", purpose) ?? purpose;
}

export function namespaceWords({ coded }: Speaker, namespace: string): string {
  return coded("namespace", namespace) ?? namespace;
}

/** How a person left a journey. */
export function outcomeWords({ coded }: Speaker, outcome: string): string {
  return coded("outcome", outcome) ?? outcome;
}
