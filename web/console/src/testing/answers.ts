/** Answers as a server gives them, for tests: names with stacked marks, long product names, an emoji, large numbers. */
import type {
  ContactRow,
  DecisionRow,
  DecisionsReport,
  Effect,
  Estimate,
  EventRow,
  Group,
  GroupMember,
  GroupRow,
  Happened,
  ImportLook,
  ImportRow,
  ImportWhole,
  JourneysReport,
  LiftReport,
  Mail,
  Me,
  MessagesReport,
  Overview,
  Page,
  PersonRow,
  Profile,
  RejectedRow,
  Resource,
  SegmentResource,
  Settings,
  SourceRow,
  TraitPreview,
  TraitResource,
  VetoRow,
  Vocabulary,
} from "../api/types.ts";

const NOW = Date.parse("2026-11-22T07:05:09Z");
export const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString();

export const page = <T>(data: T[], total: number | null = null, next: string | null = null): Page<T> => ({
  data,
  next,
  total,
});

const tuyet = { id: "p_1", key: "user_id:u1", name: "Nguyễn Thị Ánh Tuyết" };
const duc = { id: "p_2", key: "email:duc@example.test", name: null };
const visitor = { id: "p_3", key: "anonymous_id:7f3a9c21-55aa-4b0e", name: null };
const LONG = "Áo dài lụa tơ tằm thêu tay hoa sen cổ thuyền";

export const me: Me = {
  email: "admin@example.test",
  workspace: { name: "Tiệm Mây", timezone: "Asia/Ho_Chi_Minh", currency: "VND", language: "vi" },
  demo: true,
  version: "0.1.0",
};

const estimate = (value: number, half: number, n: number): Estimate => ({
  value,
  low: value - half,
  high: value + half,
  n,
});
const effect = (difference: Estimate, relative: Estimate): Effect => ({ difference, relative });

export const lift: LiftReport = {
  experiment: "global",
  since: "2026-10-01T02:00:00Z",
  as_of: at(0),
  currency: "VND",
  level: 0.95,
  hold_out: 0.1,
  other_currency: 3,
  unreadable: 1,
  treated: {
    people: 900_412,
    converted: 74_301,
    orders: 91_877,
    revenue: "48213000000.00",
    crossed: 37,
    conversion: estimate(0.0825, 0.0006, 900_412),
    revenue_per_person: estimate(53_545, 880, 900_412),
  },
  held_out: {
    people: 99_588,
    converted: 7_410,
    orders: 9_004,
    revenue: "4651000000.00",
    crossed: 4,
    conversion: estimate(0.0744, 0.0016, 99_588),
    revenue_per_person: estimate(46_702, 2_310, 99_588),
  },
  conversion: effect(estimate(0.0081, 0.0017, 1_000_000), estimate(0.109, 0.023, 1_000_000)),
  revenue: effect(estimate(6_843, 2_470, 1_000_000), estimate(0.147, 0.053, 1_000_000)),
};

/** The same report before anything can be told. */
export const unclear: LiftReport = {
  ...lift,
  revenue: effect(estimate(310, 2_470, 1_000_000), estimate(0.007, 0.053, 1_000_000)),
};

const latest: Happened[] = [
  {
    id: "e9",
    time: at(1),
    kind: "event",
    person: tuyet,
    subject: "Product Viewed",
    subject_name: null,
    detail: LONG,
    state: null,
    reason: null,
  },
  {
    id: "d9",
    time: at(2),
    kind: "decision",
    person: tuyet,
    subject: "home-hero",
    subject_name: "Khung đầu trang chủ",
    detail: "Miễn phí giao hàng 🚚",
    state: "chosen",
    reason: null,
  },
  {
    id: "c9",
    time: at(4),
    kind: "contact",
    person: duc,
    subject: "browse-mail",
    subject_name: "Nhắc món vừa xem",
    detail: null,
    state: "sent",
    reason: null,
  },
  {
    id: "c8",
    time: at(9),
    kind: "contact",
    person: tuyet,
    subject: "browse-mail",
    subject_name: "Nhắc món vừa xem",
    detail: null,
    state: "refused",
    reason: "cap.reached",
  },
  {
    id: "d8",
    time: at(11),
    kind: "decision",
    person: visitor,
    subject: "home-hero",
    subject_name: "Khung đầu trang chủ",
    detail: null,
    state: "hold_out",
    reason: null,
  },
  {
    id: "e8",
    time: at(20),
    kind: "event",
    person: duc,
    subject: "Order Completed",
    subject_name: null,
    detail: "1.290.000 ₫",
    state: null,
    reason: null,
  },
];

