import { defineConfig } from "vite";

// `npm run dev` serves the pages with hot reload and hands signaling to a running server.
const SERVER = process.env["RTPFWD_SERVER"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    outDir: "dist",
    assetsDir: "assets",
    target: "es2022",
    // Files, never data: URLs, so that the page needs nothing but 'self' from its content security policy.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/socket.io": { target: SERVER, ws: true } } },
});
