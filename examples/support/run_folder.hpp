// RunFolder: the checkpoints of a run of grow_cnn, of each network that it trains.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/fields.hpp>

#include "command_line.hpp"
#include "dataset.hpp"

namespace kasmina::examples {

/// What decides the outcome of a run: one that goes on must have been asked for the same.
struct RunSettings {
    std::string data{};
    std::size_t training_images = 0;
    std::size_t validation_images = 0;
    int epochs = 0;
    std::uint64_t seed = 0;
    std::string blueprint{};
    std::vector<std::string> slots{};
    double seed_rate = 0.0;
    std::string judge{};
    std::string incubation{};

    using Fields =
        reflect::List<&RunSettings::data, &RunSettings::training_images,
                      &RunSettings::validation_images, &RunSettings::epochs, &RunSettings::seed,
                      &RunSettings::blueprint, &RunSettings::slots, &RunSettings::seed_rate,
                      &RunSettings::judge, &RunSettings::incubation>;
    static constexpr std::string_view part_name = "settings";

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

[[nodiscard]] inline RunSettings settings_of(const CommandLine& line, const Splits& data) {
    return {.data = data.name,
            .training_images = data.training.count(),
            .validation_images = data.validation.count(),
            .epochs = line.epochs,
            .seed = line.seed,
            .blueprint = line.blueprint,
            .slots = line.slots,
            .seed_rate = line.seed_rate,
            .judge = line.judge,
            .incubation = line.incubation};
}

/// As it was in schema 1.
struct RunProgressBefore2 {
    std::vector<double> accuracies{};
    double seconds = 0.0;

    using Fields = reflect::List<&RunProgressBefore2::accuracies, &RunProgressBefore2::seconds>;
    static constexpr int schema = 1;
};

/// How far a network of a run is, beside what its trainer knows.
struct RunProgress {
    std::vector<double> accuracies{};  ///< on the validation part, after each epoch
    double seconds = 0.0;
    std::optional<double> multiplications{};  ///< of its training so far, where all were counted

    using Fields = reflect::List<&RunProgress::accuracies, &RunProgress::seconds,
                                 &RunProgress::multiplications>;
    static constexpr std::string_view part_name = "progress";

    /// Of its form in a checkpoint. 1: accuracies and seconds. 2: multiplications.
    static constexpr int schema = 2;
    using Before = RunProgressBefore2;
    [[nodiscard]] static RunProgress migrated(Before&& before) {
        return {std::move(before.accuracies), before.seconds, std::nullopt};
    }
};

/// Errors: OptionError that names the first setting in which they differ.
inline void require_same(const RunSettings& saved, const RunSettings& asked,
                         const std::string& file) {
    reflect::for_each_field(
        saved, asked, [&file](std::string_view name, const auto& was, const auto& is) {
            if (was == is) return;
            throw OptionError("the run that was saved is another one: " + std::string(name),
                              "--resume, " + file, "the options that it was started with",
                              "another value of " + std::string(name),
                              "give the same options, or another folder");
        });
}

/// The networks that a run trains: the host alone, the one that grows, and the grown one from the
/// start.
enum class RunNetwork : std::size_t { host, grown, from_start };

/// The last two checkpoints of each network; a broken one is passed over for the one before.
class RunFolder {
public:
    /// Errors: CheckpointError when the folder cannot be made; OptionError when there are
    /// checkpoints in it and the run does not go on with them.
    RunFolder(std::filesystem::path folder, RunSettings settings, bool resumes)
        : path_(std::move(folder)),
          settings_(std::move(settings)),
          resumes_(resumes),
          networks_{rotating("host"), rotating("grown"), rotating("from-start")} {
        if (resumes ||
            (of(RunNetwork::host).entries().empty() && of(RunNetwork::grown).entries().empty()))
            return;
        throw OptionError("there are checkpoints of another run", "--checkpoint",
                          "a folder without checkpoints, or --resume", path_.string(),
                          "go on with that run by --resume, or choose another folder");
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] bool resumes() const noexcept { return resumes_; }

    template <class... Parts>
    void save(RunNetwork network, int epoch, Parts&... parts) {
        of(network).save(static_cast<std::uint64_t>(epoch), [&](const std::filesystem::path& file) {
            checkpoint::save(file, settings_, parts...);
        });
    }

    /// Whether there was one that could be loaded; of each that could not, `tell` hears why.
    /// Errors: OptionError for a run with other settings; nothing has been loaded then.
    template <class Tell, class... Parts>
    [[nodiscard]] bool load(RunNetwork network, Tell&& tell, Parts&... parts) {
        const auto loaded = of(network).load_newest([&](const std::filesystem::path& file) {
            RunSettings saved;
            checkpoint::load(file, saved);
            require_same(saved, settings_, file.string());
            checkpoint::load(file, parts...);
        });
        for (const auto& [file, reason] : loaded.refused) tell("passed over: " + reason);
        if (loaded.entry) tell("going on from " + loaded.entry->path.string());
        return loaded.entry.has_value();
    }

private:
    [[nodiscard]] checkpoint::Rotating rotating(const char* name) const {
        return checkpoint::Rotating(path_, {.name = name, .keep = 2, .keep_best = false});
    }
    [[nodiscard]] checkpoint::Rotating& of(RunNetwork network) {
        return networks_[static_cast<std::size_t>(network)];
    }

    std::filesystem::path path_;
    RunSettings settings_;
    bool resumes_;
    std::array<checkpoint::Rotating, 3> networks_;
};

}  // namespace kasmina::examples
