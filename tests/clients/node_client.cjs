// A server of a company: makes the calls it reads from its input with the published library that it is told to use.
const { createInterface } = require("node:readline");

const [library, key, host] = process.argv.slice(2);
const pending = [];

const makers = {
  "@segment/analytics-node": ({ Analytics }) =>
    new Analytics({ writeKey: key, host, maxRetries: 60, flushInterval: 100 }),
  "@rudderstack/rudder-sdk-node": (Rudder) =>
    new (Rudder.default ?? Rudder)(key, {
      dataPlaneUrl: host,
      flushInterval: 100,
      retryCount: 100,
      axiosRetryConfig: { retryDelay: () => 100 },
      logLevel: "error",
    }),
};
const analytics = makers[library](require(library));

function call({ type, ...message }) {
  if (message.timestamp) message.timestamp = new Date(message.timestamp);
  pending.push(
    new Promise((done) => {
      analytics[type](message, (error) => done(error ? String(error.reason ?? error) : ""));
    }),
  );
}

async function settle() {
  await analytics.flush();
  const told = await Promise.all(pending.splice(0));
  process.stdout.write(JSON.stringify(told.filter(Boolean)) + "\n");
}

createInterface({ input: process.stdin })
  .on("line", (line) => (line === "flush" ? settle() : call(JSON.parse(line))))
  .on("close", () => process.exit(0));
