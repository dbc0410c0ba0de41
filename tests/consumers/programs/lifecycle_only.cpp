// A consumer that wants the lifecycle and nothing else: no tensors, no dependency.
#include <string_view>

#include <kasmina/lifecycle/lifecycle.hpp>
#include <kasmina/version.hpp>

#if defined(EXPECTED_VERSION)
static_assert(std::string_view(EXPECTED_VERSION) == kasmina::version);
#endif
static_assert(KASMINA_VERSION >= 1000);

int main() {
    using kasmina::Stage;
    static_assert(kasmina::is_allowed(Stage::training, Stage::blending));
    return kasmina::next_stage(Stage::holding) == Stage::fossilized ? 0 : 1;
}
