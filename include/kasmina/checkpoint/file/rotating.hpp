// Rotating: a folder of checkpoints that keeps the last few and the best.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/open_file.hpp>
#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/reflect/name_letter.hpp>

namespace kasmina::checkpoint {

/// What Rotating keeps.
struct RotatingOptions {
    /// What file names begin with: letters, digits, `_` and `-`.
    std::string name = "checkpoint";
    /// How many of the last, at least 1.
    std::size_t keep = 3;
    /// Whether the one with the best score stays too, however old.
    bool keep_best = true;
    /// Whether a higher score is a better one.
    bool higher_is_better = true;
};

/// One file of a Rotating.
struct RotatingEntry {
    std::filesystem::path path{};
    std::uint64_t step = 0;
    std::optional<double> score{};

    friend bool operator==(const RotatingEntry&, const RotatingEntry&) = default;
};

/// Saves to `<name>-<step>[-score<number>].safetensors` in one folder. All that it knows is in the
/// names, so that there is no list that could disagree with the files; files with other names are
/// never touched. One process saves to a folder at a time.
class Rotating {
public:
    /// Writes one checkpoint to a path, atomically.
    using Save = std::function<void(const std::filesystem::path&)>;
    /// Takes up a checkpoint; throws CheckpointError, with nothing changed, when it is broken.
    using Load = std::function<void(const std::filesystem::path&)>;

    /// What load_newest found.
    struct Loaded {
        /// The one that was loaded; none when no file was whole.
        std::optional<RotatingEntry> entry{};
        /// Newer ones that were refused, with the errors' texts.
        std::vector<std::pair<std::filesystem::path, std::string>> refused{};
    };

    /// The folder is made when it is missing. Errors: OptionError; CheckpointError when the folder
    /// cannot be made.
    explicit Rotating(std::filesystem::path folder, RotatingOptions options = {})
        : folder_(std::move(folder)), options_(std::move(options)) {
        check_options();
        file::detail::require_path(folder_);
        std::error_code failure;
        std::filesystem::create_directories(folder_, failure);
        if (failure) {
            throw CheckpointError("the folder of checkpoints cannot be made", folder_.string(),
                                  "a folder", failure.message(), "choose another folder");
        }
    }

    /// Saves the checkpoint of `step` (an epoch, or a training step) and then removes what is no
    /// longer kept, so that there is never one fewer than promised. One of the same step is
    /// replaced, also where it is broken and nothing like a checkpoint any more. Errors:
    /// CheckpointError when a whole checkpoint of a later step is there (another run's: saving
    /// would not make this one the newest), or a score is not finite; what `save` throws. Nothing
    /// that is whole, or cannot be opened, has been removed then.
    std::filesystem::path save(std::uint64_t step, std::optional<double> score, const Save& save) {
        const std::vector<RotatingEntry> before = entries();
        require_newest(before, step);
        const std::filesystem::path path = path_of(step, score);
        for (const RotatingEntry& entry : before) {
            if (entry.path == path && is_broken(entry)) {
                remove(path, "a broken file in the new one's place cannot be removed");
            }
        }
        save(path);
        require_saved(path);
        for (const RotatingEntry& entry : before) {
            if (entry.step == step && entry.path != path) remove(entry.path, outlived);
        }
        remove_old(step);
        return path;
    }
    std::filesystem::path save(std::uint64_t step, const Save& save) {
        return this->save(step, std::nullopt, save);
    }

    /// What is there, oldest first, whole or not.
    [[nodiscard]] std::vector<RotatingEntry> entries() const {
        std::vector<RotatingEntry> found;
        std::error_code failure;
        std::filesystem::directory_iterator file(folder_, failure);
        for (; !failure && file != std::filesystem::directory_iterator(); file.increment(failure)) {
            auto entry = entry_of(file->path());
            std::error_code ignored;
            if (!entry || !std::filesystem::is_regular_file(entry->path, ignored)) continue;
            found.push_back(std::move(*entry));
        }
        if (failure) {
            throw CheckpointError("the folder of checkpoints cannot be read", folder_.string(),
                                  "a folder", failure.message(),
                                  "make the folder anew, or look at its mode");
        }
        std::ranges::sort(found, [](const RotatingEntry& a, const RotatingEntry& b) {
            return std::tie(a.step, a.path) < std::tie(b.step, b.path);
        });
        return found;
    }

    /// The newest file whose header and length are whole; none when there is none.
    [[nodiscard]] std::optional<RotatingEntry> newest() const {
        const std::vector<RotatingEntry> all = entries();
        const auto found = std::find_if(all.rbegin(), all.rend(), is_whole);
        return found == all.rend() ? std::nullopt : std::optional(*found);
    }

    /// The whole file with the best score, the newest of equal ones; none when none has a score.
    [[nodiscard]] std::optional<RotatingEntry> best() const {
        std::optional<RotatingEntry> best;
        for (RotatingEntry& entry : entries()) {
            if (!entry.score || !is_whole(entry)) continue;
            const bool worse = best && (options_.higher_is_better ? *entry.score < *best->score
                                                                  : *entry.score > *best->score);
            if (!worse) best = std::move(entry);
        }
        return best;
    }

    /// Loads the newest that `load` takes, going back over those that it refuses with a
    /// CheckpointError.
    [[nodiscard]] Loaded load_newest(const Load& load) const {
        Loaded loaded;
        std::vector<RotatingEntry> all = entries();
        for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
            try {
                load(entry->path);
                loaded.entry = std::move(*entry);
                return loaded;
            } catch (const CheckpointError& error) {
                loaded.refused.emplace_back(entry->path, error.what());
            }
        }
        return loaded;
    }

private:
    static constexpr std::string_view extension = ".safetensors";
    static constexpr std::string_view score_mark = "-score";

