"""How files belong together: the project's root, its environment, what names refer to, and class hierarchies."""
