// Emulated: the CUDA backend's device on the CPU, where kernels run as fibers and mistakes show.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/mask_tile_cache.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/draws.hpp>
#include <kasmina/backends/cuda/pool_statistics.hpp>
#include <kasmina/backends/xtensor.hpp>

#include "support/cuda_emulation/emulated_block.hpp"
#include "support/cuda_emulation/memory.hpp"

namespace kasmina::test {

/// The emulated card's memory as one context uses it, and what is counted on that: shared by the
/// context and all that outlives it. Used by one thread at a time.
class EmulatedMemory {
public:
    [[nodiscard]] void* allocate(std::size_t bytes) {
        bool made = false;
        void* data = EmulatedRange::instance().take(bytes, made);
        if (made) {
            ++statistics_.allocations;
            statistics_.bytes_held += bytes;
        }
        statistics_.bytes_in_use += bytes;
        statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.bytes_in_use);
        if (recorded_) handed_out_.insert(data);
        return data;
    }

    using Blocks = std::vector<std::pair<void*, std::size_t>>;
    /// From here on what comes back is kept for the recording.
    void begin_recording() {
        recorded_.emplace();
        handed_out_.clear();
    }
    /// What has come back, and whether that is all that was handed out.
    [[nodiscard]] std::pair<Blocks, bool> end_recording() {
        Blocks blocks = std::move(*recorded_);
        recorded_.reset();
        return {std::move(blocks), handed_out_.empty()};
    }

    void release(void* data, std::size_t bytes) noexcept {
        if (recorded_) {
            handed_out_.erase(data);
            recorded_->emplace_back(data, bytes);
            return;
        }
        EmulatedRange::instance().give_back(data, bytes);
        statistics_.bytes_in_use -= bytes;
    }
    [[nodiscard]] backends::CudaPoolStatistics statistics() const noexcept { return statistics_; }
    void reset_peak() noexcept { statistics_.peak_bytes = statistics_.bytes_in_use; }

    /// Work is done when it is ordered; what is counted is how often a card's host would have
    /// stood still.
    void order() noexcept { ++ordered_; }
    void wait(std::uint64_t ticket) noexcept {
        if (ticket <= seen_) return;
        seen_ = ticket;
        ++waits_;
    }
    [[nodiscard]] std::uint64_t ordered() const noexcept { return ordered_; }
    [[nodiscard]] std::uint64_t waits() const noexcept { return waits_; }

private:
    EmulatedRange::User user_{};
    std::optional<Blocks> recorded_;
    std::unordered_set<void*> handed_out_;  ///< since a recording began
    backends::CudaPoolStatistics statistics_;
    std::uint64_t ordered_ = 0;
    std::uint64_t seen_ = 0;
    std::uint64_t waits_ = 0;
};

/// A copy to the host.
class EmulatedReading {
public:
    EmulatedReading() = default;
    EmulatedReading(std::shared_ptr<EmulatedMemory> memory, std::uint64_t ticket,
                    std::vector<std::max_align_t> values)
        : memory_(std::move(memory)), ticket_(ticket), values_(std::move(values)) {}

    [[nodiscard]] const void* get() {
        if (memory_) memory_->wait(ticket_);
        return values_.data();
    }

private:
    std::shared_ptr<EmulatedMemory> memory_;
    std::uint64_t ticket_ = 0;
    std::vector<std::max_align_t> values_;
};

/// Work that was taken down, and the memory that it uses. Move-only.
class EmulatedRecording {
public:
    using Work = std::vector<std::function<void()>>;

    EmulatedRecording() = default;
    EmulatedRecording(std::shared_ptr<EmulatedMemory> memory, EmulatedMemory::Blocks blocks,
                      Work work)
        : memory_(std::move(memory)), blocks_(std::move(blocks)), work_(std::move(work)) {}
    EmulatedRecording(EmulatedRecording&&) noexcept = default;
    EmulatedRecording& operator=(EmulatedRecording&& other) noexcept {
        std::swap(memory_, other.memory_);
        blocks_.swap(other.blocks_);
        work_.swap(other.work_);
        return *this;
    }
    ~EmulatedRecording() {
        if (!memory_) return;
        for (const auto& [data, bytes] : blocks_) memory_->release(data, bytes);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return memory_ != nullptr; }
    void run() const {
        for (const auto& each : work_) each();
    }

private:
    std::shared_ptr<EmulatedMemory> memory_;
    EmulatedMemory::Blocks blocks_;
    Work work_;
};