    void check_options() const {
        const auto fits = [](char c) { return reflect::is_name_letter(c) || c == '-'; };
        if (options_.name.empty() || options_.name.size() > 100 ||
            !std::ranges::all_of(options_.name, fits)) {
            throw OptionError("a name that checkpoints cannot begin with", "RotatingOptions::name",
                              "1 to 100 letters, digits, _ and -", file::in_quotes(options_.name),
                              "choose another name");
        }
        if (options_.keep == 0) {
            throw OptionError("no checkpoint would be kept", "RotatingOptions::keep", "at least 1",
                              "0", "keep one at least");
        }
    }

    [[nodiscard]] std::filesystem::path path_of(std::uint64_t step,
                                                const std::optional<double>& score) const {
        std::string digits = std::to_string(step);
        if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
        std::string name = options_.name + "-" + digits;
        if (score) {
            if (!is_finite(*score)) {
                throw CheckpointError("a score that is not finite", folder_.string(),
                                      "a finite number, or no score", number_text(*score),
                                      "look after the run, or save without a score");
            }
            std::array<char, 32> text{};
            const auto end = std::to_chars(text.data(), text.data() + text.size(), *score).ptr;
            name.append(score_mark).append(text.data(), end);
        }
        return folder_ / name.append(extension);
    }

    /// What a file's name says; none for a file that is not of this Rotating.
    [[nodiscard]] std::optional<RotatingEntry> entry_of(const std::filesystem::path& path) const {
        const std::string name = path.filename().string();
        std::string_view rest = name;
        const std::string prefix = options_.name + "-";
        if (!rest.starts_with(prefix) || !rest.ends_with(extension)) return std::nullopt;
        rest.remove_prefix(prefix.size());
        rest.remove_suffix(std::min(rest.size(), extension.size()));
        RotatingEntry entry{.path = path};
        const char* const end = rest.data() + rest.size();
        const auto step = std::from_chars(rest.data(), end, entry.step);
        if (step.ec != std::errc()) return std::nullopt;
        rest.remove_prefix(static_cast<std::size_t>(step.ptr - rest.data()));
        if (rest.starts_with(score_mark)) {
            rest.remove_prefix(score_mark.size());
            double score = 0;
            const auto parsed = std::from_chars(rest.data(), end, score);
            if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
            entry.score = score;
        } else if (!rest.empty()) {
            return std::nullopt;
        }
        // Only what path_of makes: other ways to write the same number are somebody else's.
        if (entry.score && !is_finite(*entry.score)) return std::nullopt;
        return path_of(entry.step, entry.score).filename() == path.filename()
                   ? std::optional(std::move(entry))
                   : std::nullopt;
    }

    [[nodiscard]] static bool is_whole(const RotatingEntry& entry) {
        try {
            static_cast<void>(file::Reader::open(entry.path));
            return true;
        } catch (const CheckpointError&) {
            return false;
        }
    }

    /// Of one that cannot be opened nobody knows: it may be whole, and stays.
    [[nodiscard]] static bool is_broken(const RotatingEntry& entry) {
        return !is_whole(entry) && can_be_opened(entry);
    }

    [[nodiscard]] static bool can_be_opened(const RotatingEntry& entry) {
        file::PosixFileOperations operations;
        const auto opened =
            file::detail::uninterrupted([&] { return operations.open_for_reading(entry.path); });
        if (opened < 0) return false;
        const file::OpenFile closes(operations, static_cast<file::FileOperations::Handle>(opened));
        return true;
    }

    void require_newest(const std::vector<RotatingEntry>& all, std::uint64_t step) const {
        for (const RotatingEntry& entry : all) {
            if (entry.step <= step || !is_whole(entry)) continue;
            throw CheckpointError("a checkpoint of a later step is there", entry.path.string(),
                                  "steps before " + std::to_string(step),
                                  std::to_string(entry.step),
                                  "resume from the newest one, or save to another folder");
        }
    }

    static void require_saved(const std::filesystem::path& path) {
        std::error_code ignored;
        if (std::filesystem::is_regular_file(path, ignored)) return;
        throw CheckpointError("nothing was saved there", path.string(), "a file", "none",
                              "write the checkpoint to the path that the function is given");
    }

    static constexpr std::string_view outlived =
        "an old checkpoint cannot be removed (the new one is saved)";

    static void remove(const std::filesystem::path& path, std::string_view what) {
        std::error_code failure;
        std::filesystem::remove(path, failure);
        if (failure) {
            throw CheckpointError(what, path.string(), "a file that may be removed",
                                  failure.message(), "look at the folder's mode");
        }
    }

    /// Broken files do not count, and go when they are older than all that is kept. Those that
    /// cannot be opened stay.
    void remove_old(std::uint64_t newest_step) const {
        std::optional<RotatingEntry> kept_for_score;
        if (options_.keep_best) kept_for_score = best();
        const std::vector<RotatingEntry> all = entries();
        std::size_t kept = 0;
        for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
            if (kept < options_.keep) {
                if (entry->step <= newest_step && is_whole(*entry)) ++kept;
            } else if ((!kept_for_score || *entry != *kept_for_score) && can_be_opened(*entry)) {
                remove(entry->path, outlived);
            }
        }
    }

    std::filesystem::path folder_;
    RotatingOptions options_;
};

}  // namespace kasmina::checkpoint
