// Nothing is called: the target is linked for the one symbol that it defines.