export const overview: Overview = {
  now: at(0),
  currency: "VND",
  paused: false,
  people: { total: 1_000_000, treated: 900_412, held_out: 99_588, forgotten: 12_345 },
  events: { per_second: 42.6, today: 1_234_567, rejected_today: 3 },
  mails: { sent_today: 18_204, opened_today: 6_120, clicked_today: 1_377, refused_today: 902, waiting: 211 },
  decisions: { today: 88_410 },
  orders: { today: 1_204, revenue_today: "811290000.00" },
  lift,
  per_minute: {
    from: at(3600),
    events: Array.from({ length: 61 }, (_, i) => Math.round(2400 + 700 * Math.sin(i / 6) + ((i * 37) % 90))),
    sends: Array.from({ length: 61 }, (_, i) => (i % 20 === 7 ? 160 : Math.round(14 + 9 * Math.cos(i / 4)))),
  },
  engine: { waiting: 12, still: false },
  latest,
};

export const untouched: Overview = {
  ...overview,
  people: { total: 0, treated: 0, held_out: 0, forgotten: 0 },
  events: { per_second: 0, today: 0, rejected_today: 0 },
  mails: { sent_today: 0, opened_today: 0, clicked_today: 0, refused_today: 0, waiting: 0 },
  decisions: { today: 0 },
  orders: { today: 0, revenue_today: "0" },
  lift: null,
  latest: [],
};

const segment = (id: string, name: string) => ({ id, name });

export const people: Page<PersonRow> = page(
  [
    {
      ...tuyet,
      email: "anh.tuyet@example.test",
      segments: [
        segment("loyal", "Mua hai lần trong 90 ngày"),
        segment("dresses", "Thích áo dài"),
        segment("hanoi", "Ở Hà Nội"),
        segment("vip", "Giá trị cao"),
      ],
      arm: "treated",
      events: 1_284,
      first: at(40_000_000),
      last: at(1),
    },
    {
      ...duc,
      email: "duc@example.test",
      segments: [segment("hanoi", "Ở Hà Nội")],
      arm: "held_out",
      events: 41,
      first: at(9_000_000),
      last: at(20),
    },
    { ...visitor, email: null, segments: [], arm: null, events: 1, first: at(60), last: at(60) },
  ],
  1_000_000,
  "c2",
);

