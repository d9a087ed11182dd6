"""Examples of every command, for its help; the tests hold that each can be parsed."""

from __future__ import annotations

from collections.abc import Mapping

# By command, "" is `pfsolve` itself: command lines, and what each is for.
EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ('pfsolve "Solve x^2=4"', "one problem"),
        ('pfsolve -n 16 --seed 7 "Factor x^4 - 1"', "more particles; reproducible"),
        ('echo "2^10 - 1" | pfsolve -q', "in a pipe: the answer alone"),
        ("pfsolve -f problems.jsonl -o results.jsonl", "a file of problems"),
        ("pfsolve models suggest", "a profile for this machine"),
    ),
    "solve": (
        ('pfsolve solve "Solve x^2=4"', "one problem"),
        ("pfsolve solve - < problem.txt", "one problem of many lines"),
        ("pfsolve solve -f problems.jsonl -o results.jsonl", "a file of problems"),
    ),
    "chat": (
        ("pfsolve chat", "a problem a line, or a command such as /help"),
        ("pfsolve chat -n 16 --time 60s", "with other settings than usual"),
    ),
    "score": (
        ('pfsolve score "Solve x^2=4" solution.txt', "log-odds after each step"),
        ('pfsolve score "2+2" - --json < solution.txt', "from standard input, as JSON"),
    ),
    "show": (
        ("pfsolve show", "the last run"),
        ("pfsolve show 2 --all", "the one before it, and all that was written"),
        ("pfsolve show --list", "the runs that are kept"),
    ),
    "report": (
        ("pfsolve report -o run.html", "the last run as a page"),
        ("pfsolve report runs/p1.json -o p1.html", "a record that --record has made"),
    ),
    "bench": (
        ("pfsolve bench problems.jsonl", "pf against the votes"),
        ("pfsolve bench problems.csv --sizes 4,8 --seeds 3", "more sizes and seeds"),
        ('pfsolve bench q.jsonl --method "pf weights=ratio"', "settings of its own"),
    ),
    "doctor": (
        ("pfsolve doctor", "what is wrong here, and what to do"),
        ("pfsolve doctor --json > doctor.json", "as JSON, for a report of a fault"),
        ("pfsolve doctor --offline --hash", "no network; model files are read"),
    ),
    "serve": (
        ("pfsolve serve", "at http://127.0.0.1:8000/v1"),
        ("pfsolve serve --port 0 -n 16 --time 60s", "a free port; settings of all searches"),
    ),
    "models": (
        ("pfsolve models list", "what there is to choose from"),
        ("pfsolve models pull qwen2.5-math-1.5b-instruct", "fetch one"),
    ),
    "models list": (
        ("pfsolve models list", "a table"),
        ("pfsolve models list --json | jq .models[].name", "all that is known, as JSON"),
    ),
    "models suggest": (
        ("pfsolve models suggest", "the best that fits, and how to use it"),
        ("pfsolve models suggest --json | jq .policy", "its policy's name"),
    ),
    "models show": (
        ("pfsolve models show qwen2.5-math-1.5b-instruct", "one to a line"),
        ("pfsolve models show smollm2-135m-instruct --json", "as JSON"),
    ),
    "models pull": (
        ("pfsolve models pull qwen2.5-math-1.5b-instruct", "fetch one"),
        ("pfsolve models pull smollm2-135m-instruct -q", "without a progress bar"),
    ),
    "models convert": (
        ("pfsolve models convert qwen2.5-math-1.5b-prm-0.2", "a model of the list"),
        ("pfsolve models convert ./my-prm --type Q4_K_M", "a checkpoint of your own"),
    ),
    "models path": (
        ("pfsolve models path smollm2-135m-instruct", "its file"),
        ("pfsolve models path smollm2-135m-instruct --json", "as JSON"),
    ),
    "models verify": (
        ("pfsolve models verify", "all that are on this disk"),
        ("pfsolve models verify smollm2-135m-instruct", "one"),
    ),
    "models rm": (
        ("pfsolve models rm smollm2-135m-instruct", "free its bytes"),
        ("pfsolve models rm smollm2-135m-instruct --json", "and say how many, as JSON"),
    ),
    "config": (
        ("pfsolve config show", "what every setting is, and where that is said"),
        ("pfsolve config set particles 16", "from now on"),
    ),
    "config show": (
        ("pfsolve config show", "of a run without options"),
        ("pfsolve config show --method greedy", "of one with these"),
        ("pfsolve config show --json | jq .settings.particles", "as JSON"),
    ),
    "config path": (
        ("pfsolve config path", "the file"),
        ("pfsolve config path --json | jq .exists", "is it there?"),
    ),
    "config set": (
        ("pfsolve config set particles 16", "one setting"),
        ("pfsolve config set method beam particles 12", "two that go together"),
    ),
    "programs": (
        ("pfsolve programs build", "a minute, once"),
        ("pfsolve programs run program.py", "try one"),
    ),
    "programs build": (
        ("pfsolve programs build", "if it is not there yet"),
        ("pfsolve programs build --again", "anew"),
    ),
    "programs verify": (
        ("pfsolve programs verify", "is it as it should be?"),
        ("pfsolve programs verify --json", "as JSON"),
    ),
    "programs run": (
        ("pfsolve programs run program.py", "a file"),
        ('echo "print(6 * 7)" | pfsolve programs run -', "standard input"),
    ),
    "results": (
        ("pfsolve results summary results.jsonl", "accuracy, tokens, time"),
        ("pfsolve results merge part*.jsonl -o all.jsonl", "join what --shard has split"),
    ),
    "results summary": (
        ("pfsolve results summary results.jsonl", "a row for each setting"),
        ("pfsolve results summary a.jsonl b.jsonl --json", "as JSON"),
    ),
    "results merge": (
        ("pfsolve results merge part1.jsonl part2.jsonl", "to standard output"),
        ("pfsolve results merge part*.jsonl -o all.jsonl", "to a file"),
    ),
    "reward": (
        ("pfsolve reward show", "the default policy's probe"),
        ("pfsolve reward eval labelled.jsonl", "how good is a reward?"),
    ),
    "reward eval": (
        ("pfsolve reward eval labelled.jsonl", "the default reward"),
        ("pfsolve reward eval runs --reward confidence", "on recorded rollouts"),
        ("pfsolve reward eval labelled.jsonl -o scores.jsonl", "can be resumed"),
    ),
    "reward train": (
        ("pfsolve reward train --problems answered.jsonl", "the policy's own probe"),
        ("pfsolve reward train --keep rollouts", "from what was solved before"),
        ("pfsolve reward train --problems a.jsonl -o head.npz", "for --reward head.npz"),
    ),
    "reward show": (
        ("pfsolve reward show", "the default policy's"),
        ("pfsolve reward show head.npz --json", "a file, as JSON"),
    ),
    "help": (
        ("pfsolve help", "all options"),
        ("pfsolve help models", "a command's"),
        ("pfsolve help models pull", "a command's below it"),
    ),
}
