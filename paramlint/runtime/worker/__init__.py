"""The process that imports user code: started by path under the user's interpreter, standard library and torch only."""
