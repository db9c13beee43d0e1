// Nothing is called by ours: the target is linked for what it defines.
