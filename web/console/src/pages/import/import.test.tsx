import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import * as answers from "../../testing/answers";
import { open, refused } from "../../testing/house";

const PREVIEW = "POST /v1/imports/i1/preview";
const fresh = { ...answers.importRow, state: "uploaded" as const, mapping: null, report: null };

describe("imports", () => {
  it("are listed with how far they are and what came of them", async () => {
    open("/import");
    const rows = within(await screen.findByRole("table")).getAllByRole("row");
    expect(rows[1]?.textContent).toContain("khách hàng.csv");
    expect(rows[1]?.textContent).toContain("Importing · 40%");
    expect(rows[2]?.textContent).toContain("8 rows: 7 accepted, 1 rejected");
    expect(screen.getByRole("progressbar", { name: "Importing" })).toBeTruthy();
  });

  it("teach what to do where there are none", async () => {
    open("/import", { "/v1/imports": { data: [], next: null, total: 0 } });
    expect(await screen.findByText(/Drop a file above/)).toBeTruthy();
  });

  it("show a file, take another column, and start with the mapping that was shown", async () => {
    const house = open("/import/i1", { "/v1/imports/i1": fresh });
    const person = userEvent.setup();
    expect(await screen.findByRole("cell", { name: "an@example.test" })).toBeTruthy();
    expect(screen.getByText(/“Họ tên” really the name/)).toBeTruthy();
    expect(screen.getByText(/62% sure/)).toBeTruthy();
    expect(screen.getByText("8 rows: 7 accepted, 1 rejected")).toBeTruthy();

    await person.selectOptions(screen.getByLabelText("Phone"), "Hạng");
    await waitFor(() => {
      const asked = house.asked.filter(({ path }) => path.endsWith("/preview")).at(-1);
      expect(asked?.body).toEqual({ kind: "people", columns: { phone: "Hạng" } });
    });
    const start = screen.getByRole("button", { name: "Start the import" });
    await waitFor(() => expect(start).toHaveProperty("disabled", false));
    house.given["POST /v1/imports/i1/start"] = { ...fresh, state: "waiting" };
    house.given["/v1/imports/i1"] = { ...fresh, state: "waiting" };
    await person.click(start);
    expect(await screen.findByText("Waiting")).toBeTruthy();
    const started = house.asked.find(({ path }) => path.endsWith("/start"));
    expect(started?.body).toEqual({ mapping: answers.importLook.mapping });
    expect(started?.headers.get("X-Duyen")).toBe("1");
    expect(screen.getByRole("button", { name: "Cancel the import" })).toBeTruthy();
  });

  it("cannot be started while something is missing, and say why in the server's words", async () => {
    const problem = { code: "mapping.invalid", message: "The mapping does not fit: a column for time is needed." };
    open("/import/i1", {
      "/v1/imports/i1": fresh,
      [PREVIEW]: { ...answers.importLook, trial: null, problem, missing: ["time"] },
    });
    expect(await screen.findByText(problem.message)).toBeTruthy();
    expect(screen.getByRole("button", { name: "Start the import" })).toHaveProperty("disabled", true);
  });

  it("say what could not be taken, and give it to download", async () => {
    open("/import/i1", { "/v1/imports/i1": answers.importDone });
    expect(await screen.findByText(/1 · the e-mail is no address/)).toBeTruthy();
    const link = screen.getByRole("link", { name: "Download rejected rows" });
    expect(link.getAttribute("href")).toBe("/v1/imports/i1/rejects");
  });

  it("say that a file is gone", async () => {
    open("/import/i1", { "/v1/imports/i1": refused(404, "import.unknown", "There is no import “i1”.") });
    expect(await screen.findByText("There is no import “i1”.")).toBeTruthy();
  });
});