export const profile: Profile = {
  ...tuyet,
  email: "anh.tuyet@example.test",
  identifiers: [
    { namespace: "user_id", value: "u1", since: at(39_000_000) },
    { namespace: "email", value: "anh.tuyet@example.test", since: at(39_000_000) },
    { namespace: "anonymous_id", value: "0b7f6f2e-6a70-4c93-9f0e-8a1de4f3c001", since: at(40_000_000) },
  ],
  verified: true,
  traits: [
    { name: "city", value: "Hà Nội", time: at(39_000_000), source: "web", source_name: "web", event: "m1" },
    { name: "favourite", value: LONG, time: at(4_000), source: "web", source_name: "web", event: "m2" },
    { name: "loyalty_points", value: 12_840, time: at(90_000), source: "crm", source_name: "crm", event: "m3" },
    { name: "name", value: "Nguyễn Thị Ánh Tuyết", time: at(39_000_000), source: "crm", source_name: "crm", event: "m4" },
    { name: "customer_since", value: "2026-01-05T05:00:00.000Z", time: at(0), source: "computed", source_name: "computed", event: "" },
    { name: "spent_per_order", value: 1_250.5, time: at(0), source: "computed", source_name: "computed", event: "" },
  ],
  consent: [
    {
      brand: "default",
      purpose: "marketing",
      channel: "email",
      state: "granted",
      time: at(38_000_000),
      proof: "checkout form",
      where: "https://tra-viet.example/checkout",
      text: "marketing.vi@1f09c2d4",
      source: "web",
    },
    {
      brand: "*",
      purpose: "marketing",
      channel: "sms",
      state: "denied",
      time: at(38_500_000),
      proof: "",
      where: "",
      text: "",
      source: "import",
    },
  ],
  segments: [
    { id: "loyal", name: "Mua hai lần trong 90 ngày", since: at(900_000), until: at(-4_000_000) },
    { id: "hanoi", name: "Ở Hà Nội", since: at(39_000_000), until: null },
  ],
  cells: [{ experiment: "global", arm: "treated", since: at(5_000_000), crossed: false }],
  outcome: { orders: 7, revenue: "4830000.00", currency: "VND" },
  places: [
    {
      journey: "browse-return",
      journey_name: "Quay lại xem",
      run: "browse-return:e9",
      entered: at(1),
      step: [0],
      next: at(-1_800),
      done: false,
      outcome: "",
    },
    {
      journey: "welcome",
      journey_name: "Chào mừng",
      run: "welcome:1",
      entered: at(39_000_000),
      step: [],
      next: null,
      done: true,
      outcome: "completed",
    },
  ],
  groups: [{ id: "may-co", name: "Công ty Mây", since: at(3_000_000) }],
  first: at(40_000_000),
  last: at(1),
  events: 1_284,
};

export const company: Group = {
  id: "may-co",
  name: "Công ty Mây",
  members: 1_204,
  traits: [
    { name: "employees", value: 120, time: at(90_000), source: "crm", source_name: "crm", event: "m8" },
    { name: "plan", value: "business", time: at(90_000), source: "crm", source_name: "crm", event: "m8" },
  ],
};
const companies = page<GroupRow>([{ id: "may-co", name: "Công ty Mây", members: 1_204 }, { id: LONG, name: LONG, members: 0 }], 2);
const colleagues = page<GroupMember>(
  [
    { ...tuyet, email: "anh.tuyet@example.test", since: at(3_000_000) },
    { ...duc, email: null, since: at(2_000_000) },
  ],
  1_204,
);

const event = (
  id: string,
  name: string,
  secondsAgo: number,
  properties: EventRow["properties"],
  goods: EventRow["goods"] = null,
): EventRow => ({
  id,
  type: "track",
  name,
  time: at(secondsAgo),
  received: at(secondsAgo - 1),
  source: "web",
  source_name: "web",
  trusted: false,
  imported: false,
  quality: "",
  identifiers: [
    ["anonymous_id", "0b7f6f2e-6a70-4c93-9f0e-8a1de4f3c001"],
    ["user_id", "u1"],
  ],
  properties,
  traits: {},
  context: { page: { path: "/shop/ao-dai", title: "Áo dài" }, locale: "vi-VN" },
  goods,
});

const order: EventRow["goods"] = {
  part: "completed",
  total: "1320000.00",
  currency: "VND",
  shipping: "30000.00",
  tax: null,
  discount: null,
  problem: "",
  lines: [
    { item: "sku-77", name: LONG, quantity: "1", price: "1290000.00", amount: "1290000.00" },
    { item: "", name: "", quantity: null, price: "0.00", amount: null },
  ],
  products: 3,
};

