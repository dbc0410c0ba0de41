// parse_json: a JSON document with every key once, within limits, or an error with its path.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/json_path.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// What a document may have at most. A value takes up to about 100 bytes of memory.
struct JsonLimits {
    std::size_t bytes = 16u << 20;
    std::size_t depth = 64;
    std::size_t values = 1'000'000;
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void throw_json_error(std::string_view source,
                                                       const JsonPath& path, std::string_view what,
                                                       std::string_view expected,
                                                       std::string_view got) {
    throw CheckpointError(what, std::string(source) + ": " + path.text(), expected, got,
                          "take a file that has not been changed");
}

/// What nlohmann's parser would read otherwise than JSON says: it skips a byte-order mark, and
/// takes a zero byte for the end.
inline void require_plain_text(std::string_view text, std::string_view source) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        throw_json_error(source, {}, "a byte-order mark before the JSON",
                         "JSON from the first byte", "a byte-order mark");
    }
    if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
        throw_json_error(source, {}, "a zero byte in the JSON", "text",
                         "a zero byte at byte " + std::to_string(zero));
    }
}

/// Listens to nlohmann's parser and builds the document.
class JsonBuilder {
public:
    JsonBuilder(std::string_view source, const JsonLimits& limits)
        : source_(source), limits_(limits) {}

    [[nodiscard]] nlohmann::json take() { return std::move(root_); }

    bool null() { return add(nullptr); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(nlohmann::json::number_integer_t value) { return add(value); }
    bool number_unsigned(nlohmann::json::number_unsigned_t value) { return add(value); }
    bool number_float(nlohmann::json::number_float_t value, const std::string&) {
        return add(value);
    }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(nlohmann::json::binary_t&) { return false; }

    bool start_object(std::size_t) { return open(nlohmann::json::object()); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(nlohmann::json::array()); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        auto& object = open_.back()->get_ref<nlohmann::json::object_t&>();
        const auto [place, is_new] = object.emplace(std::move(name), nullptr);
        if (!is_new) {
            fail(path_of_open() / place->first, "a key that stands twice", "every key once",
                 "a second " + in_quotes(place->first));
        }
        value_ = &place->second;
        key_.assign(place->first);
        return true;
    }

    bool parse_error(std::size_t position, const std::string& token,
                     const nlohmann::json::exception&) {
        fail(path_of_open(), "this is not JSON", "JSON",
             in_quotes(token) + " at byte " + std::to_string(position));
    }

private:
    /// One that is open, and under which key or index it lies in the one before it.
    struct Step {
        bool in_object;
        std::string key;
        std::size_t index;
    };

    [[noreturn]] KASMINA_COLD void fail(const JsonPath& path, std::string_view what,
                                        std::string_view expected, const std::string& got) const {
        throw_json_error(source_, path, what, expected, got);
    }

    [[nodiscard]] KASMINA_COLD JsonPath path_of_open() const {
        JsonPath path;
        for (const Step& step : steps_) {
            path = step.in_object ? path / std::string_view(step.key) : path / step.index;
        }
        return path;
    }

    /// Puts a value where one is due, and says where it lies.
    nlohmann::json& place(nlohmann::json&& value) {
        if (++values_ > limits_.values) {
            fail(path_of_open(), "too many values", "at most " + std::to_string(limits_.values),
                 "more");
        }
        if (open_.empty()) return root_ = std::move(value);
        nlohmann::json& parent = *open_.back();
        if (parent.is_object()) return *value_ = std::move(value);
        return parent.get_ref<nlohmann::json::array_t&>().emplace_back(std::move(value));
    }

    bool add(nlohmann::json value) {
        place(std::move(value));
        return true;
    }

    bool open(nlohmann::json&& container) {
        if (open_.size() == limits_.depth) {
            fail(path_of_open(), "nested too deeply",
                 "at most " + std::to_string(limits_.depth) + " levels", "more");
        }
        if (!open_.empty()) {
            const nlohmann::json& parent = *open_.back();
            const bool in_object = parent.is_object();
            steps_.push_back({in_object, in_object ? key_ : std::string(),
                              in_object ? std::size_t{0} : parent.size()});
        }
        open_.push_back(&place(std::move(container)));
        return true;
    }

    bool close() {
        open_.pop_back();
        if (!steps_.empty()) steps_.pop_back();
        return true;
    }

    std::string_view source_;
    JsonLimits limits_;
    nlohmann::json root_;
    std::vector<nlohmann::json*> open_;
    std::vector<Step> steps_;
    nlohmann::json* value_ = nullptr;
    std::string key_;
    std::size_t values_ = 0;
};

}  // namespace detail

/// Parses a JSON document (RFC 8259) strictly: every key of an object once (compared after escapes
/// are read), numbers that a double or 64 bits hold, UTF-8, nothing before or behind. `source` is
/// what messages call the document, `model.safetensors: kasmina`. Time n log n, memory bounded by
/// the limits. Errors: CheckpointError, whose `where()` is `source` and the path (JsonPath).
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text, std::string_view source,
                                               const JsonLimits& limits = {}) {
    if (text.size() > limits.bytes) {
        detail::throw_json_error(source, {}, "too long a JSON document",
                                 "at most " + std::to_string(limits.bytes) + " bytes",
                                 std::to_string(text.size()) + " bytes");
    }
    detail::require_plain_text(text, source);
    detail::JsonBuilder builder(source, limits);
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

}  // namespace kasmina::checkpoint::file
