/// <reference types="vitest/config" />
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Two bundles, each one module and one style sheet: the page (which a saved file carries inline) and the notebook's widget.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  base: "./",
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  build: {
    outDir: "../assets",
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    lib: {
      entry: mode === "widget" ? "src/widget.ts" : "src/page.ts",
      formats: ["es"],
      fileName: mode === "widget" ? "widget" : "page",
      cssFileName: mode === "widget" ? "widget" : "page",
    },
  },
  define: { "process.env.NODE_ENV": '"production"' },
  // The whole page is looked at, on machines that may be slow and have other work.
  test: { environment: "jsdom", include: ["tests/**/*.test.ts"], testTimeout: 60_000 },
}));