export const events: Page<EventRow> = page(
  [
    event("m9", "Product Viewed", 1, { product_id: "sku-77", name: LONG, price: "1290000", category: "ao-dai" }),
    event("m8", "Email Link Clicked", 3_000, { message: "browse-mail" }),
    event("m7", "Email Opened", 3_100, { message: "browse-mail" }),
    event("m6", "Order Completed", 180_000, {
      order_id: "o-1",
      total: "1290000",
      currency: "VND",
      products: [{ product_id: "sku-77", name: LONG, price: "1290000", quantity: 1 }],
    }, order),
    event("m5", "Rated Shop ⭐", 181_000, { note: "<script>alert(1)</script>" }),
  ],
  1_284,
  "e2",
);

export const decision: DecisionRow = {
  id: "01b9c3f2a7d94e6fb1c2d3e4f5a6b7c8",
  time: at(2),
  person: tuyet,
  placement: { id: "home-hero", name: "Khung đầu trang chủ" },
  fill: "offers",
  chosen: { id: "free-shipping", name: "Miễn phí giao hàng 🚚" },
  items: [],
  propensity: 0.623,
  arm: "treated",
  policy: "thompson",
  policy_version: "1842",
  program_version: 311,
  reason: "chosen",
  candidates: [
    { arm: "free-shipping", name: "Miễn phí giao hàng 🚚", score: 0.0412, propensity: 0.623, excluded: "" },
    { arm: "new-silk", name: LONG, score: 0.0331, propensity: 0.377, excluded: "" },
    { arm: "ten-off", name: "Giảm 10% đơn đầu", score: 0, propensity: 0, excluded: "rule" },
    { arm: "tet-set", name: "Bộ quà Tết", score: 0, propensity: 0, excluded: "out_of_stock" },
  ],
  features: { eligible: 2, segments: ["loyal", "hanoi"] },
  content: { title: "Miễn phí giao hàng 🚚" },
  explanation: [
    "candidates.eligible|eligible=2|considered=4",
    "rule.segment|segment=loyal",
    "policy.rate|successes=129|views=3130",
    "policy.propensity|p=0.623",
  ],
  viewed: true,
  clicked: false,
  source: "web",
};

export const decisions: Page<DecisionRow> = page([
  decision,
  {
    ...decision,
    id: "02aa",
    time: at(200_000),
    placement: { id: "product-also", name: "Mua cùng nhau" },
    fill: "items",
    chosen: null,
    items: [
      { id: "sku-1", name: "Khăn lụa" },
      { id: "sku-2", name: "Guốc mộc" },
    ],
    propensity: 1,
    policy: "recommender:bought_together",
    candidates: [],
    explanation: ["items.because|item=sku-1|by=bought_together|why=bought_together%7Cwith=sku-77"],
    viewed: false,
  },
]);

const contact: ContactRow = {
  key: "k1",
  time: at(3_400),
  channel: "email",
  purpose: "marketing",
  brand: "default",
  message: { id: "browse-mail", name: "Nhắc món vừa xem" },
  message_version: 4,
  state: "sent",
  reason: "",
  retry_at: null,
  opened_at: at(3_100),
  clicked_at: at(3_000),
  mail: "mail-1",
  why: {
    origin: "journey:browse-return",
    journey: { id: "browse-return", name: "Quay lại xem" },
    run: "browse-return:m2",
    step: [1],
    entry: { event: "Product Viewed", where: { category: { is: "ao-dai" } } },
    unless: { did: "Order Completed", within: "1h" },
    trigger: { product_id: "sku-77", name: LONG },
    arm: "treated",
  },
};

export const contacts: Page<ContactRow> = page([
  {
    ...contact,
    key: "k2",
    time: at(9),
    state: "refused",
    reason: "cap.reached",
    opened_at: null,
    clicked_at: null,
    mail: null,
  },
  contact,
]);

