import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import type { Overview } from "../api/types";
import * as answers from "../testing/answers";
import { open, refused } from "../testing/house";

const signedOut = refused(401, "session.missing", "Sign in.");

describe("signing in", () => {
  it("asks for e-mail and password, says what is wrong, and lets in", async () => {
    const house = open("/people", {
      "/v1/me": signedOut,
      "POST /v1/login": refused(401, "session.wrong", "E-mail or password is wrong; try again."),
    });
    const person = userEvent.setup();
    await person.type(await screen.findByLabelText("E-mail"), "admin@example.test");
    await person.type(screen.getByLabelText("Password"), "wrong");
    await person.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("alert")).toHaveProperty(
      "textContent",
      expect.stringContaining("do not go together"),
    );

    house.given["POST /v1/login"] = answers.me;
    house.given["/v1/me"] = answers.me;
    await person.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("heading", { name: "Customers" })).toBeTruthy();
    const login = house.asked.filter(({ path }) => path === "/v1/login").at(-1);
    expect(login?.body).toEqual({ email: "admin@example.test", password: "wrong" });
    expect(login?.headers.get("X-Duyen")).toBe("1");
  });

  it("comes back as soon as any answer says that the session is over", async () => {
    const house = open("/rejected");
    await screen.findByText("The body is not JSON: unexpected end at byte 14.");
    Object.assign(house.given, { "/v1/me": signedOut, "/v1/settings": signedOut });
    await userEvent.click(screen.getByRole("link", { name: "Settings" }));
    expect(await screen.findByLabelText("Password")).toBeTruthy();
  });

  it("says that the server does not answer, and offers to try again", async () => {
    const house = open("/", { "/v1/me": "down" });
    const retry = await screen.findByRole("button", { name: "Try again" });
    expect(screen.getByRole("alert").textContent).toContain("The server does not answer");
    house.given["/v1/me"] = answers.me;
    await userEvent.click(retry);
    expect(await screen.findByRole("heading", { name: "Live" })).toBeTruthy();
  });
});

describe("language", () => {
  it("is the workspace's until somebody chooses", async () => {
    const house = open("/settings", {}, "vi");
    expect(await screen.findByRole("heading", { name: "Cài đặt" })).toBeTruthy();
    await userEvent.click(screen.getByText("EN"));
    expect(await screen.findByRole("heading", { name: "Settings" })).toBeTruthy();
    expect(document.documentElement.lang).toBe("en");
    expect(house.asked.filter(({ path }) => path === "/v1/settings")).toHaveLength(1);
  });
});

