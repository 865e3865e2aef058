import { defineConfig } from "vite";

// One classic script without dependencies, so that a page embeds it by one <script> line.
export default defineConfig({
  build: {
    target: "es2019",
    outDir: "../../src/duyen/web_dist/tag",
    emptyOutDir: true,
    lib: { entry: "src/index.ts", formats: ["iife"], name: "DuyenTag", fileName: () => "tag.js" },
  },
});
