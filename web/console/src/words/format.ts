/** Numbers, money and moments as VOICE writes them: vi `1.234.567 ₫, 21/11/2026, 14:05`; en `₫1,234,567, 21 Nov 2026, 14:05`. */

export type Language = "en" | "vi";

const LOCALE: Record<Language, string> = { en: "en-GB", vi: "vi-VN" };
const UNITS = { w: "week", d: "day", h: "hour", m: "minute", s: "second" } as const;

export interface Place {
  timezone: string;
  currency: string;
}

export interface Formats {
  number: (value: number, digits?: number) => string;
  /** A fraction as a percentage; without `digits`, small ones keep two that say something. */
  percent: (fraction: number, digits?: number) => string;
  /** A difference of fractions, in percentage points, with its sign. */
  points: (fraction: number) => string;
  money: (amount: string | number, currency?: string) => string;
  /** Money with its sign, for differences. */
  change: (amount: number, currency?: string) => string;
  date: (instant: string) => string;
  /** `Sunday, 22 November 2026` as the heading of a day. */
  day: (instant: string) => string;
  /** The day in the workspace's time zone, for grouping. */
  dayKey: (instant: string) => string;
  time: (instant: string) => string;
  seconds: (instant: string) => string;
  dateTime: (instant: string) => string;
  /** `30m`, `1d 12h` as words. */
  duration: (text: string) => string;
  bytes: (size: number) => string;
  list: (parts: string[]) => string;
}

/** Whether the browser knows the time zone; a wrong one in the settings must not blank the console. */
function known(timezone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    return timezone;
  } catch {
    return "UTC";
  }
}

function digitsOf(percentage: number): number {
  const size = Math.abs(percentage);
  if (size === 0 || size >= 99.95) return 0;
  return size < 1 ? 2 : 1;
}

function safeCurrency(currency: string): string {
  return /^[A-Za-z]{3}$/.test(currency) ? currency : "VND";
}

export function formats(language: Language, place: Place): Formats {
  const locale = LOCALE[language];
  const timeZone = known(place.timezone);
  const moment = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, { timeZone, hourCycle: "h23", ...options });
    return (instant: string) => {
      const date = new Date(instant);
      return Number.isNaN(date.getTime()) ? instant : format.format(date);
    };
  };
  const date = moment(
    language === "vi"
      ? { day: "2-digit", month: "2-digit", year: "numeric" }
      : { day: "numeric", month: "short", year: "numeric" },
  );
  const time = moment({ hour: "2-digit", minute: "2-digit" });
  const money = (amount: string | number, currency: string, signed: boolean) =>
    new Intl.NumberFormat(locale, {
      style: "currency",
      currency: safeCurrency(currency),
      currencyDisplay: "narrowSymbol",
      signDisplay: signed ? "exceptZero" : "auto",
    }).format(Number(amount));
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
  const fixed = (value: number, digits: number) =>
    new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(value);

  return {
    number,
    percent: (fraction, digits) =>
      digits === undefined
        ? `${number(fraction * 100, digitsOf(fraction * 100))}%`
        : `${fixed(fraction * 100, digits)}%`,
    points: (fraction) =>
      new Intl.NumberFormat(locale, {
        signDisplay: "exceptZero",
        minimumFractionDigits: 2,
        maximumFractionDigits: 2,
      }).format(fraction * 100),
    money: (amount, currency = place.currency) => money(amount, currency, false),
    change: (amount, currency = place.currency) => money(amount, currency, true),
    date,
    day: moment({ weekday: "long", day: "numeric", month: "long", year: "numeric" }),
    dayKey: moment({ day: "2-digit", month: "2-digit", year: "numeric" }),
    time,
    seconds: moment({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    dateTime: (instant) => `${date(instant)}, ${time(instant)}`,
    duration: (text) => durationWords(text, locale),
    bytes: (size) =>
      size < 1000
        ? new Intl.NumberFormat(locale, { style: "unit", unit: "byte", unitDisplay: "long" }).format(size)
        : new Intl.NumberFormat(locale, {
            style: "unit",
            unit: "kilobyte",
            maximumFractionDigits: 1,
          }).format(size / 1000),
    list: (parts) => new Intl.ListFormat(locale, { type: "conjunction" }).format(parts),
  };
}

function durationWords(text: string, locale: string): string {
  const parts = [...text.matchAll(/(\d+)\s*(w|d|h|m|s)(?![a-z])/g)].map(([, count, unit]) =>
    new Intl.NumberFormat(locale, {
      style: "unit",
      unit: UNITS[unit as keyof typeof UNITS],
      unitDisplay: "long",
    }).format(Number(count)),
  );
  return parts.length ? parts.join(" ") : text;
}