describe("the live overview", () => {
  it("shows numbers with what belongs beside them", async () => {
    open("/");
    expect(await screen.findByText("1,000,000")).toBeTruthy();
    expect(screen.getByText("900,412 treated, 99,588 held out · 12,345 anonymous people forgotten so far")).toBeTruthy();
    expect(screen.getByText("6,120 opened, 1,377 clicked", { exact: false })).toBeTruthy();
    const sentence = screen.getByText(/brought/).textContent;
    expect(sentence).toContain("₫6,843 more");
    expect(sentence).toContain("with 95% confidence between ₫4,373 and ₫9,313");
  });

  it("tells what just happened and why something was not sent", async () => {
    open("/", {}, "vi");
    const refusedLine = (await screen.findByText(/bị từ chối/)).closest("li");
    expect(refusedLine?.textContent).toContain("Nguyễn Thị Ánh Tuyết");
    expect(refusedLine?.textContent).toContain("chạm giới hạn tần suất");
    expect(screen.getByText("Khách ghé 7f3a9c21")).toBeTruthy();
  });

  it("teaches one action where nothing has come yet", async () => {
    open("/", { "/v1/reports/overview": answers.untouched });
    const shop = await screen.findByRole("link", { name: "Open the demo shop" });
    expect(shop.getAttribute("href")).toBe("/shop");
  });

  it("gives the line for the pages in a company's own workspace", async () => {
    open("/", {
      "/v1/reports/overview": answers.untouched,
      "/v1/me": { ...answers.me, demo: false },
    });
    expect(await screen.findByText(/<script src=".*\/tag.js"/)).toBeTruthy();
  });

  it("says on every page that the engine stands still", async () => {
    const house = open("/program/segments", {
      "/v1/reports/overview": { ...answers.overview, engine: { waiting: 1, still: true } } satisfies Overview,
    });
    expect(await screen.findByText("The engine stands still")).toBeTruthy();
    expect(screen.getByText(/^1 entry of the log waits/)).toBeTruthy();
    expect(house.asked.some(({ method }) => method === "POST")).toBe(false);
  });

  it("pauses everything only after a confirmation, and says so on every page", async () => {
    const house = open("/", { "POST /v1/pause": { paused: true }, "POST /v1/resume": { paused: false } });
    const person = userEvent.setup();
    await person.click(await screen.findByRole("button", { name: "Pause all sending" }));
    const dialog = await screen.findByRole("dialog");
    expect(dialog.textContent).toContain("No message leaves until you resume");
    expect(dialog.textContent).toContain("211 messages wait");
    expect(house.asked.some(({ method }) => method === "POST")).toBe(false);

    house.given["/v1/reports/overview"] = { ...answers.overview, paused: true } satisfies Overview;
    await person.click(within(dialog).getByRole("button", { name: "Pause all sending" }));
    expect(await screen.findByText("All sending is paused")).toBeTruthy();
    await person.click(screen.getByRole("link", { name: "Program" }));
    expect(await screen.findByRole("heading", { name: "Program" })).toBeTruthy();
    expect(screen.getByText("All sending is paused")).toBeTruthy();

    house.given["/v1/reports/overview"] = answers.overview;
    await person.click(screen.getByRole("button", { name: "Resume sending" }));
    const again = await screen.findByRole("dialog");
    await person.click(within(again).getByRole("button", { name: "Resume sending" }));
    await expect.poll(() => screen.queryByText("All sending is paused")).toBeNull();
  });
});

