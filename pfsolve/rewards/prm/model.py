"""`--reward NAME`: a process reward model, loaded, with a cache of its own beside the policy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pfsolve.engine import memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.library import Facts, Footprint, LoadedModel
from pfsolve.engine.trial import look_into
from pfsolve.errors import ModelFileError, ProblemTooLong, named
from pfsolve.events.work import Loading
from pfsolve.files import fingerprint
from pfsolve.models.resolve import PrmFiles, resolve_prm
from pfsolve.particle import SHORTEST_SOLUTION
from pfsolve.rewards.base import Reward, Site, WantedReward
from pfsolve.rewards.prm.reader import PrmReader, TokenLogits, read_head
from pfsolve.rewards.prm.scorer import PrmScorer
from pfsolve.rewards.prm.template import Template


class Prm:
    """A `Reward`. Closing it closes its model and cache.

    Args:
        name: as results and errors call it.
        cache: of the model.
        template: makes tokens of a prefix.
        reader: reads the log-odds at their end.
        context: number of tokens that each sequence of the cache has room for.
    """

    reserve = 0
    wants_trace = False
    depths: Sequence[float] = ()
    reads_programs = False
    calibrated = False

    def __init__(
        self,
        name: str,
        cache: Cache,
        template: Template,
        reader: PrmReader,
        context: int,
    ) -> None:
        self.name = name
        self.model = cache.model
        self.cache = cache
        self.template = template
        self.reader = reader
        self.context = context

    @property
    def tokens_read(self) -> int:
        return self.cache.tokens_decoded

    def open(self, problem: str, n: int) -> PrmScorer:
        """A scorer for a search of n particles.

        Raises:
            ProblemTooLong: the problem leaves no room for a solution in the model's context.
        """
        length = len(self.template.render(problem, [""]))
        if length + SHORTEST_SOLUTION > self.context:
            raise ProblemTooLong(
                f"the problem takes {length} tokens, and {self.name} reads {self.context}",
                f"shorten it, or use another {named('reward')}",
            )
        return PrmScorer(self.template, self.reader, self.cache, self.context, problem, n)

    def close(self) -> None:
        self.cache.close()
        self.model.close()


@dataclass(frozen=True, slots=True)
class FoundPrm:
    """A process reward model on this disk."""

    files: PrmFiles  # what it consists of
    facts: Facts  # of its GGUF
    depths: tuple[float, ...] = ()

    @property
    def sha256(self) -> str:
        """As the catalogue has it; of a file of the user's own its fingerprint."""
        entry = self.files.model.entry
        return (entry.sha256 if entry else None) or fingerprint(self.files.model.path)

    @property
    def model(self) -> Footprint:
        return self.facts.footprint

    def open(self, site: Site) -> Reward:
        site.listen(Loading("reward", self.files.model.name))
        prm = open_prm(
            self,
            sequences=site.sequences,
            context=site.context,
            threads=site.threads,
            gpu_layers=site.gpu_layers,
            whole=site.aggregate == "model",
        )
        site.models.callback(prm.close)
        site.listen(memory.loaded_event("reward", prm.name, prm.cache))
        return prm


def find_prm(wanted: WantedReward) -> FoundPrm:
    """Find a process reward model by its name or path, and fetch it if it is missing.

    Raises:
        UnknownModel: there is none of this name.
        ModelMissing, ModelFileError, ResourceError, Interrupted: as in `resolve_prm` and `look_into`.
    """
    files = resolve_prm(
        wanted.name, wanted.environment, offline=wanted.offline, listen=wanted.listen
    )
    sha256 = files.model.entry.sha256 if files.model.entry else None
    facts = look_into(
        files.model.path, "reward", wanted.environment, sha256=sha256, listen=wanted.listen
    )
    return FoundPrm(files, facts)


def open_prm(
    found: FoundPrm,
    *,
    sequences: int,
    context: int,
    threads: int,
    gpu_layers: int | None = None,
    whole: bool = False,
) -> Prm:
    """Load a process reward model.

    Args:
        sequences: number of particles of all searches that run side by side, 1 to 256.
        context: number of tokens a particle may hold in the policy's vocabulary; the model's own text
            gets `memory.prm_context` of them.
        threads: number of CPU threads.
        gpu_layers: layers to offload; None for all where the build can.
        whole: a solution is read as one step, with one marker (`--aggregate model`).

    Raises:
        ModelFileError: a file cannot be used, or the model, its spec and its head do not belong
            together.
        ResourceError: there is too little memory.
        UsageError: layers are to be offloaded and this build cannot.
    """
    files = found.files
    model = LoadedModel(found.facts, gpu_layers)
    try:
        template = Template(files.spec, model, whole=whole)
        reader = _reader(files, model)
        room = memory.prm_context(found.model, context)
        cache = Cache(model, cells=sequences * room, sequences=sequences, threads=threads)
    except ModelFileError as error:
        model.close()
        raise ModelFileError(f"{files.model.name}: {error.message}", error.hint) from None
    except BaseException:
        model.close()
        raise
    return Prm(files.model.name, cache, template, reader, room)


def _reader(files: PrmFiles, model: LoadedModel) -> PrmReader:
    spec = files.spec
    if files.head is not None:
        return read_head(files.head, spec.head, model.n_embd)
    assert spec.positive is not None
    assert spec.negative is not None
    return TokenLogits(spec.positive, spec.negative)
