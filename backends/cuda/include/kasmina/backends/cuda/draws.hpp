// Draws: random words of kernels, which a recording takes anew each time it is replayed.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/random/philox.hpp>

namespace kasmina::backends::cuda_detail {

/// What a kernel draws: a kernel that does has a member `draw`. In a recording the words are as
/// many further on in their stream as stands at `further`, the card's memory; it is null elsewhere.
struct Draw {
    RandomRange range{};
    const std::uint64_t* further = nullptr;

    [[nodiscard]] KASMINA_DEVICE RandomRange now() const {
        return further == nullptr ? range : further_on(range, *further);
    }
};

/// Says how much further on the next replay draws.
struct FurtherOnKernel {
    static constexpr const char* name = "further_on";
    std::uint64_t* to;
    std::uint64_t words;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        if (first_of(block) == 0) *to = words;
    }
};

/// A context's: the stream whose words can be recorded, and the number in the card's memory that
/// recorded kernels read. It is there once such a kernel has run.
template <class Memory>
class RecordedDraws {
public:
    RecordedDraws() = default;
    RecordedDraws(const RecordedDraws&) = delete;
    RecordedDraws& operator=(const RecordedDraws&) = delete;
    ~RecordedDraws() {
        if (memory_) memory_->release(words_, sizeof *words_);
    }

    void draw_from(const Generator::State& random) noexcept {
        stream_ = {random.key, random.stream};
    }
    /// The draw as it can be recorded; nothing where it cannot. Errors: ResourceError.
    [[nodiscard]] std::optional<Draw> recorded(const std::shared_ptr<Memory>& memory,
                                               const Draw& draw, bool recording) {
        if (stream_ != std::pair{draw.range.key, draw.range.stream}) return std::nullopt;
        if (words_ == nullptr && !recording) {
            words_ = static_cast<std::uint64_t*>(memory->allocate(sizeof *words_));
            memory_ = memory;
        }
        if (words_ == nullptr) return std::nullopt;
        return Draw{draw.range, recording ? words_ : nullptr};
    }
    /// What to run before a replay that draws so many words further on; nothing where that is said
    /// already.
    [[nodiscard]] std::optional<FurtherOnKernel> move(std::uint64_t words) noexcept {
        if (words_ == nullptr || said_ == words) return std::nullopt;
        said_ = words;
        return FurtherOnKernel{words_, words};
    }

private:
    std::optional<std::pair<std::uint64_t, std::uint64_t>> stream_{};  ///< its key and number
    std::shared_ptr<Memory> memory_{};
    std::uint64_t* words_ = nullptr;
    std::optional<std::uint64_t> said_{};
};

}  // namespace kasmina::backends::cuda_detail
