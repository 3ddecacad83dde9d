"""The abstract interpreter: what a Module class does when it is built and called, learnt without running it."""
