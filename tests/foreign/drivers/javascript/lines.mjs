// Requests and answers are lines (../README.md).

import { createInterface } from "node:readline";

// wampy.js decodes MessagePack integers beyond 32 bits as BigInt, which JSON lacks.
const plain = (_, value) => (typeof value === "bigint" ? Number(value) : value);

/** Answers each request with what `serve` makes of it; ends the program with its input. */
export async function run(serve, atEnd = () => {}) {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  lines.on("line", async (line) => {
    const { id, ...request } = JSON.parse(line);
    const outcome = await serve(request);
    process.stdout.write(JSON.stringify({ id, ...outcome }, plain) + "\n");
  });
  await new Promise((end) => lines.once("close", end));
  await atEnd();
  // Open sessions are not awaited.
  process.exit(0);
}
