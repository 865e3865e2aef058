import {
  createContext,
  Fragment,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from "react";

import type en from "./en.json";
import { formats, type Formats, type Language, type Place } from "./format";

export type { Language } from "./format";

type Table = typeof en;
type Base<K> = K extends `${infer B}.one` | `${infer B}.other` ? B : K;

/** Every sentence the console shows has a key in `en.json`; a key that is not there does not compile.
 * A sentence with a number `{n}` may have two forms, `key.one` and `key.other`. */
export type Key = Base<keyof Table>;
export type Values = Record<string, string | number>;

export interface Words {
  language: Language;
  setLanguage: (language: Language) => void;
  /** The workspace's language, time zone and currency, once they are known. */
  setPlace: (place: Place & { language: string }) => void;
  place: Place;
  /** The sentence for a key, with `{name}` replaced by the value of that name; numbers are written as the language writes them. */
  t: (key: Key, values?: Values) => string;
  /** The sentence for a code of the server, or null where we have no words for it. */
  coded: (prefix: string, code: string) => string | null;
  /** As `t`, with elements in place of names. */
  rich: (key: Key, values: Record<string, ReactNode>) => ReactNode;
  f: Formats;
}

const CHOICE = "duyen.language";
const Context = createContext<Words | null>(null);

export function useWords(): Words {
  const words = useContext(Context);
  if (!words) throw new Error("useWords needs a WordsProvider above it");
  return words;
}

const TABLES = {
  en: () => import("./en.json"),
  vi: () => import("./vi.json"),
};

async function load(language: Language): Promise<Record<string, string>> {
  return (await TABLES[language]()).default;
}

function asLanguage(text: string | null | undefined): Language | null {
  const short = text?.slice(0, 2).toLowerCase();
  return short === "vi" || short === "en" ? short : null;
}

function chosen(): Language | null {
  try {
    return asLanguage(localStorage.getItem(CHOICE));
  } catch {
    return null; // A browser may forbid storage; then the choice lasts until the page closes.
  }
}

function ofBrowser(): Language {
  for (const language of navigator.languages) {
    const known = asLanguage(language);
    if (known) return known;
  }
  return "en";
}

/** Builds the words of one language from its table. */
export function wordsOf(
  language: Language,
  table: Record<string, string>,
  place: Place,
): Omit<Words, "setLanguage" | "setPlace"> {
  const plural = new Intl.PluralRules(language);
  const f = formats(language, place);
  const sentence = (key: string, n: unknown): string | undefined =>
    table[key] ??
    (typeof n === "number" ? table[`${key}.${plural.select(n)}`] : undefined) ??
    table[`${key}.other`];
  const t = (key: Key, values: Values = {}) =>
    (sentence(key, values.n) ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return typeof value === "number" ? f.number(value, 1) : (value ?? whole);
    });
  const rich = (key: Key, values: Record<string, ReactNode>) =>
    (sentence(key, values.n) ?? key)
      .split(/(\{\w+\})/)
      .map((piece, index) => (
        <Fragment key={index}>
          {piece.startsWith("{") ? (values[piece.slice(1, -1)] ?? piece) : piece}
        </Fragment>
      ));
  const coded = (prefix: string, code: string) => table[`${prefix}.${code}`] ?? null;
  return { language, place, t, rich, coded, f };
}

/** Gives the words to everything below: the person's own choice, else the workspace's language, else the browser's. */
export function WordsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguageState] = useState<Language>(() => chosen() ?? ofBrowser());
  const [place, setPlaceState] = useState<Place>({ timezone: "UTC", currency: "VND" });
  const [loaded, setLoaded] = useState<{ language: Language; table: Record<string, string> }>();

  useEffect(() => {
    let current = true;
    void load(language).then((table) => {
      if (!current) return;
      document.documentElement.lang = language;
      setLoaded({ language, table });
    });
    return () => {
      current = false;
    };
  }, [language]);

  const setLanguage = useCallback((choice: Language) => {
    try {
      localStorage.setItem(CHOICE, choice);
    } catch {
      // As above: the choice lasts until the page closes.
    }
    setLanguageState(choice);
  }, []);
  const setPlace = useCallback((workspace: Place & { language: string }) => {
    setPlaceState((now) =>
      now.timezone === workspace.timezone && now.currency === workspace.currency
        ? now
        : { timezone: workspace.timezone, currency: workspace.currency },
    );
    const itsLanguage = asLanguage(workspace.language);
    if (!chosen() && itsLanguage) setLanguageState(itsLanguage);
  }, []);

  const words = useMemo(
    () =>
      loaded && { ...wordsOf(loaded.language, loaded.table, place), setLanguage, setPlace },
    [loaded, place, setLanguage, setPlace],
  );
  return words ? <Context value={words}>{children}</Context> : null;
}
