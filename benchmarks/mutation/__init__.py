"""A measure of missed alarms: faults planted in sound classes of real packages, observed by torch, looked for by paramlint."""
