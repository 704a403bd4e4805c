//! What a run does next: a pure state machine over plan, state, observations and time.
