def phrases(on_set, *, key="phrases"):
    return None
