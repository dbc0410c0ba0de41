// Failures: what went wrong when training was over, cause by cause.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace kasmina::examples {

inline constexpr const char* no_memory = "there is not enough memory";

/// What went wrong when training was over. The steps after it do not need each other, so one that
/// fails keeps nothing from the next.
class Failures {
public:
    template <class Step>
    void attempt(Step&& step) {
        try {
            step();
        } catch (const std::bad_alloc&) {
            causes_.emplace_back(no_memory);
        } catch (const std::exception& error) {
            causes_.emplace_back(error.what());
        }
    }
    void add(std::string cause) { causes_.push_back(std::move(cause)); }
    [[nodiscard]] const std::vector<std::string>& causes() const noexcept { return causes_; }

private:
    std::vector<std::string> causes_;
};

}  // namespace kasmina::examples
