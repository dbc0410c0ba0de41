// A consumer that wants the lifecycle and nothing else: no tensors, no dependency.
#include <kasmina/lifecycle/lifecycle.hpp>

int main() {
    using kasmina::Stage;
    static_assert(kasmina::is_allowed(Stage::training, Stage::blending));
    return kasmina::next_stage(Stage::holding) == Stage::fossilized ? 0 : 1;
}
