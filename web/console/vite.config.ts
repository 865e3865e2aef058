import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.DUYEN_URL ?? "http://127.0.0.1:8000";

/** Writes `name.gz` beside every text file, so that the server packs nothing at run time. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = "" }) {
      for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const path = join(dir, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  build: {
    outDir: "../../src/duyen/web_dist/console",
    emptyOutDir: true,
    // The server's policy allows files of its own only, no data: addresses.
    assetsInlineLimit: 0,
    // The chart engine, which only comes with the first chart.
    chunkSizeWarningLimit: 520,
  },
  // `npm run dev` shows the console with live reload beside a running `duyen serve`.
  server: { proxy: { "/v1": server, "/tag.js": server, "/shop": server } },
  test: {
    environment: "jsdom",
    setupFiles: "src/testing/setup.ts",
    css: false,
    fileParallelism: false,
    testTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
  },
});