export const mail: Mail = {
  id: "mail-1",
  time: at(3_400),
  to: "anh.tuyet@example.test",
  from: "Tiệm Mây <hello@example.test>",
  subject: "Ánh Tuyết ơi, áo dài lụa bạn xem vẫn còn 🌸",
  message: { id: "browse-mail", name: "Nhắc món vừa xem" },
  person: tuyet,
  size: 18_311,
  headers: [
    ["Subject", "Ánh Tuyết ơi, áo dài lụa bạn xem vẫn còn 🌸"],
    ["List-Unsubscribe", "<http://127.0.0.1:8000/t/u/abc>"],
    ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
  ],
  text: "Chào Ánh Tuyết,\n\nÁo dài lụa bạn xem vẫn còn.\n\nHủy nhận tin: http://127.0.0.1:8000/t/u/abc",
  has_html: true,
  contact: "k1",
  links: [
    { text: "Xem áo dài", url: "http://127.0.0.1:8000/t/c/abc", target: "http://127.0.0.1:8000/shop/sku-77" },
    { text: "", url: "javascript:alert(1)", target: null },
  ],
};

export const messagesReport: MessagesReport = {
  since: at(2_592_000),
  as_of: at(0),
  currency: "VND",
  data: [
    {
      id: "browse-mail",
      name: "Nhắc món vừa xem",
      channel: "email",
      sent: 182_044,
      failed: 12,
      refused: 9_021,
      held_out: 20_112,
      waiting: 211,
      opened: 61_203,
      clicked: 13_770,
      bot_opened: 812,
      bot_clicked: 2_316,
      unsubscribed: 88,
      open_rate: estimate(0.336, 0.002, 182_044),
      click_rate: estimate(0.0756, 0.0012, 182_044),
      orders: 2_044,
      revenue: "1430800000.00",
      other_currency: 2,
      unreadable: 1,
    },
    {
      id: "welcome",
      name: "Chào mừng bạn đến với Tiệm Mây, nhà của lụa",
      channel: "email",
      sent: 40,
      failed: 0,
      refused: 0,
      held_out: 3,
      waiting: 0,
      opened: 22,
      clicked: 4,
      bot_opened: 0,
      bot_clicked: 0,
      unsubscribed: 1,
      open_rate: estimate(0.55, 0.15, 40),
      click_rate: estimate(0.1, 0.09, 40),
      orders: 1,
      revenue: "390000.00",
      other_currency: 0,
      unreadable: 0,
    },
  ],
  refusals: [
    { reason: "consent.missing", count: 6_010 },
    { reason: "cap.reached", count: 2_800 },
    { reason: "quiet_hours", count: 211 },
  ],
};

export const journeysReport: JourneysReport = {
  as_of: at(0),
  currency: "VND",
  data: [
    {
      id: "browse-return",
      name: "Quay lại xem",
      live: true,
      entered: 211_180,
      active: 1_204,
      finished: 209_976,
      sent: 182_044,
      refused: 9_021,
      held_out: 20_112,
      steps: [
        { path: [0], kind: "wait", step: { wait: "30m" }, people: 1_204 },
        { path: [1], kind: "send", step: { send: "browse-mail" }, people: 0 },
        { path: [2], kind: "if", step: { if: { did: "Order Completed", within: "1d" } }, people: 0 },
        { path: [2, 0, 0], kind: "exit", step: { exit: null }, people: 0 },
        { path: [3], kind: "wait", step: { wait: "2d" }, people: 0 },
      ],
    },
  ],
};

export const decisionsReport: DecisionsReport = {
  since: at(2_592_000),
  as_of: at(0),
  data: [
    {
      id: "home-hero",
      name: "Khung đầu trang chủ",
      fill: "offers",
      policy: "thompson",
      decisions: 884_100,
      held_out: 88_200,
      fallback: 1_204,
      arms: [
        {
          arm: "free-shipping",
          name: "Miễn phí giao hàng 🚚",
          chosen: 510_000,
          share: 0.642,
          views: 402_000,
          clicks: 16_500,
          rate: estimate(0.041, 0.0006, 402_000),
        },
        {
          arm: "new-silk",
          name: LONG,
          chosen: 284_696,
          share: 0.358,
          views: 201_000,
          clicks: 6_650,
          rate: estimate(0.0331, 0.0008, 201_000),
        },
      ],
    },
  ],
};

