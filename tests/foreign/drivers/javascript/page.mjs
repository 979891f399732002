// The page's part of the driver: `serve` answers one request.

import { sessions } from "./autobahn.mjs";
import { driver } from "./driver.mjs";

globalThis.serve = driver(sessions(globalThis.autobahn));
