// The driver of Autobahn|JS in a browser: starts Chromium with the page of the router, and passes
// requests and answers between the tests and the page.

import { chromium } from "playwright-core";

import { run } from "./lines.mjs";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
  args: [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
let opened;

/** Opens the page of the router that is joined first. */
async function open(url) {
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(error));
  await page.goto(`http://${new URL(url).host}/foreign/page.html`);
  await page.waitForFunction("globalThis.serve");
  return page;
}

async function serve(request) {
  const page = await (opened ??= open(request.url));
  return page.evaluate((asked) => globalThis.serve(asked), request);
}

await run(serve, () => browser.close());