const resource = (id: string, name: string, definition: Resource["definition"], yaml: string): Resource => ({
  id,
  name,
  definition: { id, name, ...definition },
  yaml: `id: ${id}\nname: ${name}\n${yaml}`,
  version: 311,
  updated_at: at(80_000),
  author: "admin@example.test",
  live: true,
  problem: null,
});

export const segments: Page<SegmentResource> = page([
  {
    ...resource(
      "loyal",
      "Mua hai lần trong 90 ngày",
      {
        rule: {
          all: [
            { did: "Order Completed", at_least: 2, within: "90d" },
            { did_not: "Order Completed", within: "30d" },
          ],
        },
      },
      "rule:\n  all:\n    - did: Order Completed\n      at_least: 2\n      within: 90d\n    - did_not: Order Completed\n      within: 30d\n",
    ),
    count: 31_204,
  },
  {
    ...resource("hanoi", "Ở Hà Nội", { rule: { trait: "city", is: "Hà Nội" } }, "rule:\n  trait: city\n  is: Hà Nội\n"),
    count: 1_000_000,
  },
]);

export const program: Record<string, Page<Resource>> = {
  segments,
  journeys: page([
    resource(
      "browse-return",
      "Quay lại xem",
      { entry: { event: "Product Viewed", where: { category: { is: "ao-dai" } } } },
      "entry:\n  event: Product Viewed\nsteps:\n  - wait: 30m\n  - send: browse-mail\n",
    ),
  ]),
  messages: page([
    resource(
      "browse-mail",
      "Nhắc món vừa xem",
      { channel: "email", subject: "{{ first_name }} ơi, {{ trigger.name }} vẫn còn" },
      "subject: '{{ first_name }} ơi'\nbody: |\n  <mjml>…</mjml>\n",
    ),
  ]),
  offers: page([
    resource(
      "free-shipping",
      "Miễn phí giao hàng 🚚",
      { placements: ["home-hero"], eligible: { segment: "loyal" } },
      "placements: [home-hero]\neligible: {segment: loyal}\n",
    ),
  ]),
  placements: page([
    resource("home-hero", "Khung đầu trang chủ", { fill: "offers" }, "fill: offers\n"),
    resource("product-also", "Mua cùng nhau", { fill: "items", recommender: "bought_together" }, "fill: items\n"),
  ]),
  forms: page([
    resource(
      "tea-letter",
      "Thư trà mới",
      { fields: [{ trait: "email", type: "email" }, { trait: "name" }], ask: 1 },
      "fields:\n  - trait: email\n    type: email\n  - trait: name\nask: 1\n",
    ),
  ]),
};

export const rejected: Page<RejectedRow> = page(
  [
    {
      id: "r1",
      received: at(500),
      source: "web",
      source_name: "web",
      reasons: ["`userId` and `anonymousId` are both missing; send one of them.", "`event` must not be empty."],
      payload: '{"type":"track","event":"","properties":{"note":"<script>alert(1)</script>"}}',
      replayed: null,
    },
    {
      id: "r2",
      received: at(5_000),
      source: "",
      source_name: "",
      reasons: ["The body is not JSON: unexpected end at byte 14."],
      payload: '{"type":"trac',
      replayed: null,
    },
  ],
  2,
);