describe("customers", () => {
  it("are searched as typed, without diacritics too, and narrowed to a segment", async () => {
    const house = open("/people?segment=hanoi");
    const person = userEvent.setup();
    await person.type(await screen.findByLabelText("Name, e-mail, phone or id"), "anh tuyet");
    await expect
      .poll(() => house.asked.filter(({ path }) => path === "/v1/profiles").at(-1)?.query.toString())
      .toBe("query=anh+tuyet&segment=hanoi");
    expect(await screen.findByText("Nguyễn Thị Ánh Tuyết")).toBeTruthy();
  });

  it("are read page by page", async () => {
    const house = open("/people");
    expect(await screen.findByText("3 of 1,000,000 shown")).toBeTruthy();
    house.given["/v1/profiles"] = answers.page([{ ...answers.people.data[1], id: "p_9" }], 1_000_000);
    await userEvent.click(screen.getByRole("button", { name: "Load more" }));
    expect(await screen.findByText("4 of 1,000,000 shown")).toBeTruthy();
    expect(house.asked.at(-1)?.query.get("cursor")).toBe("c2");
    expect(screen.queryByRole("button", { name: "Load more" })).toBeNull();
  });

  it("teach what to do where there is nobody, and where nobody fits", async () => {
    const house = open("/people?query=zzz", { "/v1/profiles": answers.page([], 0) });
    expect(await screen.findByText(/Nobody fits this search/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Show everyone" }));
    expect(await screen.findByText(/Nobody is here yet/)).toBeTruthy();
    expect(house.asked.at(-1)?.query.has("query")).toBe(false);
  });

  it("take the keyboard: / finds the search, g and a letter a page", async () => {
    open("/people");
    const search = await screen.findByLabelText("Name, e-mail, phone or id");
    await userEvent.keyboard("/");
    expect(document.activeElement).toBe(search);
    await userEvent.keyboard("gx");
    expect(search).toHaveProperty("value", "gx");
    search.blur();
    await userEvent.keyboard("gx");
    expect(await screen.findByRole("heading", { name: "Rejected events" })).toBeTruthy();
  });
});

describe("companies", () => {
  it("are found by how their names begin, and lead to what is known of each and who belongs to it", async () => {
    const house = open("/companies");
    const person = userEvent.setup();
    await person.type(await screen.findByRole("searchbox"), "cong ty");
    await waitFor(() => {
      expect(house.asked.at(-1)?.query.get("query")).toBe("cong ty");
    });
    await person.click(await screen.findByRole("link", { name: "Công ty Mây" }));
    expect(await screen.findByRole("heading", { name: "Công ty Mây" })).toBeTruthy();
    expect(screen.getByText("plan").parentElement?.textContent).toContain("business");
    expect(screen.getByText("1,204 customers belong to it.")).toBeTruthy();
    await person.click(await screen.findByRole("link", { name: "Nguyễn Thị Ánh Tuyết" }));
    expect(await screen.findByRole("link", { name: "Công ty Mây" })).toBeTruthy();
  });

  it("teach how they come about where there is none", async () => {
    open("/companies", { "/v1/groups": answers.page([], 0) });
    expect(await screen.findByText(/No company is known yet/)).toBeTruthy();
  });
});

describe("one customer", () => {
  const opened = async (name: RegExp) => {
    await userEvent.click(await screen.findByRole("button", { name }));
  };

  it("has identity, consent, segments and traits with their times", async () => {
    open("/people/user_id%3Au1");
    expect(await screen.findByRole("heading", { name: "Nguyễn Thị Ánh Tuyết" })).toBeTruthy();
    expect(screen.getByText("0b7f6f2e-6a70-4c93-9f0e-8a1de4f3c001")).toBeTruthy();
    expect(screen.getByText("marketing × e-mail").parentElement?.textContent).toContain("granted");
    expect(screen.getByText("marketing × SMS").parentElement?.textContent).toContain("denied");
    expect(screen.getByText("loyalty_points").parentElement?.textContent).toContain("12840");
  });

  it("says what its orders are counted from, and that nothing was told of a customer only decided for", async () => {
    const epoch = "1970-01-01T00:00:00.000Z";
    const fresh = { ...answers.profile, cells: [], events: 0, first: epoch, last: epoch };
    const first = open("/people/user_id%3Au1", { "/v1/profiles/user_id%3Au1": fresh });
    expect(await screen.findByText(/counting begins with the first decision or message/)).toBeTruthy();
    expect(screen.getByText("Nothing was told of them yet")).toBeTruthy();
    first.unmount();
    const row = { ...answers.people.data[0], events: 0, first: epoch, last: epoch };
    open("/people", { "/v1/profiles": answers.page([row], 1) });
    await screen.findByText("anh.tuyet@example.test");
    expect(document.body.textContent).not.toContain("1970");
  });

  it("tells why a message was refused: journey, step, rule, policy", async () => {
    open("/people/user_id%3Au1");
    await opened(/Nhắc món vừa xem.*refused/);
    const why = screen.getByText("Entered because").closest("dl")?.textContent;
    expect(why).toContain("Quay lại xem · step 2");
    expect(why).toContain("“Product Viewed” happened where category is “ao-dai”");
    expect(why).toContain("did “Order Completed” in the last 1 hour: this did not hold");
    expect(why).toContain("refused: frequency cap reached");
  });

  it("tells why something was shown: propensity, policy, candidates and what kept others out", async () => {
    open("/people/user_id%3Au1");
    await opened(/Khung đầu trang chủ/);
    expect(screen.getByText("62.3%, among 2 eligible candidates")).toBeTruthy();
    expect(screen.getByText("thompson · version 1842 · program 311")).toBeTruthy();
    expect(screen.getByText("Until then 129 clicks on 3,130 views.")).toBeTruthy();
    expect(screen.getByText("left out: its rule does not hold")).toBeTruthy();
    expect(screen.getByText("left out: out of stock")).toBeTruthy();
  });

  it("shows a script in an event as text", async () => {
    open("/people/user_id%3Au1");
    await opened(/Rated Shop/);
    expect(screen.getByText("<script>alert(1)</script>")).toBeTruthy();
    expect(document.querySelector("script")).toBeNull();
  });

  it("tells what an order held, line by line", async () => {
    open("/people/user_id%3Au1");
    await opened(/Order completed/);
    const table = within(screen.getByRole("table"));
    expect(table.getAllByRole("row").map((row) => row.textContent.replace(/\s/g, " "))).toEqual([
      "ProductQuantityPriceAmount",
      expect.stringContaining("sku-771₫1,290,000₫1,290,000"),
      "–not readable₫0not readable",
      "Shipping₫30,000",
      "Total₫1,320,000",
    ]);
    expect(screen.getByText("One more product is not shown.")).toBeTruthy();
    expect(screen.getByText("products.1.quantity").parentElement?.textContent).toContain("1");
    expect(screen.getByText("page.path").parentElement?.textContent).toContain("/shop/ao-dai");
  });

  it("can be narrowed to one kind", async () => {
    open("/people/user_id%3Au1");
    await screen.findByRole("button", { name: /Khung đầu trang chủ/ });
    await userEvent.click(screen.getByRole("radio", { name: "Messages" }));
    expect(screen.queryByRole("button", { name: /Khung đầu trang chủ/ })).toBeNull();
    expect(screen.getAllByRole("button", { name: /Nhắc món vừa xem/ })).toHaveLength(2);
  });

  it("who is not known is said to be unknown", async () => {
    open("/people/user_id%3Anobody", {
      "/v1/profiles/user_id%3Anobody": refused(404, "profile.unknown", "Nobody is known as user_id:nobody."),
    });
    expect((await screen.findByRole("alert")).textContent).toContain("Nobody is known as user_id:nobody.");
  });
});

describe("the mail catcher", () => {
  it("shows a mail shut off from the console", async () => {
    open("/mail/mail-1");
    const frame = await screen.findByTitle(answers.mail.subject);
    expect(frame.getAttribute("sandbox")).toBe("");
    expect(frame.getAttribute("src")).toBe("/v1/mail/mail-1/html");
    expect(frame.getAttribute("referrerpolicy")).toBe("no-referrer");
  });

  it("follows web links only, and says what following one does", async () => {
    open("/mail/mail-1");
    await userEvent.click(await screen.findByRole("tab", { name: "2 links" }));
    expect(screen.getByRole("link", { name: "Xem áo dài" }).getAttribute("rel")).toContain("noreferrer");
    expect(screen.getByText("Link without text").getAttribute("href")).toBeNull();
    expect(screen.getByText(/counts as their click/)).toBeTruthy();
  });

  it("has headers and the text part", async () => {
    open("/mail/mail-1");
    await userEvent.click(await screen.findByRole("tab", { name: "Headers" }));
    expect(screen.getByText(/List-Unsubscribe=One-Click/)).toBeTruthy();
    await userEvent.click(screen.getByRole("tab", { name: "Text part" }));
    expect(screen.getByText(/Chào Ánh Tuyết,/)).toBeTruthy();
  });
});

describe("results", () => {
  it("say what changed, with interval, sample and crossed people", async () => {
    open("/results");
    expect(await screen.findByText("+₫6,843")).toBeTruthy();
    expect(screen.getByText(/95% confidence interval \+₫4,373 to \+₫9,313/)).toBeTruthy();
    expect(screen.getByText("8.25%")).toBeTruthy();
    expect(screen.getByText(/41 customers were merged from both groups/)).toBeTruthy();
  });

  it("say so where nothing can be told yet", async () => {
    const { unmount } = open("/results", { "/v1/reports/lift": answers.unclear });
    expect(await screen.findByText(/No effect on revenue can be told from chance yet/)).toBeTruthy();
    expect(screen.getAllByText(/of the hold-out's mean/)).toHaveLength(1); // conversion's, which can be told
    unmount();
    open("/results", { "/v1/reports/lift": { ...answers.lift, revenue: null, conversion: null } });
    expect(await screen.findAllByText(/Too early to say: 900,412 treated and 99,588 held-out/)).toHaveLength(2);
  });

  it("draw no axis for means of which nothing is known", async () => {
    const alone = { ...answers.lift.treated.revenue_per_person, low: null, high: null };
    const { treated, held_out } = answers.lift;
    open("/results", {
      "/v1/reports/lift": {
        ...answers.lift,
        revenue: null,
        treated: { ...treated, revenue_per_person: alone },
        held_out: { ...held_out, revenue_per_person: alone },
      },
    });
    expect(await screen.findByText(/Too early to say/)).toBeTruthy();
    expect(screen.getAllByRole("img")).toHaveLength(1); // conversion's
  });

  it("tell what became of messages and why some were not sent", async () => {
    open("/results/messages");
    expect(await screen.findByText("33.4% to 33.8%")).toBeTruthy();
    expect(screen.getByText("no consent given").closest("tr")?.textContent).toContain("6,010");
  });

  it("tell what was chosen at each placement", async () => {
    open("/results/decisions");
    const row = (await screen.findByText("Miễn phí giao hàng 🚚")).closest("tr");
    expect(row?.textContent).toContain("64.2%");
    expect(row?.textContent).toContain("4.04% to 4.16%");
  });
});

describe("the program", () => {
  it("says each segment in words, with its people and its YAML", async () => {
    open("/program/segments#loyal");
    expect(
      await screen.findByText(
        "did “Order Completed” at least 2 times in the last 90 days and did not do “Order Completed” in the last 30 days",
      ),
    ).toBeTruthy();
    expect(await screen.findByText("31,204 customers")).toBeTruthy();
    expect(screen.getByText(/did_not: Order Completed/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "See these customers" }).getAttribute("href")).toBe(
      "/people?segment=loyal",
    );
  });

  it("says why a definition stands still", async () => {
    const [loyal] = answers.segments.data;
    if (!loyal) throw new Error("no segment");
    const problem = "There is no segment “gone”.";
    open("/program/segments#loyal", { "/v1/segments": answers.page([{ ...loyal, problem }]) });
    expect(await screen.findByText(problem)).toBeTruthy();
    expect(screen.getByText("stands still")).toBeTruthy();
  });

  it("shows who stands at which step of a journey", async () => {
    open("/program/journeys#browse-return");
    const step = (await screen.findByText("Wait 30 minutes")).closest("li");
    expect(step?.textContent).toContain("1,204 customers");
  });

  it("previews a message shut off from the console", async () => {
    open("/program/messages#browse-mail");
    const frame = await screen.findByTitle(answers.mail.subject);
    expect(frame.getAttribute("sandbox")).toBe("");
    expect(frame.getAttribute("src")).toBe("/v1/messages/browse-mail/preview/html");
  });
});

it("keeps rejected calls with their reasons, as they came", async () => {
  open("/rejected");
  await userEvent.click(await screen.findByRole("button", { name: /`event` must not be empty/ }));
  expect(screen.getByText(/<script>alert\(1\)<\/script>/)).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: /The body is not JSON/ }));
  expect(screen.getByText('{"type":"trac')).toBeTruthy();
});

