import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import { open, refused } from "../../testing/house";

const place = "/people/user_id%3Au1";
const path = "DELETE /v1/profiles/user_id%3Au1";
const done = { applied: true, people: 1, erasures: ["erase-1"] };

const asked = async () => {
  await userEvent.click(await screen.findByRole("button", { name: "Erase" }));
  return within(await screen.findByRole("dialog"));
};

describe("what a customer may ask for", () => {
  it("is their data as a file", async () => {
    open(place, {});
    const link = await screen.findByRole("link", { name: "Download their data" });
    expect(link.getAttribute("href")).toBe("/v1/profiles/user_id%3Au1/export");
  });

  it("is to be erased, once the profile was typed", async () => {
    const house = open(place, { [path]: done });
    const dialog = await asked();
    const go = dialog.getByRole("button", { name: "Erase for good" });
    expect(go).toHaveProperty("disabled", true);
    const field = dialog.getByLabelText("Type the profile again");
    await userEvent.type(field, "user_id:u2");
    expect(go).toHaveProperty("disabled", true);
    await userEvent.clear(field);
    await userEvent.type(field, "user_id:u1");
    await userEvent.click(go);
    expect(await screen.findByRole("heading", { name: "Customers" })).toBeTruthy();
    const told = house.asked.filter(({ method }) => method === "DELETE");
    expect(told.map((call) => call.path)).toEqual(["/v1/profiles/user_id%3Au1"]);
  });

  it("says what the server refused", async () => {
    open(place, { [path]: refused(503, "engine.silent", "The engine does not answer.") });
    const dialog = await asked();
    await userEvent.type(dialog.getByLabelText("Type the profile again"), "user_id:u1{Enter}");
    expect((await dialog.findByRole("alert")).textContent).toContain("does not answer");
  });
});