export const settings: Settings = {
  name: "Tiệm Mây",
  timezone: "Asia/Ho_Chi_Minh",
  currency: "VND",
  language: "vi",
  brands: ["default"],
  hold_out: 0.1,
  caps: [
    { most: 1, within: "1d", channel: "email" },
    { most: 3, within: "1w", channel: "*" },
  ],
  quiet_from: "21:00",
  quiet_to: "08:00",
  paused: false,
  send_only_to: [],
  sender: "Tiệm Mây <hello@example.test>",
  reply_to: "",
  postal_address: "12 Hàng Gai, Hà Nội",
  bots: ["UptimeRobot"],
  no_bots: [],
  burst_within: "2s",
  burst_links: 3,
  conversion_window: "1w",
  anonymous_days: 395,
  hold_out_salt: "global-1",
  identity: {},
  blocked: [],
  purposes: [{ id: "club", name: { vi: "Câu lạc bộ", en: "Club" }, text: { vi: "Vào hội." }, confirm: true }],
  topics: ["Trà"],
  sweep: null,
  version: 300,
  updated_at: at(90_000),
  author: "admin@example.test",
  server: {
    version: "0.1.0",
    base_url: "http://127.0.0.1:8000",
    clock: "real",
    mail: "catcher",
    data: "duyen-data",
  },
};

/** What `GET path` answers; the longest fitting path counts. */
export const traits: Page<TraitResource> = page([
  {
    ...resource(
      "favourite_category",
      "Danh mục yêu thích trong nửa năm qua",
      { most_frequent: "Order Completed", of: "category", within: "180d", where: { total: { gte: "100" } } },
      "most_frequent: Order Completed\nof: category\nwithin: 180d\nwhere:\n  total:\n    gte: '100'\n",
    ),
    version: 3,
    used_by: [
      { kind: "segment", id: "loyal", name: "Mua hai lần trong 90 ngày" },
      { kind: "message", id: "browse-mail", name: "Nhắc món vừa xem" },
    ],
  },
  {
    ...resource("spent_per_order", "Chi mỗi đơn", { formula: "spent / orders" }, "formula: spent / orders\n"),
    version: 1,
    used_by: [],
  },
]);

export const traitPreview: TraitPreview = {
  looked_at: 200,
  found: 131,
  data: [
    { ...tuyet, value: "Áo dài" },
    { ...duc, value: 1_234_567.891234 },
    { ...visitor, value: "2026-01-05T05:00:00.000Z" },
    { ...visitor, id: "p_4", value: true },
    { ...visitor, id: "p_5", value: null },
  ],
};

export const vocabulary: Vocabulary = {
  events: [
    { name: "Order Completed", properties: ["total", "category", "shop.city"] },
    { name: "Product Viewed", properties: ["product_id", "price"] },
  ],
  traits: ["spent", "orders", "số đơn", "favourite_category"],
  numbers: ["spent", "orders", "số đơn"],
};

const quiet = { deliveries: 0, accepted: 0, rejected: 0, items: 0, ignored: 0, refused: 0 };
export const sources: SourceRow[] = [
  {
    id: "tra-viet",
    kind: "haravan",
    name: LONG,
    live: true,
    prefix: "",
    currency: "",
    brand: "default",
    url: "https://duyen.example.test/v1/hooks/tra-viet",
    verify_token: "0123456789abcdef0123456789abcdef",
    topics: ["orders/create", "orders/updated"],
    definition: { kind: "haravan", name: LONG },
    counts: { deliveries: 1_000_000, accepted: 1_204_311, rejected: 3, items: 412, ignored: 17, refused: 1 },
    last_seen: at(40),
    trouble: "“x-haravan-hmacsha256” does not prove this body by the source's secret; compare the secret.",
    troubled_at: at(4_000),
    updated_at: at(90_000),
    author: "admin@example.test",
  },
  {
    id: "tills",
    kind: "mqtt",
    name: "tills",
    live: false,
    prefix: "",
    currency: "",
    brand: "default",
    url: null,
    verify_token: null,
    topics: [],
    definition: { kind: "mqtt", live: false },
    counts: quiet,
    last_seen: null,
    trouble: null,
    troubled_at: null,
    updated_at: at(90_000),
    author: "admin@example.test",
  },
];