/// What a program asks of the emulated card.
class EmulatedContext {
public:
    /// Threads and blocks take turns in an order drawn from `seed`.
    explicit EmulatedContext(std::uint64_t seed = 1) : random_(seed) {}
    EmulatedContext(const EmulatedContext&) = delete;
    EmulatedContext& operator=(const EmulatedContext&) = delete;
    ~EmulatedContext() = default;

    [[nodiscard]] const std::shared_ptr<EmulatedMemory>& memory() const noexcept { return memory_; }
    [[nodiscard]] EmulatedMemory& pool() const noexcept { return *memory_; }
    [[nodiscard]] std::weak_ptr<const void> lifetime() const noexcept { return lifetime_.watch(); }
    [[nodiscard]] Precision precision() const noexcept { return precision_; }
    void set_precision(Precision precision) noexcept { precision_ = precision; }

    /// Capability: AttentionBackend.
    [[nodiscard]] MaskTileCache& mask_tiles() noexcept { return mask_tiles_; }

    [[nodiscard]] std::uint64_t waits() const noexcept { return memory_->waits(); }
    [[nodiscard]] std::uint64_t launches() const noexcept { return launches_; }
    [[nodiscard]] std::uint64_t uploads() const noexcept { return uploads_; }
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }

    void upload(const void* host, void* to, std::size_t bytes) {
        ++uploads_;
        ++unrepeatable_;
        copy_now(host, to, bytes);
    }
    void copy(const void* from, void* to, std::size_t bytes) {
        do_or_record([this, from, to, bytes] { copy_now(from, to, bytes); });
    }
    [[nodiscard]] EmulatedReading read(const void* from, std::size_t bytes) {
        ++reads_;
        ++unrepeatable_;
        std::vector<std::max_align_t> values(bytes / sizeof(std::max_align_t) + 1);
        copy_now(from, values.data(), bytes);
        return {memory_, memory_->ordered(), std::move(values)};
    }

    /// Runs `kernel` on all threads of all blocks, in an order of its own each time. Errors:
    /// EmulationError for what a card forbids or would hang on.
    template <class Kernel>
    void launch(const backends::cuda_detail::Launch& grid, const Kernel& kernel) {
        static_assert(std::is_trivially_copyable_v<Kernel>, "a kernel's arguments are bytes");
        if (grid.blocks == 0) return;
        check(Kernel::name, grid, sizeof(Kernel));
        ++launches_;
        if constexpr (requires { kernel.draw; }) {
            Kernel drawing = kernel;
            if (const auto draw = draws_.recorded(memory_, kernel.draw, recorded_.has_value())) {
                drawing.draw = *draw;
            } else {
                ++unrepeatable_;
            }
            do_or_record([this, grid, drawing] { run(grid, drawing); });
        } else {
            do_or_record([this, grid, kernel] { run(grid, kernel); });
        }
    }

    /// Runs `work`, a library's call, with the memory open.
    template <class Work>
    void call(Work&& work) {
        ++launches_;
        do_or_record([this, work] {
            memory_->order();
            const EmulatedRange::Access access;
            work();
        });
    }

    /// Capability: RecordingBackend. What is recorded is not done, as on a card.
    void begin_recording() {
        unrepeatable_before_ = unrepeatable_;
        memory_->begin_recording();
        recorded_.emplace();
    }
    [[nodiscard]] EmulatedRecording end_recording() {
        auto [blocks, whole] = memory_->end_recording();
        EmulatedRecording recording(memory_, std::move(blocks), std::move(*recorded_));
        recorded_.reset();
        if (!whole || unrepeatable_ != unrepeatable_before_) return {};
        return recording;
    }
    void draw_from(const Generator::State& random) noexcept { draws_.draw_from(random); }
    void replay(const EmulatedRecording& recording, std::uint64_t words) {
        if (const auto kernel = draws_.move(words)) launch({1, BlockState::warp, 0}, *kernel);
        ++launches_;
        recording.run();
    }
    [[nodiscard]] std::uint64_t unrepeatable() const noexcept { return unrepeatable_; }

    /// Errors: EmulationError when a kernel wrote behind the end of some memory.
    void synchronise() {
        memory_->wait(memory_->ordered());
        EmulatedRange::instance().check("synchronise");
    }

