"""A deterministic simulator of years of a clinic, with everything going wrong that can: safety.md, F-45.

The engine, the store's statements, the people's requests and the core are the real ones. What is simulated is the world
around them: the clock, the channels, the moments at which a process dies, and what people do. One whole number, the
seed, decides all of it, so that whatever is found is found again:

    python -m tests.faults.simulator --seeds 1000 --pump-years 100 --jobs 2
    python -m tests.faults.simulator --seed 4711

After every step the promises R-01 to R-14 and SR-53 are judged, by rules that are written here and not taken from the
engine. Time does not pass: it jumps to the next instant at which anything can happen.

chance     where every random number of a run comes from, the engine's ids too
clock      the true time, what the clock shows, and what goes wrong with it
disk       a real store in memory, and the statement or the commit at which the process dies
post       what carries the messages, and fails
house      fictional clinics, their people and their pumps
people     what they do, and when
weather    how rough one world is
troubles   what goes wrong, and when
expected   when somebody must be told, worked out a second time
copies     what must hold of every copy and every answer
promises   what must hold after every step
world      a run
"""
