"""A router of a comparison: its start in its own folder with the example's files, at its own
port."""

import json
import shlex
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import processes
from measure.tree import Tree

# The configurations of the example listen here.
EXAMPLE_PORT = 8080

# A router of several Python processes takes a second for each, and longer on a busy machine.
READY_SECONDS = 90


@dataclass(frozen=True)
class Contender:
    """Its name, its command, its configurations by the names of `cells`, and the folders that these
    name (web pages, components), each of which is copied. `kind` is the class of its server; `cwd`
    is the folder of the command, if not its own."""

    name: str
    command: str
    configs: dict
    folders: tuple
    kind: type = Tree
    cwd: Path = None

    @contextmanager
    def running(self, config, procedures, host, log, namespaces=(None, None)):
        """The router with the configuration named `config`, once all `procedures` answer, as
        `self.kind`."""
        def start(port):
            return self.running_at(port, config, procedures, host, log, namespaces)

        with processes.at_free_port(start, host, namespaces[0]) as server:
            yield server

    @contextmanager
    def running_at(self, port, config, procedures, host, log, namespaces):
        with tempfile.TemporaryDirectory(prefix="cloverleaf-") as folder:
            path = prepare(Path(folder), self.configs[config], self.folders, port)
            with processes.router(words(self.command, path), host, port, log, procedures,
                                  cwd=self.cwd or folder, namespaces=namespaces, name=self.name,
                                  kind=self.kind, ready_seconds=READY_SECONDS) as server:
                yield server


def words(command, config):
    """The words of a command with the paths of the configuration and its folder inserted."""
    return [word.replace("{config}", str(config)).replace("{folder}", str(config.parent))
            for word in shlex.split(command)]


def prepare(folder, config, folders, port):
    """Fills `folder` as the example's own folder: `.crossbar/config.json` and the folders beside
    it. Returns the path of the configuration, which listens on `port`."""
    for each in folders:
        shutil.copytree(each, folder / each.name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / ".crossbar" / "config.json"
    path.parent.mkdir()
    document = json.loads(config.read_text(encoding="utf-8"))
    path.write_text(json.dumps(at_port(document, port), indent=1), encoding="utf-8")
    return path


def at_port(value, port):
    """A configuration of the example, or a part of it, with `port` instead of its own."""
    if isinstance(value, dict):
        return {key: port if (key, each) == ("port", EXAMPLE_PORT) else at_port(each, port)
                for key, each in value.items()}
    if isinstance(value, list):
        return [at_port(each, port) for each in value]
    if isinstance(value, str):
        return value.replace(f":{EXAMPLE_PORT}/", f":{port}/")
    return value
