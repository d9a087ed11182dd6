"""`--reward NAME`: a process reward model, loaded, with a cache of its own beside the policy's."""

from __future__ import annotations

from pfsolve.engine import library, memory
from pfsolve.engine.cache import Cache
from pfsolve.engine.library import LoadedModel
from pfsolve.errors import ModelFileError, ProblemTooLong
from pfsolve.models.resolve import PrmFiles
from pfsolve.rewards.prm.scorer import PrmScorer
from pfsolve.rewards.prm.template import Template
from pfsolve.rewards.prm.verdict import PrmReader, TokenLogits, read_head

_SHORTEST_SOLUTION = 16  # tokens that must fit behind the problem


class Prm:
    """A `Reward`. Closing it closes its model and cache.

    Args:
        context: tokens of one prefix that it can read; the cache holds as many for each sequence.
    """

    reserve = 0
    wants_trace = False

    def __init__(
        self,
        name: str,
        model: LoadedModel,
        cache: Cache,
        template: Template,
        verdict: PrmReader,
        context: int,
    ) -> None:
        self.name = name
        self.model = model
        self.cache = cache
        self.template = template
        self.verdict = verdict
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
        if length + _SHORTEST_SOLUTION > self.context:
            raise ProblemTooLong(
                f"the problem takes {length} tokens, and {self.name} reads {self.context}",
                "shorten it, or use another --reward",
            )
        return PrmScorer(self.template, self.verdict, self.cache, self.context, problem, n)

    def close(self) -> None:
        self.cache.close()
        self.model.close()


def open_prm(
    files: PrmFiles,
    *,
    sequences: int,
    context: int,
    threads: int,
    gpu_layers: int | None = None,
    whole: bool = False,
) -> Prm:
    """Load a process reward model.

    Args:
        sequences: particles of all searches that run side by side, 1 to 256.
        context: tokens a particle may hold in the policy's vocabulary; the model's own text gets
            `memory.prm_context` of them.
        threads, gpu_layers: as for the policy.
        whole: a solution is read as one step, with one marker (`--aggregate model`).

    Raises:
        ModelMissing, ModelFileError: a file is not there or cannot be used, or the model, its spec
            and its head do not belong together.
        ResourceError: there is too little memory.
        UsageError: layers are to be offloaded and this build cannot.
    """
    facts = library.inspect(files.model.path)
    model = LoadedModel(facts, gpu_layers)
    try:
        template = Template(files.spec, model, whole=whole)
        verdict = _verdict(files, model)
        room = memory.prm_context(facts, context)
        cache = Cache(model, cells=sequences * room, sequences=sequences, threads=threads)
    except ModelFileError as error:
        model.close()
        raise ModelFileError(f"{files.model.name}: {error.message}", error.hint) from None
    except BaseException:
        model.close()
        raise
    return Prm(files.model.name, model, cache, template, verdict, room)


def _verdict(files: PrmFiles, model: LoadedModel) -> PrmReader:
    spec = files.spec
    if files.head is not None:
        return read_head(files.head, spec.head, model.n_embd)
    assert spec.positive is not None
    assert spec.negative is not None
    return TokenLogits(spec.positive, spec.negative)
