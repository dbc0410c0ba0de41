// Golden numbers: reads one recorded PyTorch case and says how far a result is from it.
//
// A case is a small safetensors file under tests/golden (see its README.md for names and layout).
// The numbers are widened to double, whatever their stored type. Include from test sources only;
// the target defines KASMINA_GOLDEN_DIR as the path of tests/golden.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#ifndef KASMINA_GOLDEN_DIR
#error "define KASMINA_GOLDEN_DIR as the path of tests/golden"
#endif

namespace kasmina::test {

/// A file of the golden set is missing or malformed, or a test asks it for what it does not hold.
class GoldenError : public std::runtime_error {
public:
    GoldenError(const std::string& file, const std::string& what)
        : std::runtime_error("golden file " + file + ": " + what) {}
};

/// One recorded tensor, row-major.
struct GoldenTensor {
    std::string dtype;                 ///< as stored: F64, F32, BF16 or I64
    std::vector<std::size_t> shape;    ///< of the stored values
    std::vector<double> values;        ///< every stride-th element of the whole tensor
    std::size_t stride = 1;            ///< above 1 for a large result, of which a sample is stored
    double scale = 0.0;                ///< what an error is relative to: max |value| unless stated
    double tolerance_float32 = 1e-5;   ///< largest relative error that float may show
    double tolerance_float64 = 1e-10;  ///< largest relative error that double may show

    /// The largest relative error allowed for a computation in Scalar.
    template <class Scalar>
    [[nodiscard]] double tolerance() const {
        static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                      "golden tolerances exist for float and double");
        return std::is_same_v<Scalar, float> ? tolerance_float32 : tolerance_float64;
    }

    /// The values in the scalar type under test, for tensors that are inputs.
    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> as() const {
        std::vector<Scalar> converted(values.size());
        std::ranges::transform(values, converted.begin(),
                               [](double value) { return static_cast<Scalar>(value); });
        return converted;
    }
};

/// One recorded case: its tensors and its options.
class GoldenCase {
public:
    GoldenCase(std::string file, std::map<std::string, GoldenTensor> tensors,
               std::map<std::string, std::string> metadata)
        : file_(std::move(file)), tensors_(std::move(tensors)), metadata_(std::move(metadata)) {}

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const std::map<std::string, GoldenTensor>& tensors() const { return tensors_; }
    [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
    [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }

    /// The tensor of that name; an unknown name is an error that lists what there is.
    [[nodiscard]] const GoldenTensor& at(const std::string& name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) {
            throw GoldenError(file_, "no tensor '" + name + "'; it holds" + names_of(tensors_));
        }
        return found->second;
    }

    /// An option as text; an unknown name is an error that lists what there is.
    [[nodiscard]] const std::string& option(const std::string& name) const {
        const auto found = metadata_.find(name);
        if (found == metadata_.end()) {
            throw GoldenError(file_, "no option '" + name + "'; it holds" + names_of(metadata_));
        }
        return found->second;
    }

    /// An option as a number.
    [[nodiscard]] double number(const std::string& name) const {
        const std::string& text = option(name);
        std::size_t used = 0;
        double value = 0.0;
        try {
            value = std::stod(text, &used);
        } catch (const std::logic_error&) {
            used = 0;
        }
        if (used == 0 || used != text.size()) {
            throw GoldenError(file_, "option '" + name + "' is no number but '" + text + "'");
        }
        return value;
    }

    /// An option that counts something.
    [[nodiscard]] std::ptrdiff_t count(const std::string& name) const {
        return static_cast<std::ptrdiff_t>(number(name));
    }

private:
    template <class Map>
    static std::string names_of(const Map& map) {
        std::string names;
        for (const auto& entry : map) names += " '" + entry.first + "'";
        return names;
    }

    std::string file_;
    std::map<std::string, GoldenTensor> tensors_;
    std::map<std::string, std::string> metadata_;
};

namespace golden_detail {

inline double decode(std::string_view dtype, const char* at) {
    const auto read = [at]<class Stored>(Stored stored) {
        std::memcpy(&stored, at, sizeof(stored));
        return stored;
    };
    if (dtype == "F64") return read(double{});
    if (dtype == "F32") return static_cast<double>(read(float{}));
    if (dtype == "I64") return static_cast<double>(read(std::int64_t{}));
    const auto high_half = static_cast<std::uint32_t>(read(std::uint16_t{}));  // BF16
    return static_cast<double>(std::bit_cast<float>(high_half << 16U));
}

inline std::size_t size_of(const std::string& file, const std::string& dtype) {
    if (dtype == "F64" || dtype == "I64") return 8;
    if (dtype == "F32") return 4;
    if (dtype == "BF16") return 2;
    throw GoldenError(file, "stored type '" + dtype + "' is none of F64, F32, BF16, I64");
}

inline double number_or(const std::map<std::string, std::string>& metadata, const std::string& name,
                        double otherwise) {
    const auto found = metadata.find(name);
    return found == metadata.end() ? otherwise : std::stod(found->second);
}

inline GoldenTensor read_tensor(const std::string& file, const std::string& name,
                                const nlohmann::json& entry, std::string_view data,
                                const std::map<std::string, std::string>& metadata) {
    GoldenTensor tensor;
    tensor.dtype = entry.at("dtype").get<std::string>();
    tensor.shape = entry.at("shape").get<std::vector<std::size_t>>();
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
    const std::size_t width = size_of(file, tensor.dtype);
    std::size_t elements = 1;
    for (const std::size_t extent : tensor.shape) elements *= extent;
    if (begin > end || end > data.size() || end - begin != elements * width) {
        throw GoldenError(file, "tensor '" + name + "' spans bytes " + std::to_string(begin) +
                                    " to " + std::to_string(end) + " of " +
                                    std::to_string(data.size()) + ", its shape needs " +
                                    std::to_string(elements * width));
    }
    tensor.values.reserve(elements);
    double largest = 0.0;
    for (std::size_t i = 0; i < elements; ++i) {
        tensor.values.push_back(decode(tensor.dtype, data.data() + begin + i * width));
        largest = std::max(largest, std::abs(tensor.values.back()));
    }
    tensor.stride = static_cast<std::size_t>(number_or(metadata, "stride." + name, 1.0));
    tensor.scale = number_or(metadata, "scale." + name, largest);
    for (auto [type, tolerance] : {std::pair{"float32", &tensor.tolerance_float32},
                                   std::pair{"float64", &tensor.tolerance_float64}}) {
        const std::string key = std::string("tolerance.") + type;
        *tolerance = number_or(metadata, key + "." + name, number_or(metadata, key, *tolerance));
    }
    return tensor;
}

}  // namespace golden_detail

