// The driver's part in the page: `serve` answers one request.

import { sessions } from "./autobahn.mjs";
import { driver } from "./driver.mjs";

globalThis.serve = driver(sessions(globalThis.autobahn));
