// TensorBoardSink: curves and texts of every slot in an event file that TensorBoard reads.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <kasmina/reflect/fields.hpp>
#include <kasmina/telemetry/events.hpp>
#include <kasmina/telemetry/output_file.hpp>
#include <kasmina/telemetry/tensorboard_event.hpp>

namespace kasmina::telemetry {

/// The event in a line, as people read it.
[[nodiscard]] inline std::string sentence(const Event& event) {
    return std::visit(
        [](const auto& typed) -> std::string {
            using Typed = std::remove_cvref_t<decltype(typed)>;
            if constexpr (std::is_same_v<Typed, SeedGerminated>) {
                return typed.seed.blueprint + " germinated with " +
                       std::to_string(typed.seed.seed_parameters) + " parameters";
            } else if constexpr (std::is_same_v<Typed, StageChanged>) {
                return typed.from + " to " + typed.to + " after " +
                       std::to_string(typed.epochs_in_from) + " epochs";
            } else if constexpr (std::is_same_v<Typed, GateEvaluated>) {
                return typed.message;
            } else if constexpr (std::is_same_v<Typed, SeedFossilized>) {
                return typed.seed.blueprint + " fossilized";
            } else {
                return typed.seed.blueprint + " pruned from " + typed.from + " by " +
                       typed.initiator + ": " + typed.reason;
            }
        },
        event);
}

/// Writes a new event file, `events.out.tfevents.<seconds since 1970>.kasmina`, into a folder that
/// is made where it is missing; TensorBoard takes each folder for one run. Every telemetry event
/// is one record, written at once: a process that is killed loses the last one at most.
///
/// Tags are `<slot>/<name>`, below `environment_<number>/` where an environment is set; the names
/// are listed in docs/telemetry.md. The step is the number of epochs that seeds have lived in that
/// slot, so that the curve of a second seed goes on where the first one's ended. Errors: DataError
/// with the cause when the file cannot be made or written; a record is written whole or not at all,
/// for readers stop at a broken one.
class TensorBoardSink {
public:
    explicit TensorBoardSink(const std::filesystem::path& folder) {
        const std::int64_t seconds = static_cast<std::int64_t>(now());
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        // Another run may write to the same folder in the same second: never overwrite its file.
        for (int taken = 0; !file_; ++taken) {
            std::string name = "events.out.tfevents." + std::to_string(seconds) + ".kasmina";
            if (taken > 0) name += "." + std::to_string(taken);
            file_ = OutputFile::create(folder / name, "TensorBoardSink");
        }
        file_->write(tensorboard::record(tensorboard::file_version_event(now())));
    }

    void emit(const Event& event) {
        const SeedContext& seed =
            std::visit([](const auto& typed) -> const SeedContext& { return typed.seed; }, event);
        std::string prefix = seed.slot + "/";
        if (seed.environment) {
            prefix = "environment_" + std::to_string(*seed.environment) + "/" + prefix;
        }
        tensorboard::Summary summary;
        const auto scalar = [&](std::string_view name, const auto& value) {
            if (const std::optional<double> point = point_of(value)) {
                summary.scalar(prefix + std::string(name), *point);
            }
        };
        Curves::walk(seed, scalar);
        if (const auto* verdict = std::get_if<GateEvaluated>(&event)) {
            summary.scalar(prefix + verdict->gate + "/passed", verdict->passed ? 1.0 : 0.0);
            summary.scalar(prefix + verdict->gate + "/score", verdict->score);
        }
        summary.text(prefix + "events", sentence(event));
        file_->write(tensorboard::record(
            tensorboard::summary_event(now(), step_of(prefix, seed.epochs_total), summary)));
    }

    /// The file that is being written.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_->path(); }

private:
    /// What is drawn of a seed's context, each under its field's name.
    using Curves =
        reflect::List<&SeedContext::alpha, &SeedContext::epochs_in_stage, &SeedContext::improvement,
                      &SeedContext::blending_delta, &SeedContext::readiness,
                      &SeedContext::readiness_error, &SeedContext::dependence,
                      &SeedContext::contribution, &SeedContext::contribution_error,
                      &SeedContext::gradient_ratio, &SeedContext::vanishing,
                      &SeedContext::exploding, &SeedContext::seed_parameters>;

    /// A number of a curve; absent where nothing was measured.
    template <class Value>
    [[nodiscard]] static std::optional<double> point_of(const Value& value) {
        return static_cast<double>(value);
    }
    template <class Value>
    [[nodiscard]] static std::optional<double> point_of(const std::optional<Value>& value) {
        return value ? point_of(*value) : std::nullopt;
    }

    /// Epochs of the seeds that lived in a slot before, and of the one that lives there now.
    struct Age {
        std::int64_t earlier = 0;
        std::int64_t current = 0;
    };

    [[nodiscard]] static double now() {
        const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration<double>(since_1970).count();
    }

    /// A seed's own count only rises; where it falls, another seed has begun.
    [[nodiscard]] std::int64_t step_of(const std::string& prefix, std::int64_t epochs_total) {
        Age& age = ages_[prefix];
        if (epochs_total < age.current) age.earlier += age.current;
        age.current = epochs_total;
        return age.earlier + age.current;
    }

    std::optional<OutputFile> file_;
    std::map<std::string, Age> ages_;
};

}  // namespace kasmina::telemetry
