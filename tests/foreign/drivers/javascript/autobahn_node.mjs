// The driver of Autobahn|JS in Node.js.

import autobahn from "autobahn";

import { sessions } from "./autobahn.mjs";
import { driver } from "./driver.mjs";
import { run } from "./lines.mjs";

await run(driver(sessions(autobahn)));
