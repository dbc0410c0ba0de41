// expects: nothing, for this compiles either way
int good;