private:
    template <class Work>
    void do_or_record(Work work) {
        if (recorded_) {
            recorded_->push_back(std::move(work));
        } else {
            work();
        }
    }

    template <class Kernel>
    void run(const backends::cuda_detail::Launch& grid, const Kernel& kernel) {
        memory_->order();
        const EmulatedRange::Access access;
        std::vector<Index> order(static_cast<std::size_t>(grid.blocks));
        std::iota(order.begin(), order.end(), Index{0});
        for (std::size_t i = order.size(); i > 1; --i) {
            std::swap(order[i - 1], order[static_cast<std::size_t>(draw() % i)]);
        }
        // Of all contexts of a thread: stacks of fibers are costly to make.
        static thread_local BlockState block_state;
        for (const Index index : order) {
            block_state.run(Kernel::name, grid, index, draw(), [&](BlockState& state, int thread) {
                EmulatedBlock block(state, thread);
                kernel(block);
            });
        }
    }

    std::uint64_t draw() {
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        return random_ >> 17U;
    }
    void copy_now(const void* from, void* to, std::size_t bytes) {
        memory_->order();
        const EmulatedRange::Access access;
        std::memmove(to, from, bytes);
    }
    static void check(const char* name, const backends::cuda_detail::Launch& grid,
                      std::size_t arguments) {
        const bool fits = grid.blocks > 0 && grid.blocks < (Index{1} << 31U) && grid.threads > 0 &&
                          grid.threads <= 1024 && grid.threads % BlockState::warp == 0 &&
                          grid.shared_bytes >= 0 &&
                          grid.shared_bytes <= backends::cuda_detail::most_shared_bytes &&
                          arguments <= 4096;
        if (fits) return;
        throw EmulationError(
            "no card takes this launch", name,
            "1 to 2^31 - 1 blocks of 32 to 1024 threads in warps of 32, at most 227 KiB of shared "
            "memory and 4 KiB of arguments",
            std::to_string(grid.blocks) + " blocks of " + std::to_string(grid.threads) +
                " threads, " + std::to_string(grid.shared_bytes) + " bytes, " +
                std::to_string(arguments) + " of arguments",
            "check what was asked for");
    }

    std::shared_ptr<EmulatedMemory> memory_ = std::make_shared<EmulatedMemory>();
    std::uint64_t random_;
    std::uint64_t launches_ = 0;
    std::uint64_t uploads_ = 0;
    std::uint64_t reads_ = 0;
    std::uint64_t unrepeatable_ = 0;
    std::uint64_t unrepeatable_before_ = 0;
    std::optional<EmulatedRecording::Work> recorded_;
    Precision precision_ = Precision::full;
    MaskTileCache mask_tiles_;
    backends::cuda_detail::RecordedDraws<EmulatedMemory> draws_;
    ContextLifetime lifetime_;
};

/// The device. Products are the reference backend's, where a card has a library for them.
struct Emulated {
    using Context = EmulatedContext;
    using Memory = EmulatedMemory;
    using Reading = EmulatedReading;
    using Recording = EmulatedRecording;

    template <class T>
    static void gemm(Context& context, const Gemm<T>& call) {
        context.call([call] {
            typename backends::Xtensor<T>::Context reference;
            backends::Xtensor<T>::gemm(reference, call);
        });
    }
};

static_assert(backends::cuda_detail::Device<Emulated>);

}  // namespace kasmina::test