it("replays rejected calls, one or all page by page", async () => {
  const { asked } = open("/rejected", {
    "POST /v1/rejected/replay": {
      applied: true,
      data: [
        { id: "r1", state: "replayed", reasons: [] },
        { id: "r2", state: "rejected", reasons: ["still"] },
      ],
      next: null,
    },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Replay all" }));
  expect(await screen.findByText("1 of 2 are events now.")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: /The body is not JSON/ }));
  await userEvent.click(screen.getByRole("button", { name: "Replay" }));
  expect(asked.filter(({ method }) => method === "POST").map(({ body }) => body)).toEqual([
    { all: true, cursor: null },
    { ids: ["r2"] },
  ]);
});

it("shows the settings in words", async () => {
  open("/settings");
  expect(await screen.findByText("at most 1 marketing message by e-mail within 1 day")).toBeTruthy();
  expect(screen.getByText("at most 3 marketing messages in all within 1 week")).toBeTruthy();
  expect(screen.getByText("21:00 to 08:00, in the customer's time zone")).toBeTruthy();
});

it("says that there is no such page", async () => {
  open("/nowhere");
  expect(await screen.findByRole("heading", { name: "No such page" })).toBeTruthy();
});

it("shows an error where the answer would stand, and the rest of the page around it", async () => {
  open("/results/messages", {
    "/v1/reports/messages": refused(503, "disk.full", "The disk is full; free some space."),
  });
  expect((await screen.findByRole("alert")).textContent).toContain("The disk is full");
  expect(screen.getByRole("tab", { name: "Decisions" })).toBeTruthy();
});
