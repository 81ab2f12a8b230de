"""Which models there are, and the few of them that are loaded."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch

from model_server.engine.errors import EngineError
from model_server.networks.network import Network, NetworkFacts
from model_server.networks.registry import BUNDLED, load_network, read_network_facts
from model_server.networks.weights import UnusableModel


@dataclass(frozen=True, slots=True)
class _Found:
    folder: Path
    stamp: tuple[tuple[str, int, int], ...]  # name, time and size of its files: when they change, hash again
    facts: NetworkFacts


class Models:
    """The bundled models named in the settings and all folders of `models_dir`, which come first for a name in both.

    At most `loaded_limit` networks are in memory, the default one always.
    """

    def __init__(self, models_dir: Path, *, names: tuple[str, ...], loaded_limit: int, device: torch.device) -> None:
        self.device = device
        self._models_dir, self._names, self._loaded_limit = models_dir, names, loaded_limit
        self._found: dict[str, _Found] = {}
        self._loaded: OrderedDict[str, Network] = OrderedDict()
        self._lock = threading.Lock()  # the two dicts
        self._loading = threading.Lock()  # one load at a time: it is memory that is short
        missing = [name for name in names if name not in self._folders()]
        if missing or not names:
            raise UnusableModel("model_missing", f"There is no model folder named {', '.join(missing)!r}.")
        self.default = self._look(self._folders()[names[0]])

    def all(self) -> list[NetworkFacts]:
        """Facts of all usable models, the default first. New ones are hashed, which reads their files once."""
        facts = [self.default]
        for name, folder in self._folders().items():
            if name != self._names[0]:
                try:
                    facts.append(self._look(folder))
                except UnusableModel:
                    continue  # a folder that is no model, or of an unknown architecture, is not offered
        return facts

    def facts(self, model_version: str | None) -> NetworkFacts:
        """Facts of one version, None for the default. Raises EngineError unknown_model_version."""
        if model_version is None or model_version == self.default.model_version:
            return self.default
        for found in list(self._found.values()):  # another thread may just find a new folder
            if found.facts.model_version == model_version and self._stamp(found.folder) == found.stamp:
                return found.facts
        folder = self._folders().get(model_version.rpartition("-")[0])
        if folder is not None:
            facts = self._look(folder)
            if facts.model_version == model_version:
                return facts
        raise EngineError("unknown_model_version", f"There is no model version {model_version!r} on this server.")

    def folder(self, facts: NetworkFacts) -> Path:
        """Where the files of a model of `facts` or `all` lie."""
        return self._found[facts.name].folder

    def loaded(self, model_version: str) -> Network | None:
        """The network if it is in memory."""
        with self._lock:
            network = self._loaded.get(model_version)
            if network is not None:
                self._loaded.move_to_end(model_version)
            return network

    def load(self, facts: NetworkFacts) -> Network:
        """The network, loaded now if need be: seconds. Raises UnusableModel, EngineError."""
        with self._loading:
            if (network := self.loaded(facts.model_version)) is not None:
                return network
            self._make_room()
            network = load_network(self._found[facts.name].folder, self.device)
            if network.facts.model_version != facts.model_version:
                raise EngineError("unknown_model_version", f"The files of {facts.name} were replaced just now.")
            with self._lock:
                self._loaded[facts.model_version] = network
            return network

    def _make_room(self) -> None:
        with self._lock:
            idle = [version for version in self._loaded if version != self.default.model_version]
            while len(self._loaded) >= self._loaded_limit and idle:
                del self._loaded[idle.pop(0)]

    def _folders(self) -> dict[str, Path]:
        folders = {name: BUNDLED / name for name in self._names if (BUNDLED / name / "config.json").exists()}
        return folders | {path.parent.name: path.parent for path in sorted(self._models_dir.glob("*/config.json"))}

    def _look(self, folder: Path) -> NetworkFacts:
        stamp = self._stamp(folder)
        found = self._found.get(folder.name)
        if found is None or found.stamp != stamp or found.folder != folder:
            found = _Found(folder, stamp, read_network_facts(folder))
            self._found[folder.name] = found
        return found.facts

    @staticmethod
    def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
        files = sorted([*folder.glob("*.safetensors"), *folder.glob("config.json")])
        return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
