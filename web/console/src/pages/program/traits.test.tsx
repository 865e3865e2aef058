import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import type { TraitResource } from "../../api/types";
import * as answers from "../../testing/answers";
import { open, refused } from "../../testing/house";

/** The field itself: its list of suggestions has the same name. */
const INPUT = { selector: "input" };
const [favourite, perOrder] = answers.traits.data as [TraitResource, TraitResource];

describe("computed traits", () => {
  it("say what they are and what uses them", async () => {
    open("/program/traits#favourite_category", {}, "en");
    const line = await screen.findByRole("button", { name: /Danh mục yêu thích/ });
    expect(line.textContent).toContain(
      "Most frequent category of “Order Completed” in the last 180 days where total is at least 100",
    );
    expect(line.textContent).toContain("used in 2 places");
    expect(screen.getByRole("link", { name: "Mua hai lần trong 90 ngày" }).getAttribute("href")).toBe(
      "/program/segments#loyal",
    );
    await userEvent.click(screen.getByRole("button", { name: /Chi mỗi đơn/ }));
    expect(screen.getByText("{{ person.spent_per_order }}")).toBeTruthy();
  });

  it("are written field by field, tried on customers, and put", async () => {
    const house = open("/program/traits", {
      "/v1/traits": answers.page([]),
      "PUT /v1/traits/danh_muc": favourite,
    });
    const person = userEvent.setup();
    await person.click(await screen.findByRole("button", { name: "New trait" }));
    const dialog = within(await screen.findByRole("dialog"));
    await person.type(dialog.getByLabelText("Name"), "Danh mục");
    expect(dialog.getByLabelText("Id")).toHaveProperty("value", "danh_muc");
    await person.selectOptions(dialog.getByLabelText("What it tells"), "Most frequent value");
    expect(dialog.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
    await person.type(dialog.getByLabelText("Event", INPUT), "Order Completed");
    await person.type(dialog.getByLabelText("Property", INPUT), "category");
    await person.type(dialog.getByLabelText("Length of the window"), "x26");
    await person.selectOptions(dialog.getByLabelText("Unit of the window"), "weeks");
    await person.click(dialog.getByRole("button", { name: "Add a condition" }));
    await person.type(dialog.getByLabelText("Property of condition 1", INPUT), "vip");
    await person.type(dialog.getByLabelText("Value of condition 1"), "true");

    expect(await dialog.findByText("131 of the 200 customers seen last have a value.")).toBeTruthy();
    expect(dialog.getByText("Áo dài")).toBeTruthy();
    expect(dialog.getByText("1,234,567.891234")).toBeTruthy();
    expect(dialog.getByText("5 Jan 2026, 12:00")).toBeTruthy();
    expect(dialog.getByText("no value")).toBeTruthy();
    const definition = {
      name: "Danh mục",
      most_frequent: "Order Completed",
      of: "category",
      within: "26w",
      where: { vip: { is: true } },
    };
    await expect
      .poll(() => house.asked.filter(({ path }) => path === "/v1/traits/preview").at(-1)?.body)
      .toEqual({ id: "danh_muc", definition });

    house.given["/v1/traits"] = answers.traits;
    await person.keyboard("{Enter}");
    expect(await screen.findByText("“Danh mục” is live.")).toBeTruthy();
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(house.asked.find(({ method }) => method === "PUT")?.body).toEqual(definition);
    expect(await screen.findByRole("button", { name: /Chi mỗi đơn/ })).toBeTruthy();
  });

  it("keep the server's word on a mistake in a formula beside it", async () => {
    const said = "At character 9: a trait or a number belongs here, the formula ends.";
    open("/program/traits#spent_per_order", {
      "POST /v1/traits/preview": refused(422, "trait.formula", said),
    });
    const person = userEvent.setup();
    await person.click(await screen.findByRole("button", { name: "Change" }));
    const dialog = within(await screen.findByRole("dialog"));
    const field = dialog.getByLabelText("Formula");
    await person.clear(field);
    await person.type(field, "(spent -");
    await person.click(await dialog.findByRole("button", { name: "số đơn" }));
    expect(field).toHaveProperty("value", '(spent - "số đơn"');
    expect(await dialog.findByText(said)).toBeTruthy();
    expect(dialog.getByLabelText("Id")).toHaveProperty("disabled", true);
  });

  it("do not silently replace one of the same id", async () => {
    const house = open("/program/traits");
    const person = userEvent.setup();
    await person.click(await screen.findByRole("button", { name: "New trait" }));
    const dialog = within(await screen.findByRole("dialog"));
    await person.type(dialog.getByLabelText("Name"), "Spent per order");
    await person.type(dialog.getByLabelText("Event", INPUT), "E");
    expect(dialog.getByText("There is a trait with this id already; choose another.")).toBeTruthy();
    await person.keyboard("{Enter}");
    expect(house.asked.some(({ method }) => method === "PUT")).toBe(false);
  });

  it("are deleted and brought back, and kept where something needs them", async () => {
    const house = open("/program/traits#spent_per_order", {
      "DELETE /v1/traits/spent_per_order": { applied: true },
      "POST /v1/traits/spent_per_order/undo": perOrder,
      "DELETE /v1/traits/favourite_category": refused(409, "program.in_use", "The segment “loyal” names it."),
    });
    const person = userEvent.setup();
    const line = await screen.findByRole("button", { name: /Chi mỗi đơn/ });
    const item = within(line.closest("li") as HTMLElement);
    expect(item.queryByRole("button", { name: "Undo the last change" })).toBeNull();
    house.given["/v1/traits"] = answers.page([favourite]);
    await person.click(item.getByRole("button", { name: "Delete" }));
    expect(await screen.findByText("“Chi mỗi đơn” was deleted.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: /Chi mỗi đơn/ })).toBeNull();
    house.given["/v1/traits"] = answers.traits;
    await person.click(screen.getByRole("button", { name: "Undo" }));
    expect(await screen.findByRole("button", { name: /Chi mỗi đơn/ })).toBeTruthy();
    expect(screen.queryByText("“Chi mỗi đơn” was deleted.")).toBeNull();

    await person.click(screen.getByRole("button", { name: /Danh mục yêu thích/ }));
    await person.click(screen.getAllByRole("button", { name: "Delete" })[0] as HTMLElement);
    expect((await screen.findByRole("alert")).textContent).toContain("The segment “loyal” names it.");
  });

  it("teach what they are for where there is none, in Vietnamese too", async () => {
    open("/program/traits", { "/v1/traits": answers.page([]) }, "vi");
    expect(await screen.findByText(/^Chưa có thuộc tính nào/)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Thêm thuộc tính" })).toBeTruthy();
  });

  it("stand in the profile as worked out", async () => {
    open("/people/user_id%3Au1", {}, "vi");
    const since = (await screen.findByText("customer_since")).parentElement;
    expect(since?.textContent).toBe("customer_since05/01/2026, 12:00tự tính");
    expect(screen.getByText("spent_per_order").parentElement?.textContent).toContain("1.250,5");
  });
});
