"""A driver process: requests in, answers out, as drivers/README.md describes.

The content of requests is up to peer.py."""

import asyncio
import itertools
import json

# Time for a browser to start on a busy machine; a timeout is a hang.
ANSWER_SECONDS = 30
END_SECONDS = 10
# Longest line of a driver: more than any message of the tests.
LINE_BYTES = 8 * 1024 * 1024


class Refusal(Exception):
    """An error that the client library has reported."""

    def __init__(self, uri=None, args=(), kwargs=None):
        super().__init__(uri, args, kwargs)
        self.uri = uri
        self.error = (uri, list(args), kwargs or {})


class Driver:
    """The process of one driver and its pending answers."""

    def __init__(self, process):
        self.process = process
        self.numbers = itertools.count(1)
        self.awaited = {}
        self.reader = asyncio.ensure_future(self.read())

    @classmethod
    async def start(cls, command, errors):
        """Starts `command`; its standard error goes to the file `errors`."""
        return cls(await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=errors, limit=LINE_BYTES))

    async def read(self):
        async for line in self.process.stdout:
            answer = json.loads(line)
            awaited = self.awaited.pop(answer.pop("id"))
            if not awaited.done():
                awaited.set_result(answer)
        for awaited in self.awaited.values():
            if not awaited.done():
                awaited.set_exception(EOFError("the driver has ended"))

    def ask(self, do, **request):
        """Sends a request at once and returns a future of its answer."""
        number = next(self.numbers)
        self.awaited[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": do, **request})
        self.process.stdin.write(line.encode() + b"\n")
        return asyncio.ensure_future(self.answer_to(line, self.awaited[number]))

    @staticmethod
    async def answer_to(line, awaited):
        try:
            answer = await asyncio.wait_for(awaited, ANSWER_SECONDS)
        except TimeoutError:
            raise AssertionError(f"the driver doesn't answer {line}") from None
        if "error" in answer:
            raise Refusal(**answer["error"])
        if "fault" in answer:
            raise AssertionError(f"the driver answers {line} with: {answer['fault']}")
        return answer["ok"]

    async def stop(self):
        """Ends the driver by ending its input."""
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), END_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError("the driver doesn't end with its input") from None
        await self.reader
