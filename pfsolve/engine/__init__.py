"""The only room that knows llama.cpp."""

from pfsolve.environment import let_threads_sleep, without_backtraces

# Here, since each module of this room loads llama.cpp's library.
let_threads_sleep()
without_backtraces()
