"""The only room that knows llama.cpp."""

from pfsolve.environment import let_threads_sleep

let_threads_sleep()  # here, since each module of this room loads llama.cpp's library
