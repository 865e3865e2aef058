import { fireEvent, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import * as answers from "../../testing/answers";
import { open } from "../../testing/house";

const found = {
  merged: 41,
  split: 3,
  aside: 12,
  exact: false,
  samples: [
    {
      kind: "merge",
      people: [{ id: "p_1", name: "Nguyễn Thị Ánh Tuyết", key: "user_id:u1" }],
      becomes: [["user_id:u1", "anonymous_id:a1"]],
    },
  ],
};
const sweep = { running: true, since: "2026-11-22T07:00:00Z", part: 0.4, merged: 5, split: 1, aside: 0 };

describe("other rules of identity", () => {
  it("are looked at before they can be saved", async () => {
    const house = open("/settings", {
      "POST /v1/settings/preview": found,
      "PUT /v1/settings": answers.ANSWERS["/v1/settings"],
    });
    await userEvent.click(await screen.findByRole("button", { name: "Try other rules" }));
    const dialog = within(await screen.findByRole("dialog"));
    const text = dialog.getByLabelText("Rules, as JSON");
    fireEvent.change(text, { target: { value: "{" } });
    expect(dialog.getByText(/not JSON yet/)).toBeTruthy();
    expect(dialog.getByRole("button", { name: "Look first" })).toHaveProperty("disabled", true);
    const other = { identity: { user_id: { limit: 2 } }, blocked: [] };
    fireEvent.change(text, { target: { value: JSON.stringify(other) } });
    expect(dialog.queryByRole("button", { name: "Save these rules" })).toBeNull();
    await userEvent.click(dialog.getByRole("button", { name: "Look first" }));
    expect(await dialog.findByText(/41 customers would be merged into others, 3 taken apart, 12/)).toBeTruthy();
    expect(dialog.getByText(/An estimate/)).toBeTruthy();
    expect(dialog.getByText("Nguyễn Thị Ánh Tuyết")).toBeTruthy();
    await userEvent.click(dialog.getByRole("button", { name: "Save these rules" }));
    const told = house.asked.filter(({ method }) => method !== "GET");
    expect(told.map(({ method, body }) => [method, body])).toEqual([
      ["POST", other],
      ["PUT", other],
    ]);
  });

  it("show how far everybody is looked at under them", async () => {
    const settings = answers.ANSWERS["/v1/settings"] as object;
    open("/settings", { "/v1/settings": { ...settings, sweep } });
    expect(await screen.findByText(/being looked at under the rules/)).toBeTruthy();
    expect(screen.getByText(/Merged: 5/)).toBeTruthy();
  });
});
