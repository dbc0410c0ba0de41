// expects: DuplicateName<
// expects: ConvLight
// expects: Copycat
// Two blueprints of one name cannot be in one list (B-3).
#include <string_view>

#include <kasmina/blueprints/cnn.hpp>

struct Copycat : kasmina::cnn::Noop {
#ifdef KASMINA_MUST_NOT_COMPILE
    static constexpr std::string_view name = "conv_light";
#else
    static constexpr std::string_view name = "copycat";
#endif
};

static_assert(kasmina::CnnBlueprints::with<Copycat>::size == 9);
