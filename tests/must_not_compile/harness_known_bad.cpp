// expects: the harness sees this
// The harness checks itself: this one must fail with just this message.
#ifdef KASMINA_MUST_NOT_COMPILE
static_assert(false, "the harness sees this");
#endif
