import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import * as answers from "../../testing/answers";
import { open, refused } from "../../testing/house";

const [shop] = answers.sources;

describe("sources", () => {
  it("say what came, what was wrong last, and where to paste what", async () => {
    open("/sources");
    const line = await screen.findByRole("button", { name: /Áo dài lụa/ });
    expect(line.textContent).toContain("1,000,000 deliveries");
    expect(line.textContent).toContain("does not prove this body");
    await userEvent.click(line);
    expect(screen.getByText("https://duyen.example.test/v1/hooks/tra-viet")).toBeTruthy();
    expect(
      screen.getByText("1,204,311 events, 412 catalogue items, 3 rejected, 17 of no concern, 1 refused"),
    ).toBeTruthy();
    expect(screen.getByRole("button", { name: /tills/ }).textContent).toContain("Paused");
  });

  it("teach with one sentence where there are none", async () => {
    open("/sources", { "/v1/sources": answers.page([]) }, "vi");
    expect(await screen.findByText(/Hãy khai báo cửa hàng/)).toBeTruthy();
  });

  it("are paused with their definition as it is, and their secret left alone", async () => {
    const house = open("/sources", { "PUT /v1/sources/tra-viet": { ...shop, live: false } });
    await userEvent.click(await screen.findByRole("button", { name: /Áo dài lụa/ }));
    await userEvent.click(screen.getByRole("button", { name: "Pause" }));
    const put = house.asked.find(({ method }) => method === "PUT");
    expect(put?.body).toEqual({ ...shop?.definition, live: false });
  });

  it("are declared, and the secret that was made is shown", async () => {
    const house = open("/sources", {
      "PUT /v1/sources/woo": { ...shop, id: "woo", verify_token: null, secret: "made-here-just-now" },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Declare a shop" }));
    const form = within(await screen.findByRole("dialog"));
    await userEvent.click(form.getByText("WooCommerce"));
    await userEvent.type(form.getByLabelText(/Id/), "woo");
    await userEvent.click(form.getByRole("button", { name: "Declare" }));
    expect(await form.findByText("made-here-just-now")).toBeTruthy();
    expect(house.asked.find(({ method }) => method === "PUT")?.body).toEqual({
      kind: "woocommerce",
      name: "",
      secret: "",
    });
  });

  it("do not silently replace one of the same id", async () => {
    open("/sources");
    await userEvent.click(await screen.findByRole("button", { name: "Declare a shop" }));
    const form = within(await screen.findByRole("dialog"));
    await userEvent.type(form.getByLabelText(/Id/), "tills");
    expect(form.getByText("There is a source of this id already.")).toBeTruthy();
    expect(form.getByRole("button", { name: "Declare" })).toHaveProperty("disabled", true);
  });

  it("say what is wrong with what was declared", async () => {
    open("/sources", {
      "PUT /v1/sources/tra": refused(422, "source.secret", "Give the secret by which deliveries are proved."),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Declare a shop" }));
    const form = within(await screen.findByRole("dialog"));
    await userEvent.type(form.getByLabelText(/Id/), "tra");
    await userEvent.type(form.getByLabelText(/^Secret/), "short");
    await userEvent.click(form.getByRole("button", { name: "Declare" }));
    expect((await form.findByRole("alert")).textContent).toContain("Give the secret");
  });
});
