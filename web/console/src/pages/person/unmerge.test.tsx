import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import * as answers from "../../testing/answers";
import { open, refused } from "../../testing/house";

const visitor = "0b7f6f2e-6a70-4c93-9f0e-8a1de4f3c001";
const path = "POST /v1/profiles/user_id%3Au1/unmerge";

const asked = async () => {
  await userEvent.click(await screen.findByRole("button", { name: "Take apart" }));
  return within(await screen.findByRole("dialog"));
};

describe("a profile that was two people", () => {
  it("is taken apart after a question that says what follows", async () => {
    const house = open("/people/user_id%3Au1", {
      [path]: { applied: true, person: "p_1", apart: [] },
    });
    const dialog = await asked();
    expect(dialog.getByText(/Both are made anew from their own events/)).toBeTruthy();
    const go = dialog.getByRole("button", { name: "Make two of them" });
    expect(go).toHaveProperty("disabled", true);
    await userEvent.click(dialog.getByLabelText(visitor));
    await userEvent.click(go);
    const told = house.asked.filter((call) => call.path.endsWith("/unmerge"));
    expect(told.map(({ body }) => body)).toEqual([{ apart: [`anonymous_id:${visitor}`] }]);
  });

  it("keeps at least one identifier, and says what the server refused", async () => {
    open("/people/user_id%3Au1", {
      [path]: refused(400, "profile.not_theirs", "This person is not known as that."),
    });
    const dialog = await asked();
    const boxes = dialog.getAllByRole("checkbox");
    for (const box of boxes) await userEvent.click(box);
    expect(dialog.getByText("Leave at least one to this customer.")).toBeTruthy();
    for (const box of boxes.slice(0, -1)) await userEvent.click(box);
    await userEvent.click(dialog.getByRole("button", { name: "Make two of them" }));
    expect((await dialog.findByRole("alert")).textContent).toContain("not known as that");
  });

  it("offers nothing where there is nothing to take apart", async () => {
    const [only] = answers.profile.identifiers;
    open("/people/user_id%3Au1", {
      "/v1/profiles/user_id%3Au1": { ...answers.profile, identifiers: only ? [only] : [] },
    });
    await screen.findByRole("heading", { name: "Nguyễn Thị Ánh Tuyết" });
    expect(screen.queryByRole("button", { name: "Take apart" })).toBeNull();
  });
});

const vetoes = "/v1/profiles/user_id%3Au1/vetoes";
const veto = {
  id: "unmerge-1",
  time: "2026-11-20T03:00:00Z",
  author: "an@shop.test",
  identifiers: ["user_id:u1"],
  never: [`anonymous_id:${visitor}`],
  lifted: null,
};

describe("a veto", () => {
  it("is shown with author and time, and taken back after a question", async () => {
    const house = open("/people/user_id%3Au1", {
      [vetoes]: { data: [veto], next: null, total: 1 },
      [`DELETE ${vetoes}/unmerge-1`]: { applied: true, person: "p_1" },
    });
    expect(await screen.findByText(/Taken apart by an@shop.test/)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Take back" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/a refusal of either holds/)).toBeTruthy();
    await userEvent.click(dialog.getByRole("button", { name: "Take back" }));
    const told = house.asked.filter(({ method }) => method === "DELETE");
    expect(told.map(({ path }) => path)).toEqual([`${vetoes}/unmerge-1`]);
  });

  it("stays in the list after it was taken back, without the button", async () => {
    const lifted = { time: "2026-11-21T03:00:00Z", author: "binh@shop.test" };
    open("/people/user_id%3Au1", { [vetoes]: { data: [{ ...veto, lifted }], next: null, total: 1 } });
    expect(await screen.findByText(/Taken back by binh@shop.test/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Take back" })).toBeNull();
  });
});
