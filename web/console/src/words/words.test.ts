import { describe, expect, it } from "vitest";

import { explanationWords, reasonWords } from "./codes";
import en from "./en.json";
import { formats } from "./format";
import { wordsOf } from ".";
import vi from "./vi.json";

const english: Record<string, string> = en;
const vietnamese: Record<string, string> = vi;
const PLACE = { timezone: "Asia/Ho_Chi_Minh", currency: "VND" };
const names = (sentence: string) => [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe("the two languages", () => {
  it("have the same sentences; Vietnamese needs no form for one", () => {
    const wanted = Object.keys(english).filter((key) => !key.endsWith(".one"));
    expect(Object.keys(vietnamese).sort()).toEqual(wanted.sort());
  });

  it("fill in the same names", () => {
    for (const [key, sentence] of Object.entries(vietnamese)) {
      expect(names(sentence), key).toEqual(names(english[key] ?? ""));
    }
  });

  it("speak calmly and never of users", () => {
    for (const [key, sentence] of [...Object.entries(english), ...Object.entries(vietnamese)]) {
      expect(sentence, key).not.toMatch(/!|\busers?\b|người dùng/i);
    }
  });

  it.each([
    ["people.title", "Customers", "Khách hàng"],
    ["person.traits", "Traits", "Thuộc tính"],
    ["person.consent", "Consent", "Sự đồng ý"],
    ["program.segments", "Segments", "Phân khúc"],
    ["program.journeys", "Journeys", "Hành trình"],
    ["program.messages", "Messages", "Thông điệp"],
    ["program.placements", "Placements", "Vị trí hiển thị"],
    ["program.offers", "Offers", "Ưu đãi"],
    ["program.forms", "Forms", "Biểu mẫu"],
    ["why.propensity", "Propensity", "Xác suất chọn"],
    ["arm.held_out", "Hold-out", "Nhóm đối chứng"],
    ["arm.treated", "Treated", "Nhóm tác động"],
    ["lift.conversion", "Conversion rate", "Tỷ lệ chuyển đổi"],
    ["settings.caps", "Frequency caps", "Giới hạn tần suất"],
    ["settings.quiet", "Quiet hours", "Giờ yên lặng"],
    ["rejected.title", "Rejected events", "Sự kiện bị loại"],
  ])("use the glossary's word for %s", (key, inEnglish, inVietnamese) => {
    expect(english[key]).toBe(inEnglish);
    expect(vietnamese[key]).toBe(inVietnamese);
  });
});

describe("formats", () => {
  const plain = (text: string) => text.replace(/\u00a0/g, " ");

  it("write Vietnamese as VOICE has it", () => {
    const f = formats("vi", PLACE);
    expect(plain(f.money("1234567"))).toBe("1.234.567 ₫");
    expect(f.dateTime("2026-11-21T07:05:00Z")).toBe("21/11/2026, 14:05");
    expect(f.number(1_000_000)).toBe("1.000.000");
    expect(f.duration("1d 12h")).toBe("1 ngày 12 giờ");
  });

  it("write English as VOICE has it", () => {
    const f = formats("en", PLACE);
    expect(f.money("1234567")).toBe("₫1,234,567");
    expect(f.dateTime("2026-11-21T07:05:00Z")).toBe("21 Nov 2026, 14:05");
    expect(f.duration("90d")).toBe("90 days");
    expect(f.money("9747747.93", "GBP")).toBe("£9,747,747.93");
  });

  it("take midnight for 00:00 and survive a wrong time zone and a wrong instant", () => {
    expect(formats("en", PLACE).time("2026-11-20T17:00:00Z")).toBe("00:00");
    const f = formats("vi", { timezone: "Mars/Olympus", currency: "not money" });
    expect(f.dateTime("2026-11-21T07:05:00Z")).toBe("21/11/2026, 07:05");
    expect(f.date("soon")).toBe("soon");
  });

  it("keep as many digits of a small share as say something", () => {
    const f = formats("en", PLACE);
    expect([f.percent(0), f.percent(0.0042), f.percent(0.625), f.percent(1)]).toEqual([
      "0%",
      "0.42%",
      "62.5%",
      "100%",
    ]);
  });
});

describe("sentences", () => {
  const words = wordsOf("en", english, PLACE);

  it("have a form for one", () => {
    expect(words.t("program.people", { n: 1 })).toBe("1 customer");
    expect(words.t("program.people", { n: 1_000_000 })).toBe("1,000,000 customers");
  });

  it("explain a decision from its codes", () => {
    expect(explanationWords(words, "policy.rate|successes=129|views=3130")).toBe(
      "Until then 129 clicks on 3,130 views.",
    );
    expect(explanationWords(words, "policy.propensity|p=0.623")).toBe("It was drawn with propensity 62.3%.");
    expect(
      explanationWords(words, "items.because|item=sku-1|by=bought_together|why=bought_together%7Cwith=sku-77"),
    ).toBe("sku-1: often bought together with sku-77.");
    expect(explanationWords(words, "candidates.none_left|considered=5|rule=3|cap=2")).toBe(
      "None of 5 candidates was left: its rule does not hold (3); shown often enough (2).",
    );
    expect(explanationWords(words, "candidates.none_left|considered=0")).toBe("There was no candidate.");
  });

  it("show what they do not know as it is", () => {
    expect(explanationWords(words, "policy.of_a_plugin|x=1")).toBe("policy.of_a_plugin|x=1");
    expect(reasonWords(words, "weather.rain")).toBe("weather.rain");
  });
});
