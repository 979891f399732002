// Opens a page of the router in Chromium, uses it as a user would, and prints its content as one
// JSON object. Arguments: the page's name, its URL, files for screenshots in light and dark.

import { chromium } from "playwright-core";

const [which, url, screenshot] = process.argv.slice(2);

/** Text of an element, when it matches. */
async function text(page, selector, pattern) {
  const found = page.locator(selector).filter({ hasText: pattern }).first();
  await found.waitFor();
  return found.innerText();
}

const PAGES = {
  /** The page of the node without configuration. */
  async welcome(page) {
    const seen = { title: await page.title() };
    seen.status = await text(page, "#status", /connected as/);
    await page.click("#call-form button");
    seen.count = await text(page, "#result", /after/);
    await page.fill("#call-form [name=procedure]", "com.example.nothing");
    await page.fill("#call-form [name=args]", '["a", {"b": 1}]');
    await page.click("#call-form button");
    seen.error = await text(page, "#result", /no_such_procedure/);
    await page.fill("#call-form [name=args]", "not a list");
    await page.keyboard.press("Enter");
    seen.fault = await text(page, "#result", /JSON list/);
    await page.click("#subscribe");
    await text(page, "#log", /subscribed to com\.example\.hello/);
    seen.pressed = await page.getAttribute("#subscribe", "aria-pressed");
    await page.fill("#publish-form [name=args]", '["<b>first</b>", 2]');
    await page.click("#publish-form button:not(#subscribe)");
    await text(page, "#log", /first/);
    // The command line of the page, as a shell would run it.
    const curl = await page.innerText("#curl-publish");
    const [, body, target] = /-d '(.*)' (\S+)/s.exec(curl);
    const headers = { "content-type": "application/json" };
    const answer = await fetch(target, { method: "POST", headers, body });
    seen.published = Object.keys(await answer.json());
    await text(page, "#log", /from curl/);
    await page.click("#subscribe");
    await text(page, "#log", /unsubscribed/);
    seen.log = await page.locator("#log li").allInnerTexts();
    for (const id of ["curl-call", "curl-publish", "autobahn-python", "autobahn-js"]) {
      seen[id] = await page.evaluate((of) => document.getElementById(of).textContent, id);
    }
    return seen;
  },

  /** The page of the example caller-performance. */
  async example(page) {
    const seen = { title: await page.title(), results: {} };
    for (const name of ["add2", "sub2", "mul2", "div2"]) {
      await page.click(`#${name} .call`);
      await text(page, `#${name} output`, /in [\d.]+ ms/);
      seen.results[name] = await page.innerText(`#${name} output strong`);
    }
    seen.curl = await page.innerText("#curl");
    await page.click("#mul2 .burst");
    seen.burst = await text(page, "#mul2 output", /calls\/s/);
    seen.bars = await page.locator("#mul2 svg rect").count();
    seen.chart = await page.getAttribute("#mul2 svg", "aria-label");
    await page.fill("[name=b]", "0");
    await page.click("#div2 .call");
    seen.error = await text(page, "#div2 output", /invalid_argument/);
    await page.fill("[name=b]", "4");
    await page.click("#numbers button");
    seen.all = [];
    for (const name of ["add2", "sub2", "mul2", "div2"]) {
      await text(page, `#${name} output`, new RegExp(`${name}\\(13, 4\\)`));
      seen.all.push(await page.innerText(`#${name} output strong`));
    }
    return seen;
  },
};

/** What is wrong with the page for people who don't see it, or use the keyboard. */
function barriers() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const named = (element) =>
    element.labels?.length || element.ariaLabel || element.textContent.trim();
  return [
    ...all("input, button").filter((element) => !named(element)).map((one) => one.outerHTML),
    ...(document.documentElement.lang ? [] : ["no language"]),
    ...(all("h1").length === 1 ? [] : ["not one h1"]),
    ...(document.documentElement.scrollWidth > innerWidth ? ["wider than the window"] : []),
  ];
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
  args: [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});
try {
  const page = await browser.newPage({ colorScheme: "light" });
  const errors = [];
  const others = new Set();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== "data:" && host !== new URL(url).host) others.add(host);
  });
  await page.goto(url);
  const seen = await PAGES[which](page);
  seen.grounds = [];
  seen.barriers = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    seen.grounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    if (screenshot) {
      await page.screenshot({ path: `${screenshot}-${colorScheme}.png`, fullPage: true });
    }
  }
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 });
    seen.barriers.push(...await page.evaluate(barriers));
  }
  if (screenshot) await page.screenshot({ path: `${screenshot}-narrow.png`, fullPage: true });
  console.log(JSON.stringify({ ...seen, errors, others: [...others] }));
} finally {
  await browser.close();
}