/// Reads a case by its name, as "blueprint/conv_heavy_c13_3x5_b3".
/// Throws GoldenError where the file is missing or is not what the recorder writes.
[[nodiscard]] inline GoldenCase read_golden(const std::string& name) {
    static_assert(std::endian::native == std::endian::little, "golden files are little-endian");
    const std::string file = std::string(KASMINA_GOLDEN_DIR) + "/" + name + ".safetensors";
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw GoldenError(file, "cannot be opened; is KASMINA_GOLDEN_DIR tests/golden?");
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};

    std::uint64_t header_size = 0;
    if (bytes.size() < sizeof(header_size)) throw GoldenError(file, "is shorter than 8 bytes");
    std::memcpy(&header_size, bytes.data(), sizeof(header_size));
    if (header_size > bytes.size() - sizeof(header_size)) {
        throw GoldenError(file, "states a header of " + std::to_string(header_size) +
                                    " bytes but has " + std::to_string(bytes.size()) + " in all");
    }
    const std::string_view all{bytes};
    const std::string_view text = all.substr(sizeof(header_size), header_size);
    const std::string_view data = all.substr(sizeof(header_size) + header_size);
    try {
        const auto header = nlohmann::json::parse(text);
        auto metadata = header.at("__metadata__").get<std::map<std::string, std::string>>();
        std::map<std::string, GoldenTensor> tensors;
        for (const auto& [key, entry] : header.items()) {
            if (key == "__metadata__") continue;
            tensors.emplace(key, golden_detail::read_tensor(file, key, entry, data, metadata));
        }
        return {file, std::move(tensors), std::move(metadata)};
    } catch (const nlohmann::json::exception& error) {
        throw GoldenError(file, std::string("its header is malformed: ") + error.what());
    }
}

/// The names of all cases that start so, sorted: golden_cases("blueprint/conv_heavy_").
/// The prefix names the folder; none found is an error.
[[nodiscard]] inline std::vector<std::string> golden_cases(const std::string& prefix) {
    const std::filesystem::path root{KASMINA_GOLDEN_DIR};
    const std::filesystem::path folder = std::filesystem::path(prefix).parent_path();
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(root / folder, missing)) {
        const std::string name = (folder / entry.path().stem()).generic_string();
        if (entry.path().extension() == ".safetensors" && name.starts_with(prefix)) {
            names.push_back(name);
        }
    }
    if (names.empty()) throw GoldenError((root / prefix).string() + "*", "no such case");
    std::ranges::sort(names);
    return names;
}

/// The largest |actual − recorded|, relative to the recorded tensor's scale; infinite where the
/// sizes do not fit or a value is not finite. A result that was thinned is compared at its sample.
template <class Scalar>
[[nodiscard]] double relative_error(std::span<const Scalar> actual, const GoldenTensor& recorded) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    const std::size_t stride = recorded.stride;
    if ((actual.size() + stride - 1) / stride != recorded.values.size()) return infinite;
    double largest = 0.0;
    for (std::size_t i = 0; i < recorded.values.size(); ++i) {
        const double difference =
            std::abs(static_cast<double>(actual[i * stride]) - recorded.values[i]);
        if (!std::isfinite(difference)) return infinite;
        largest = std::max(largest, difference);
    }
    return recorded.scale > 0.0 ? largest / recorded.scale : largest;
}

/// The same for anything contiguous, such as a std::vector.
template <class Range>
    requires requires(const Range& range) {
        std::span{range.data(), range.size()};
    }
[[nodiscard]] double relative_error(const Range& actual, const GoldenTensor& recorded) {
    using Scalar = std::remove_cvref_t<decltype(*actual.data())>;
    return relative_error(std::span<const Scalar>{actual.data(), std::size_t(actual.size())},
                          recorded);
}

/// Whether a result is as near to the recorded one as the file demands of its scalar type.
template <class Range>
[[nodiscard]] bool agrees(const Range& actual, const GoldenTensor& recorded) {
    using Scalar = std::remove_cvref_t<decltype(*actual.data())>;
    return relative_error(actual, recorded) <= recorded.template tolerance<Scalar>();
}

}  // namespace kasmina::test
