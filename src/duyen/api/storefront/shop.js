// The demo shop's own script: a basket in this browser, and what a shop tells Duyên about it.
(() => {
  const duyen = (window.duyen = window.duyen || []);
  const tell = (...call) => duyen.push(call);
  const KEY = "shop.basket";
  const read = () => {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  };
  const keep = (lines) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(lines));
    } catch {
      // Storage is switched off: the basket lasts as long as the page.
    }
    count();
  };
  const count = () => {
    const pieces = read().reduce((sum, line) => sum + line.quantity, 0);
    for (const place of document.querySelectorAll("[data-count]")) place.textContent = String(pieces);
  };
  const money = (amount) => new Intl.NumberFormat("vi-VN").format(amount) + " ₫";
  count();

  const page = document.querySelector("[data-product]");
  if (page) {
    const product = JSON.parse(page.dataset.product);
    tell("track", "Product Viewed", product);
    page.querySelector("[data-add]").addEventListener("click", (event) => {
      const lines = read();
      const known = lines.find((line) => line.product_id === product.product_id);
      if (known) known.quantity += 1;
      else lines.push({ ...product, quantity: 1 });
      keep(lines);
      tell("track", "Product Added", { ...product, quantity: 1 });
      event.target.textContent = event.target.dataset.added;
    });
  }

  const basket = document.querySelector("[data-basket]");
  if (!basket) return;
  const form = document.querySelector("form");
  const total = () => read().reduce((sum, line) => sum + Number(line.price) * line.quantity, 0);
  const draw = () => {
    const lines = read();
    form.hidden = !lines.length;
    document.querySelector("[data-empty]").hidden = !!lines.length;
    basket.hidden = !lines.length;
    const body = basket.querySelector("tbody");
    body.replaceChildren(
      ...lines.map((line, number) => {
        const row = document.createElement("tr");
        for (const text of [line.name, String(line.quantity), money(Number(line.price) * line.quantity)]) {
          const cell = document.createElement("td");
          cell.textContent = text;
          row.append(cell);
        }
        const button = document.createElement("button");
        button.type = "button";
        button.className = "quiet";
        button.textContent = basket.dataset.remove;
        button.addEventListener("click", () => {
          keep(read().filter((_, other) => other !== number));
          draw();
        });
        row.children[0].append(" ", button);
        return row;
      }),
    );
    basket.querySelector("[data-total]").textContent = money(total());
  };
  draw();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = new FormData(form);
    const answer = await fetch("/shop/account", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: said.get("name"), email: said.get("email"), agree: said.get("agree") === "on" }),
    });
    const told = await answer.json();
    const result = document.querySelector("[data-result]");
    if (!answer.ok) {
      result.textContent = told.error.message;
      return;
    }
    // The shop's own server has said who this is; its hash lets this page speak as that customer.
    tell("identify", told.userId, {}, { hash: told.hash });
    tell("track", "Order Completed", {
      order_id: `S${Date.now().toString(36)}`,
      total: String(total()),
      currency: "VND",
      products: read(),
    });
    keep([]);
    draw();
    result.textContent = form.dataset.done;
  });
})();