export const importRow: ImportRow = {
  id: "i1",
  name: "khách hàng.csv",
  size: 482_113,
  state: "running",
  kind: "people",
  source: "khach-hang",
  created: "2026-11-22T03:00:00.000Z",
  author: "admin@example.test",
  started: "2026-11-22T03:01:00.000Z",
  ended: null,
  part: 0.4,
  cancelling: false,
  applied: false,
  rows: null,
  accepted: null,
  rejected: null,
  error: null,
};
export const importDone: ImportWhole = {
  ...importRow,
  state: "done",
  part: 1,
  applied: true,
  rows: 8,
  accepted: 7,
  rejected: 1,
  mapping: { kind: "people", source: "khach-hang", columns: { customer_id: "Mã KH" } },
  report: {
    rows: 8,
    accepted: 7,
    rejected: 1,
    customers: 7,
    events: { Identified: 7 },
    reasons: { "the e-mail is no address": 1 },
    notes: {},
  },
};
export const importLook: ImportLook = {
  kind: "people",
  format: "csv",
  encoding: "utf-8",
  files: 1,
  above: 0,
  columns: ["Mã KH", "Email", "Họ tên", "Hạng"],
  rows: [
    ["kh-1", "an@example.test", "Nguyễn Thị Ánh Tuyết", "vàng"],
    ["kh-2", "ba@example.test", "Ba", ""],
  ],
  guesses: [
    { field: "customer_id", column: "Mã KH", confidence: 0.95, why: "its name", example: "kh-1" },
    { field: "email", column: "Email", confidence: 1, why: "its name", example: "an@example.test" },
    { field: "name", column: "Họ tên", confidence: 0.62, why: "its values", example: "Nguyễn Thị Ánh Tuyết" },
    { field: "phone", column: "", confidence: 0, why: "no column fits", example: "" },
  ],
  unused: [],
  missing: [],
  questions: ["Is “Họ tên” really the name? (its values)"],
  mapping: { kind: "people", source: "khach-hang", columns: { customer_id: "Mã KH", email: "Email", name: "Họ tên" } },
  trial: {
    whole: true,
    rows: 8,
    accepted: 7,
    rejected: 1,
    people: 7,
    orders: 0,
    items: 0,
    events: { Identified: 7 },
    reasons: { "the e-mail is no address": 1 },
    notes: {},
  },
  problem: null,
};
const importPage = page<ImportRow>([importRow, { ...importDone, id: "i2", name: "orders-2025.xlsx" }], 2);

export const ANSWERS: Record<string, unknown> = {
  "/v1/sources": page(sources, 2),
  "/v1/imports": importPage,
  "POST /v1/imports/i1/preview": importLook,
  "/v1/me": me,
  "/v1/reports/overview": overview,
  "/v1/reports/lift": lift,
  "/v1/reports/messages": messagesReport,
  "/v1/reports/journeys": journeysReport,
  "/v1/reports/decisions": decisionsReport,
  "/v1/profiles": people,
  "/v1/profiles/user_id%3Au1": profile,
  "/v1/profiles/user_id%3Au1/events": events,
  "/v1/profiles/user_id%3Au1/vetoes": page<VetoRow>([], 0),
  "/v1/profiles/user_id%3Au1/decisions": decisions,
  "/v1/profiles/user_id%3Au1/contacts": contacts,
  "/v1/groups": companies,
  "/v1/groups/may-co": company,
  "/v1/groups/may-co/members": colleagues,
  "/v1/mail": page([mail, { ...mail, id: "mail-2", subject: "Đơn hàng của bạn đã đi", message: null }], 2),
  "/v1/mail/mail-1": mail,
  "/v1/segments": program.segments,
  "/v1/journeys": program.journeys,
  "/v1/messages": program.messages,
  "/v1/offers": program.offers,
  "/v1/placements": program.placements,
  "/v1/forms": program.forms,
  "/v1/traits": traits,
  "POST /v1/traits/preview": traitPreview,
  "/v1/vocabulary": vocabulary,
  "/v1/messages/browse-mail/preview": { subject: mail.subject, preheader: "", text: mail.text, person: tuyet },
  "/v1/rejected": rejected,
  "/v1/settings": settings,
};
